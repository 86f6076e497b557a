"""What a server says in OpenAI's two protocols: bodies and errors become our own words."""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

import httpx2
import openai

from app.engine.errors import AppError, OutcomeUnknown, Rejected, Transient
from app.engine.model_prompt import neutral
from app.io.llm.port import Answer, Finish, Late

#: Wall seconds to leave a server alone that does not say how many, and the most believed.
LEFT_ALONE_S, LEFT_ALONE_MOST_S = 60.0, 3600.0
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

#: What an answer says: how it ended, and its text.
_Said = tuple[Finish, str]


def from_responses(content: bytes, request_id: str | None) -> Answer:
    """Read a body of the Responses API. Raises OutcomeUnknown where it is none."""
    body = _object(content)
    return _answer(body, request_id, _response(body), ("input_tokens", "output_tokens"))


def from_chat(content: bytes, request_id: str | None) -> Answer:
    """Read a body of Chat Completions. Raises OutcomeUnknown where it is none."""
    body = _object(content)
    return _answer(body, request_id, _completion(body), ("prompt_tokens", "completion_tokens"))


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise OutcomeUnknown("the model's server answered no JSON object; is the URL right?")
    return body


def _answer(
    body: Mapping[str, Any], request_id: str | None, said: _Said, usage: tuple[str, str]
) -> Answer:
    used = body.get("usage")
    tokens = [used.get(name) if isinstance(used, dict) else None for name in usage]
    sent, answered = (n if type(n) is int else None for n in tokens)
    name = body.get("model")
    return Answer(
        *said,
        model=neutral(name, 200) if isinstance(name, str) else "",
        request_id=neutral(request_id, 200) if request_id else None,
        input_tokens=sent,
        output_tokens=answered,
    )


def _response(body: Mapping[str, Any]) -> _Said:
    status = body.get("status")
    if status == "incomplete":
        details = body.get("incomplete_details")
        why = details.get("reason") if isinstance(details, dict) else None
        return Finish.REFUSED if why == "content_filter" else Finish.TRUNCATED, ""
    if status != "completed":
        raise OutcomeUnknown(f"the model's answer is {_word(status)}, not completed")
    # Reasoning comes before the message, and refusals stand in its place.
    messages = [item for item in _dicts(body.get("output")) if item.get("type") == "message"]
    parts = [part for message in messages for part in _dicts(message.get("content"))]
    if any(part.get("type") == "refusal" for part in parts):
        return Finish.REFUSED, ""
    return _text([part.get("text") for part in parts if part.get("type") == "output_text"])


def _completion(body: Mapping[str, Any]) -> _Said:
    choices = _dicts(body.get("choices"))
    message = choices[0].get("message") if len(choices) == 1 else None
    if not isinstance(message, dict):
        return Finish.MALFORMED, ""
    finish = choices[0].get("finish_reason")
    if message.get("refusal") or finish == "content_filter":
        return Finish.REFUSED, ""
    if finish == "length":
        return Finish.TRUNCATED, ""
    return _text([message.get("content")]) if finish == "stop" else (Finish.MALFORMED, "")


def _text(texts: list[Any]) -> _Said:
    if not texts or not all(isinstance(text, str) for text in texts):
        return Finish.MALFORMED, ""
    return Finish.ANSWERED, "".join(texts)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _word(value: object) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else "unreadable"


def from_error(error: openai.APIError) -> AppError:
    """Return what an error of the client means. Its own text is left out: it may quote the key."""
    if isinstance(error, openai.APIStatusError):
        return _refusal(error)
    if isinstance(error.__cause__, _UNSENT):
        return Transient("the model's server cannot be reached")
    if isinstance(error, openai.APITimeoutError):
        return Late("the model's server did not answer in time")
    return OutcomeUnknown("the connection to the model's server broke")


def _refusal(error: openai.APIStatusError) -> AppError:
    status, code = error.status_code, _code(error)
    said = f"the model's server said {status}"
    if status >= 500 or status == 408:
        return OutcomeUnknown(said)
    if status == 429 and "insufficient_quota" not in (error.code, error.type):
        return Transient(said, retry_after_s(error.response.headers))
    return Rejected(code, said)


def _code(error: openai.APIStatusError) -> str:
    return (
        error.code
        if isinstance(error.code, str) and _CODE.fullmatch(error.code)
        else (f"{error.status_code}")
    )


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Return for how many wall seconds a server wants to be left alone; a usual pause if unsaid."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if isfinite(seconds) and seconds >= 0:
            return min(seconds, LEFT_ALONE_MOST_S)
    return LEFT_ALONE_S


def has_no_responses(error: openai.APIStatusError) -> bool:
    """Does a server say that it has no Responses API? One without the model has it."""
    return error.status_code in (404, 405) and error.code != "model_not_found"
