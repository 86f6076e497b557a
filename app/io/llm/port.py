"""The model port: one prompt in, one answer out, with what it cost."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered, as text of the asked-for schema, and the tokens that are billed."""

    text: str
    model: str
    request_id: str | None
    input_tokens: int
    output_tokens: int


class Model(Protocol):
    """A language model. Raises only Transient, Rejected or OutcomeUnknown.

    Rejected's codes that mean the same everywhere: ``refused`` (the model will not answer) and
    ``truncated``. OutcomeUnknown: it may be billed.
    """

    def ask(self, instructions: str, text: str, timeout_s: float) -> Answer:
        """Ask once, without a retry; wall seconds."""
