"""What the language model answered: read strictly, or refused with the reason."""

import json
from dataclasses import dataclass
from typing import Any

from app.engine.model_prompt import neutral
from app.engine.verdicts import Reason, Verdict

#: The answer's form. Ranges stand in words: servers refuse or ignore the keywords for them.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "stance": {"type": "number", "description": "from -1 to 1"},
        "confidence": {"type": "number", "description": "from 0 to 1"},
        "reason": {"type": "string", "description": "at most 200 characters"},
    },
    "required": ["stance", "confidence", "reason"],
    "additionalProperties": False,
}
SCHEMA_NAME = "opinion"
#: Bytes; a longer answer is not read.
LONGEST = 4000
#: Characters of the reason.
LONGEST_REASON = 200
_RANGES = {"stance": (-1, 1), "confidence": (0, 1)}


@dataclass(frozen=True, slots=True)
class Reading:
    """A valid answer: stance in [-1, 1], confidence in [0, 1], and the model's own words."""

    stance: float
    confidence: float
    reason: str


def read(text: str) -> Reading | Verdict:
    """Return what a text of ``SCHEMA`` says; MODEL_MALFORMED or MODEL_OUT_OF_RANGE where not.

    One object with exactly these names, each once; a number is finite and no boolean.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > LONGEST:
        return _malformed(f"{size} bytes", f"{LONGEST} bytes")
    try:
        said = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return _malformed("no JSON")
    if not isinstance(said, dict):
        return _malformed(type(said).__name__)
    return _shape(said) or _ranges(said) or _reading(said)


def _reading(said: dict[str, Any]) -> Reading:
    reason = neutral(said["reason"], LONGEST)
    return Reading(float(said["stance"]), float(said["confidence"]), reason)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _shape(said: dict[str, Any]) -> Verdict | None:
    wanted = SCHEMA["required"]
    if set(said) != set(wanted):
        names = ", ".join(neutral(name, 40) for name in sorted(said))
        return _malformed(names[:200] or "nothing", ", ".join(wanted))
    for name in _RANGES:
        if type(said[name]) not in (int, float):
            return _malformed(f"{name} is no number")
    if not isinstance(said["reason"], str):
        return _malformed("reason is no text")
    length = len(said["reason"])
    return None if length <= LONGEST_REASON else _malformed(length, LONGEST_REASON)


def _ranges(said: dict[str, Any]) -> Verdict | None:
    for name, (low, high) in _RANGES.items():
        if not low <= said[name] <= high:
            measured = f"{name} {str(said[name])[:40]}"
            return Verdict("model", Reason.MODEL_OUT_OF_RANGE, measured, f"{low} to {high}")
    return None


def _malformed(measured: str | int, limit: str | int | None = None) -> Verdict:
    return Verdict("model", Reason.MODEL_MALFORMED, measured, limit)
