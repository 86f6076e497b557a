"""`metronome why`: the chain of gates behind what a symbol did or did not do."""

import json as jsonlib
import os
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from app.engine.errors import InvalidData, Transient

if TYPE_CHECKING:
    from app.config import Settings
    from app.engine.book import Book
    from app.io.store.chains import Decision
    from app.io.store.database import Database

ACCEPTED = "HH:MM on the exchange's clock, or ISO 8601 such as 2026-03-20T10:31"
#: A pipe has no width: wide enough for the longest reason.
PIPE_WIDTH = 180
_CLOCK = re.compile(r"\d\d?:\d\d(:\d\d)?")


def why(
    symbol: Annotated[str, typer.Argument(help="A symbol of the book's universe.")],
    at: Annotated[
        str | None,
        typer.Option(help=f"What was decided at or before this time: {ACCEPTED}."),
    ] = None,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a symbol did or did not trade: every gate with what it measured and its limit."""
    from app.config import load
    from app.io.calendar import ExchangeCalendar
    from app.io.store.database import Database

    settings = load(os.environ, confirm_real=True)
    chosen = settings.book(book) if book else settings.books[0]
    zone = ExchangeCalendar(chosen.calendar).zone
    name = symbol.upper()
    with _database_url(settings) as url:
        found = _chain(Database(url, "metronome-why"), chosen, name, at, zone)
    if json:
        print(jsonlib.dumps(as_json(chosen.id, name, found), indent=2))
    elif not found:
        print(f"Nothing is known of {name} in {chosen.id}{f' at {at}' if at else ''} yet.")
    else:
        show(chosen.id, name, found, zone)


def _database_url(settings: "Settings") -> AbstractContextManager[str]:
    if settings.database_url:
        return nullcontext(settings.store_url())
    from app.local.running import open_database

    return open_database(settings.state)


def _chain(
    database: "Database", book: "Book", symbol: str, at: str | None, zone: ZoneInfo
) -> list["Decision"]:
    """Read the newest chain. Raises InvalidData for an unknown symbol, a bad time, other tables."""
    from sqlalchemy.exc import ProgrammingError

    from app.pipeline.why import why as read

    try:
        found = []
        if symbol.isascii():
            found = read(database, book.id, symbol, _moment(database, book, at, zone))
    except ProgrammingError as error:
        raise InvalidData(
            "The database does not have this version's tables: run `metronome migrate`."
        ) from error
    except Transient as error:
        raise Transient(f"{error}; check DATABASE_URL, and that the server runs") from error
    if not found and symbol not in book.universe.symbols:
        known = ", ".join(sorted(book.universe.symbols))
        raise InvalidData(f"{symbol!r} is not in the universe of {book.id}, which is {known}.")
    return found


def _moment(
    database: "Database", book: "Book", text: str | None, zone: ZoneInfo
) -> datetime | None:
    """Read --at: a clock time is one of the newest session, a time without zone the exchange's."""
    if text is None:
        return None
    try:
        if _CLOCK.fullmatch(text):
            return _in_newest_session(database, book, time.fromisoformat(text.zfill(5)), zone)
        if "T" not in text and " " not in text:
            raise ValueError(text)
        said = datetime.fromisoformat(text)
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidData(f"--at: {text!r}; accepted: {ACCEPTED}.") from error


def _in_newest_session(
    database: "Database", book: "Book", clock: time, zone: ZoneInfo
) -> datetime | None:
    from app.io.store import sessions

    with database.begin() as db:
        session = sessions.current(db, book.id)
    if session is None:
        return None
    return datetime.combine(session.date, clock, zone).astimezone(UTC)


def as_json(book: str, symbol: str, found: Sequence["Decision"]) -> dict[str, object]:
    """Return the chain as JSON values; times are UTC."""
    from app.api.decisions import verdict_view

    chain = [verdict_view(decision).model_dump(mode="json") for decision in found]
    return {"book": book, "symbol": symbol, "chain": chain}


def show(book: str, symbol: str, found: Sequence["Decision"], zone: ZoneInfo) -> None:
    """Print the chain as a table: a block for each step and subject."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from app.api.words import in_words
    from app.engine.verdicts import Reason

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("time", "UTC", "step", "about", "", "gate", "measured", "limit", "reason"):
        table.add_column(name, overflow="fold")
    before = None
    for d in found:
        block = (d.at, d.step, d.symbol, d.subject)
        if before is not None and block != before:
            table.add_section()
        head = _heading(d, zone) if block != before else ("", "", "", "")
        before = block
        passed = d.reason == Reason.PASSED
        mark, words = ("✓", "") if passed else ("✗", in_words(d.reason))
        table.add_row(*head, mark, d.gate, _shown(d.measured, zone), _shown(d.limit, zone), words)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(markup=False, highlight=False, emoji=False, width=width)
    day = found[-1].at.astimezone(zone).date()
    console.print(f"{symbol} in {book} on {day}, settings {found[-1].settings}")
    console.print(table)


def _heading(decision: "Decision", zone: ZoneInfo) -> tuple[str, str, str, str]:
    kind, _, rest = decision.subject.partition(":")
    about = f"basket {rest.partition(':')[0]}" if kind == "basket" else kind
    local = f"{decision.at.astimezone(zone):%H:%M:%S %Z}"
    return local, f"{decision.at:%H:%M:%S}", decision.step, f"{decision.symbol} {about}".strip()


def _shown(text: str | None, zone: ZoneInfo) -> str:
    """Return a stored number as it is, a stored time on the exchange's clock."""
    if text is None:
        return ""
    if not re.match(r"\d{4}-\d\d-\d\dT", text):
        return text
    return f"{datetime.fromisoformat(text).astimezone(zone):%H:%M:%S %Z}"
