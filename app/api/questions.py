"""What callers may ask: query parameters with their bounds; any other name is refused."""

from datetime import UTC, datetime
from datetime import date as Date
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.engine.errors import InvalidData
from app.engine.orders import OrderState
from app.io.calendar import FIRST, LAST
from app.pipeline.summaries import asked

MOST_ROWS = 1000
FIRST_YEAR, LAST_YEAR = 2000, 2099


def moment(text: object) -> datetime:
    """Read an ISO 8601 time with a zone. Raises ValueError that says what is accepted."""
    accepted = "accepted: ISO 8601 with a zone, such as 2026-03-20T14:31:00Z"
    spelt = str(text)
    if "T" in spelt:
        # An unescaped + of a query arrives as a blank.
        spelt = spelt.replace(" ", "+")
    try:
        at = datetime.fromisoformat(spelt)
    except ValueError as error:
        raise ValueError(accepted) from error
    if at.tzinfo is None or not spelt.isprintable():
        raise ValueError(accepted)
    if not FIRST_YEAR < at.year < LAST_YEAR:
        raise ValueError(f"accepted: a year between {FIRST_YEAR} and {LAST_YEAR}")
    return at.astimezone(UTC)


def day(text: object) -> Date:
    """Read a date of the exchange. Raises ValueError that says what is accepted."""
    accepted = f"accepted: a date such as 2026-03-20, from {FIRST} to {LAST}"
    try:
        read = Date.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError(accepted) from error
    # Only the plain spelling: 20260320 and 2026-W12-5 are ISO 8601 too.
    if str(text) != read.isoformat() or not FIRST <= read.isoformat() <= LAST:
        raise ValueError(accepted)
    return read


Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9./-]{1,12}$", description="in capitals")]
Limit = Annotated[int, Field(ge=1, le=MOST_ROWS, description="how many rows at most")]
Moment = Annotated[datetime, BeforeValidator(moment)]


class BookQuestion(BaseModel):
    """Which book; the first one where none is named."""

    model_config = ConfigDict(extra="forbid")
    book: str | None = None


class KpiQuestion(BookQuestion):
    """Which day of the exchange; that of the newest figures where none is named."""

    date: Annotated[Date, BeforeValidator(day)] | None = None


class DailyQuestion(BookQuestion):
    """Which settled days: one date, from one to another, or the newest where none is named."""

    date: Annotated[Date, BeforeValidator(day)] | None = None
    first: Annotated[Date, BeforeValidator(day)] | None = Field(default=None, alias="from")
    last: Annotated[Date, BeforeValidator(day)] | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        try:
            asked(self.date, self.first, self.last)
        except InvalidData as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def range(self) -> tuple[Date, Date] | None:
        """Return the dates that are meant, both included; None: the newest."""
        return asked(self.date, self.first, self.last)


class SettingsQuestion(BookQuestion):
    """In force when; now where no time is named."""

    at: Moment | None = None


class ExperimentQuestion(BookQuestion):
    """How many experiments."""

    limit: Limit = 100


class OrderQuestion(BookQuestion):
    """Which orders."""

    state: OrderState | None = None
    symbol: Symbol | None = None
    limit: Limit = 100


class FunnelQuestion(BookQuestion):
    """Which day of the exchange; the newest session's where none is named."""

    date: Annotated[Date, BeforeValidator(day)] | None = None


class VerdictQuestion(BookQuestion):
    """Which verdicts: of a symbol, at or before a time."""

    symbol: Symbol | None = None
    at: Moment | None = None
    limit: Limit = 100


class WhyQuestion(BookQuestion):
    """Which symbol, at or before which time."""

    symbol: Symbol
    at: Moment | None = None
