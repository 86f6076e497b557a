"""The model port: one prompt in, one answer out, with what it cost."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from app.engine.errors import OutcomeUnknown
from app.engine.model_prompt import Prompt


class Finish(StrEnum):
    """How an answer ended: as asked for, refused by the model, cut off, or unreadable."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered, and the tokens that are billed whatever the finish.

    ``text`` is its own words, meant to be of the asked-for schema, and empty unless ANSWERED. A
    number of tokens is None where the server did not say, or said no number.
    """

    finish: Finish
    text: str
    model: str
    request_id: str | None
    input_tokens: int | None
    output_tokens: int | None


class Late(OutcomeUnknown):
    """No answer within the time; it may come and be billed."""


class Model(Protocol):
    """A language model. Raises only Transient, Rejected or OutcomeUnknown.

    Transient: nothing reached the model; with ``retry_after_s`` its server answered that it wants
    to be left alone for so many wall seconds, without it nothing was sent. Rejected: the server
    said no; nothing is billed. OutcomeUnknown (Late where there was no time left): it may be
    billed.
    """

    def ask(self, prompt: Prompt, timeout_s: float) -> Answer:
        """Ask once, without a retry, within so many wall seconds; safe from several threads."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the model is, and who we are there."""

    url: str
    key: str = field(repr=False)
