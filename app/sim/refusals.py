"""How the exchange says no: an HTTP status, a code, a message and sometimes numbers."""

from typing import Any

INVALID = 40010001
UNPROCESSABLE = 42210000
FORBIDDEN = 40310000
NOT_FOUND = 40410000


class Refused(Exception):
    """A request that the exchange understood and declines."""

    def __init__(self, status: int, code: int | None, message: str, **numbers: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **numbers}
        if code is None:
            del self.body["code"]


def invalid(message: str) -> Refused:
    """The request itself is malformed."""
    return Refused(422, INVALID, message)


def unprocessable(message: str) -> Refused:
    """The request is well formed but breaks a rule of trading."""
    return Refused(422, UNPROCESSABLE, message)


def forbidden(message: str, **numbers: Any) -> Refused:
    """The account may not do this now."""
    return Refused(403, FORBIDDEN, message, **numbers)


def not_found(message: str) -> Refused:
    """There is no such thing."""
    return Refused(404, NOT_FOUND, message)
