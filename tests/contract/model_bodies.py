"""Bodies that a server of OpenAI's two protocols answers with (contract A3)."""

import json
from typing import Any

GOOD = {"stance": 0.5, "confidence": 0.8, "reason": "Guidance was raised."}


def a_message(*content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": list(content),
    }


def text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def a_response(*output: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A completed response; without output it is one reasoning item and one good message."""
    thought = {"id": "rs_1", "type": "reasoning", "summary": []}
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1774018800,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-5-mini-2026-01-01",
        "output": list(output) or [thought, a_message(text_part(json.dumps(GOOD)))],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "text": {"format": {"type": "text"}},
        "usage": {
            "input_tokens": 310,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 90,
            "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": 400,
        },
    }
    return body | changes


def a_completion(finish: str = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": json.dumps(GOOD), "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1774018800,
        "model": "local-model",
        "choices": [
            {"index": 0, "finish_reason": finish, "logprobs": None, "message": said | message}
        ],
        "usage": {"prompt_tokens": 310, "completion_tokens": 90, "total_tokens": 400},
    }


def an_error(code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    said = "Incorrect API key provided: sk-very-secret"
    return {"error": {"message": said, "type": kind, "param": None, "code": code}}
