"""The world's language model: reads a prompt's text and answers by the schema that was sent."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from app.sim import words
from app.sim.hostile import instructs

#: The share of hostile texts that it obeys.
FOOLED = 0.5
#: Tokens it thinks with before it answers, from and to.
THINKING = (64, 640)
#: Bytes of a token, about.
TOKEN = 4
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Reading:
    """What it makes of a text; ``thinking`` are tokens."""

    stance: float
    confidence: float
    reason: str
    thinking: int


def read(prompt: str, seed: int) -> Reading:
    """Return its view of a prompt, the same for the same prompt and seed.

    What stands between the last <data> and </data> is the text, else all of it.
    """
    text = _fenced(prompt)
    random = Random(f"{seed} {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}")
    thinking = random.randrange(*THINKING)
    told = instructs(text)
    if told is not None:
        if random.random() < FOOLED:
            return Reading(told, 1.0, "The text asks for it.", thinking)
        return Reading(0.0, 0.0, "The text tries to steer the answer.", thinking)
    tone, said = words.tone(text)
    if not said:
        return Reading(0.0, round(random.uniform(0.05, 0.2), 2), "Nothing that moves it.", thinking)
    stance = max(-1.0, min(1.0, tone + random.gauss(0.0, 0.08)))
    confidence = min(0.95, 0.35 + 0.5 * abs(tone) + random.uniform(0, 0.1))
    side = "good" if stance > 0 else "bad"
    return Reading(round(stance, 2), round(confidence, 2), f"The words are {side} news.", thinking)


def _fenced(prompt: str) -> str:
    """Instructions may name the fence before it is put up: the last one counts."""
    _, begins, inside = prompt.rpartition("<data>")
    text, ends, _ = inside.rpartition("</data>")
    return text if begins and ends else prompt


def tokens(text: str) -> int:
    """Return about how many tokens a text has; none is none."""
    return -(-len(text.encode("utf-8", "replace")) // TOKEN)


def answer(schema: Mapping[str, Any], reading: Reading) -> Any:
    """Return an object of the schema: its view by name, and a plain value of any other type."""
    return _value(schema, schema, reading, "", 0)


def _value(
    schema: Mapping[str, Any], root: Mapping[str, Any], reading: Reading, name: str, depth: int
) -> Any:
    if depth > _DEEPEST:
        return None
    if reference := schema.get("$ref"):
        return _value(_referred(str(reference), root), root, reading, name, depth + 1)
    if options := schema.get("anyOf"):
        return _value(options[0], root, reading, name, depth + 1)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {n: _value(s, root, reading, n, depth + 1) for n, s in properties.items()}
    if name in ("stance", "confidence", "reason"):
        return getattr(reading, name)
    plain = {"number": 0.0, "integer": 0, "string": "", "boolean": False, "array": []}
    return plain.get(str(schema.get("type")))


def _referred(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(part, {}) if isinstance(found, dict) and part else found
    return found if isinstance(found, dict) else {}


def schema_fault(schema: Any, where: str = "") -> str | None:
    """Return what strict structured output refuses of a schema, None where it takes it."""
    if not isinstance(schema, dict):
        return f"schema{where} must be an object"
    if not where and schema.get("type") != "object":
        return 'schema must be of type "object"'
    if schema.get("type") != "object":
        return None
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        return f"properties{where} must be an object"
    if schema.get("additionalProperties") is not False:
        return f"'additionalProperties' is required to be supplied and to be false{where}"
    required = schema.get("required")
    if not isinstance(required, list) or set(map(str, required)) != set(properties):
        return f"'required' must be supplied and name every key in properties{where}"
    faults = (schema_fault(s, f" in {n}") for n, s in properties.items())
    return next((fault for fault in faults if fault), None)
