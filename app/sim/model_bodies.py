"""OpenAI's two protocols: what a request asks for, and the bodies that answer it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.sim import reader

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: What the service adds to a model's name in its answers.
SNAPSHOT = "2026-01-15"


class BadRequest(Exception):
    """A body that the service does not take, with its code."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: every text of it, the form and schema of its answer (None: plain text), and more.

    ``number`` and ``at`` (epoch seconds) are the answer's.
    """

    model: str
    text: str
    form: Mapping[str, Any]
    schema: Mapping[str, Any] | None
    most_tokens: int | None
    number: int
    at: int


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: what it says, or refuses to, and the tokens of both sides."""

    text: str
    refusal: str | None
    truncated: bool
    input_tokens: int
    output_tokens: int
    thinking: int


def read_responses(body: Any, number: int, at: int) -> Asked:
    """Read a body of POST /v1/responses. Raises BadRequest."""
    body = _object(body)
    given = body.get("input")
    parts = [given] if isinstance(given, str) else list(_texts(given))
    if not parts:
        raise BadRequest("Missing required parameter: 'input'.", "missing_required_parameter")
    instructions = body.get("instructions")
    parts = [*([instructions] if isinstance(instructions, str) else []), *parts]
    form = _mapping(_mapping(body.get("text")).get("format"))
    return Asked(
        model=_model(body),
        text="\n".join(parts),
        form=form or {"type": "text"},
        schema=_schema(form, form),
        most_tokens=_most(body, "max_output_tokens"),
        number=number,
        at=at,
    )


def read_chat(body: Any, number: int, at: int) -> Asked:
    """Read a body of POST /v1/chat/completions. Raises BadRequest."""
    body = _object(body)
    parts = list(_texts(body.get("messages")))
    if not parts:
        raise BadRequest("Missing required parameter: 'messages'.", "missing_required_parameter")
    form = _mapping(body.get("response_format"))
    return Asked(
        model=_model(body),
        text="\n".join(parts),
        form=form,
        schema=_schema(form, _mapping(form.get("json_schema"))),
        most_tokens=_most(body, "max_completion_tokens") or _most(body, "max_tokens"),
        number=number,
        at=at,
    )


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadRequest("We could not parse the JSON body of your request.")
    if body.get("stream"):
        raise BadRequest("Unsupported value: 'stream' must be false here.", "unsupported_value")
    return body


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(messages: Any) -> Iterator[str]:
    """Yield the texts of messages whose content is a text or a list of parts with texts."""
    for message in messages if isinstance(messages, list) else []:
        content = _mapping(message).get("content")
        for part in content if isinstance(content, list) else [{"text": content}]:
            if isinstance(text := _mapping(part).get("text"), str):
                yield text


def _model(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("you must provide a model parameter", "missing_required_parameter")
    return model


def _most(body: Mapping[str, Any], name: str) -> int | None:
    given = body.get(name)
    if given is None:
        return None
    if type(given) is not int or given < 16:
        raise BadRequest(
            f"Invalid '{name}': expected a value >= 16, but got {given!r} instead.",
            "integer_below_min_value",
        )
    return given


def _schema(form: Mapping[str, Any], named: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if form.get("type", "text") == "text":
        return None
    name, schema = named.get("name"), named.get("schema")
    if form["type"] != "json_schema" or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRequest(f"Invalid format: {form['type']!r}, name {name!r}.", "invalid_value")
    fault = reader.schema_fault(schema)
    if fault is not None or not isinstance(schema, dict):
        raise BadRequest(f"Invalid schema for '{name}': {fault}.", "invalid_json_schema")
    return schema


def responses(asked: Asked, said: Said) -> dict[str, Any]:
    """Return the body of a response: what it thought of comes ahead of its message."""
    status = "incomplete" if said.truncated else "completed"
    part: dict[str, Any] = {"type": "output_text", "text": said.text, "annotations": []}
    part |= {"logprobs": []}
    if said.refusal is not None:
        part = {"type": "refusal", "refusal": said.refusal}
    message = {"type": "message", "role": "assistant", "status": status, "content": [part]}
    return {
        "id": f"resp_{asked.number:048x}",
        "object": "response",
        "created_at": asked.at,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if said.truncated else None,
        "instructions": None,
        "max_output_tokens": asked.most_tokens,
        "metadata": {},
        "model": f"{asked.model}-{SNAPSHOT}",
        "output": [
            {"id": f"rs_{asked.number:048x}", "type": "reasoning", "summary": []},
            {"id": f"msg_{asked.number:048x}", **message},
        ],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "text": {"format": asked.form},
        "usage": {
            "input_tokens": said.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said.output_tokens,
            "output_tokens_details": {"reasoning_tokens": said.thinking},
            "total_tokens": said.input_tokens + said.output_tokens,
        },
    }


def chat(asked: Asked, said: Said) -> dict[str, Any]:
    """Return the body of a chat completion."""
    content = None if said.refusal is not None else said.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "annotations": []}
    return {
        "id": f"chatcmpl-{asked.number:029x}",
        "object": "chat.completion",
        "created": asked.at,
        "model": f"{asked.model}-{SNAPSHOT}",
        "choices": [
            {
                "index": 0,
                "finish_reason": "length" if said.truncated else "stop",
                "logprobs": None,
                "message": {**message, "refusal": said.refusal},
            }
        ],
        "usage": {
            "prompt_tokens": said.input_tokens,
            "completion_tokens": said.output_tokens,
            "total_tokens": said.input_tokens + said.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": said.thinking,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
    }
