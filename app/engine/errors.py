"""The error tree: every error is named by what its caller must do next.

AppError
├── InvalidData      bad input or a broken invariant → stop that book, tell a person
├── Transient        nothing happened                → retry with back-off
├── Rejected(code)   the other side said no          → record it, do not retry
└── OutcomeUnknown   it may have happened            → resolve it, never retry blindly
"""


class AppError(Exception):
    """Anything that this program raises on purpose."""


class InvalidData(AppError):
    """An input cannot be used or an invariant does not hold: stop the book and tell a person."""


class Transient(AppError):
    """Nothing happened on the other side; the same call may be made again after a pause."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(AppError):
    """The other side understood and said no; asking again gives the same answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["Rejected"], tuple[str, str]]:
        """Travel between processes as what it was made of, not as the text that it shows."""
        return type(self), (self.code, self.message)


class OutcomeUnknown(AppError):
    """The request may have been carried out: look the outcome up, never send it again blindly."""
