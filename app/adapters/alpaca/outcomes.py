"""What each way that a call to Alpaca can end means to the caller."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import NewConnectionError

from app.engine.errors import AppError, OutcomeUnknown, Rejected, Transient
from app.engine.times import pause_told

_DUPLICATE, _NOT_FOUND = 40010001, 40410000
#: The broker's codes of a no begin with a status; a proxy's are any small number, 5 or 404.
_CODES = range(40_000_000, 50_000_000)
_REFUSALS = frozenset({400, 401, 403, 404, 422})
#: The code is that of any refused order; only the words say that the market takes none now.
_CLOSED = re.compile(
    r"market (is|hours are) (closed|not open)|outside (of )?(regular )?market hours"
    r"|(trading|symbol|asset) (in .* )?is (currently )?halted"
    r"|(opg|cls) orders are (only )?accepted after"
)
#: Its code is that of any order that is badly formed; only the words name the client id.
_KNOWN_ID = re.compile(r"client[ _-]?order[ _-]?id.*(unique|duplicate|already)")
_WITHOUT_CODE = {401: "unauthorized", 403: "forbidden"}


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is no success; ``message`` is None where the body is not the broker's JSON."""

    status: int
    code: int | None
    message: str | None
    retry_after_s: float | None = None


def failure(status: int, body: str, headers: Mapping[str, str]) -> Failure:
    """Read an error answer; a gateway's page instead of the broker's JSON is no error here."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    code = said.get("code") if isinstance(said, dict) else None
    message = said.get("message") if isinstance(said, dict) else None
    return Failure(
        status=status,
        code=code if isinstance(code, int) and not isinstance(code, bool) else None,
        message=" ".join(message.split())[:200] if isinstance(message, str) else None,
        retry_after_s=pause_told(headers) if status == 429 else None,
    )


def of_read(answer: Failure) -> AppError:
    """Return the error of a call that changes nothing."""
    code = _refusal_code(answer)
    if code is not None:
        return Rejected(code, answer.message or "")
    return Transient(_described(answer), answer.retry_after_s)


def of_write(answer: Failure) -> AppError:
    """Return the error of a call that may have changed something."""
    code = _refusal_code(answer)
    if code is not None:
        return Rejected(code, answer.message or "")
    # The broker's own rate limiter answers before anything is done; a foreign page proves nothing.
    if answer.status == 429 and answer.message is not None:
        return Transient(_described(answer), answer.retry_after_s)
    return OutcomeUnknown(_described(answer))


def never_sent(error: Exception) -> bool:
    """Say whether a call failed before a connection was there to send it on."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _refusal_code(answer: Failure) -> str | None:
    """Return the code of a definite no; None where the answer is not one."""
    if answer.status not in _REFUSALS or answer.message is None:
        return None
    if answer.code is None:
        return _WITHOUT_CODE.get(answer.status)
    if answer.code not in _CODES:
        return None
    if answer.status == 404:
        # An address that leads elsewhere must not make an order unknown.
        return "not_found" if answer.code == _NOT_FOUND else None
    words = answer.message.lower()
    if answer.code == _DUPLICATE and _KNOWN_ID.search(words):
        return "duplicate"
    if _CLOSED.search(words):
        return "closed"
    return str(answer.code)


def _described(answer: Failure) -> str:
    said = f": {answer.message}" if answer.message else ", not in the broker's format"
    return f"the broker answered {answer.status}{said}"
