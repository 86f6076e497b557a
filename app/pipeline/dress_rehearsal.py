"""The dress rehearsal: whether a paper book's last sessions went as those with money must go."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from sqlalchemy.engine import Connection

from app.engine.book import Book, BookStatus, Mode
from app.engine.orders import IN_DOUBT, OrderState
from app.engine.readiness import Item, all_refused, item
from app.engine.rounding import cents
from app.engine.session import Phase
from app.io.calendar import Calendar, span_of
from app.io.store import (
    accounts,
    adjustments,
    book_states,
    fills,
    market_states,
    orders,
    positions,
    recovery,
    settings_log,
    settlements,
    status_log,
)
from app.io.store import sessions as session_rows
from app.io.store.book_states import BookRow
from app.io.store.sessions import SessionRow
from app.io.store.status_log import Entry
from app.pipeline import invariants
from app.pipeline.claims import FROZEN
from app.pipeline.differences import STOPPED
from app.pipeline.refusals import WATCHED

#: So many sessions in a row, and the names of what is asked of them.
SESSIONS = 5
NAMES = (
    "sessions",
    "attended",
    "invariants",
    "differences",
    "settlement",
    "status",
    "reconciled",
    "rehearsed_code",
    "rehearsed_settings",
)
#: What a difference led to that the broker's word does not explain, or that is left to people.
UNEXPLAINED = (STOPPED, "refused", FROZEN, WATCHED)
#: A session was attended where the books were compared with the broker's in each such time of it.
LONGEST_ABSENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rehearsal must have been of: the book, its code, and what was in force, by name."""

    book: Book
    commit: str | None
    values: Mapping[str, str]


def look(db: Connection, wanted: Wanted, calendar: Calendar) -> Iterator[Item]:
    """Yield each item of the rehearsal. Raises InvalidData for a book that never ran here."""
    row = book_states.load(db, wanted.book.id)
    lately = session_rows.newest(db, wanted.book.id, SESSIONS)
    yield _sessions(db, wanted.book, calendar, lately)
    if lately:
        yield _attended(db, wanted.book, lately)
        yield _invariants(db, wanted.book)
        yield _differences(db, wanted.book, calendar, lately)
        yield _settlement(db, wanted.book, lately)
        yield _status(wanted.book, row, status_log.since(db, wanted.book.id, lately[-1].open_at))
        yield _reconciled(wanted.book, row.reconciled_at, lately)
        yield from _same(db, wanted, lately)
    else:
        yield from all_refused(NAMES[1:], "there was no session", "Rehearse.")


def _sessions(db: Connection, book: Book, calendar: Calendar, lately: Sequence[SessionRow]) -> Item:
    paper = book_states.modes(db).get(book.id) == Mode.PAPER
    closed = [s.date for s in lately if s.state == Phase.CLOSED]
    last = lately[0].date if lately else None
    due = [last, *(calendar.previous(last, n).date for n in range(1, SESSIONS))] if last else []
    said = ", ".join(f"{s.date} {s.state}" for s in lately) or "none"
    return item(
        "sessions",
        paper and bool(due) and closed == due,
        f"the newest sessions of {book.id}{'' if paper else ', which is not PAPER,'} are: {said}",
        f"Let {SESSIONS} PAPER sessions in a row, no trading day left out, end CLOSED.",
    )


def _attended(db: Connection, book: Book, lately: Sequence[SessionRow]) -> Item:
    found = [f"{s.date}: {said}" for s in lately if (said := _absence(db, book, s))]
    return item(
        "attended",
        not found,
        f"{len(lately) - len(found)} of {len(lately)} sessions were traded from the open to the "
        "close" + "".join(f"; {f}" for f in found[:3]),
        "Let it run through whole sessions: a day that is only opened or settled proves nothing.",
    )


def _absence(db: Connection, book: Book, session: SessionRow) -> str | None:
    """Say when nobody was there; None where a session was attended.

    Sessions pass through what was missed, so that their states alone do not say it.
    """
    moved = {m.to_state: m.at for m in market_states.of_day(db, book.id, session.date)}
    for phase, latest in (
        (Phase.TRADING, session.open_at + LONGEST_ABSENCE),
        (Phase.CLOSING, session.close_at),
    ):
        if phase not in moved or moved[phase] >= latest:
            return f"{phase} since {moved.get(phase, 'never')}"
    looked = accounts.curve(db, book.id, session.open_at, session.close_at)
    moments = [session.open_at, *(each.at for each in looked), session.close_at]
    longest, since = max((b - a, a) for a, b in pairwise(moments))
    if longest > LONGEST_ABSENCE:
        return f"not compared with the broker for {longest} since {since}"
    return None


def _invariants(db: Connection, book: Book) -> Item:
    made, executed = orders.listing(db, book.id), fills.all(db, book.id)
    changes = adjustments.all(db, book.id)
    net = invariants.summed(executed, changes)
    held = {symbol: p.quantity for symbol, p in positions.held(db, book.id).items()}
    equity = session_rows.first_equity(db, book.id) or Decimal(0)
    found = [
        *(f"{o.client_id} in doubt" for o in made if o.state in IN_DOUBT | {OrderState.NEW}),
        *(f"{symbol} differs from its fills" for symbol in _differing(held, net)),
        *invariants.oversold(made, held),
        *invariants.breached_limits(book, made, executed, changes, equity),
    ]
    return item(
        "invariants",
        not found,
        f"{len(found)} breaches in all that {book.id} did" + "".join(f"; {f}" for f in found[:3]),
        "A breach is a defect or somebody else's trade: find it, then rehearse in a new database.",
    )


def _differing(held: Mapping[str, Decimal], summed: Mapping[str, Decimal]) -> list[str]:
    return sorted(s for s in held.keys() | summed.keys() if held.get(s) != summed.get(s))


def _differences(
    db: Connection, book: Book, calendar: Calendar, lately: Sequence[SessionRow]
) -> Item:
    since, _ = span_of(lately[-1].date, calendar.zone)
    found = [
        f"{d.kind} {d.subject}: ours {d.ours}, theirs {d.theirs}"
        for d in recovery.listing(db, book.id, since)
        if d.kind != "broker" and d.action.startswith(UNEXPLAINED)
    ]
    return item(
        "differences",
        not found,
        f"{len(found)} differences that the broker's word does not explain"
        + "".join(f"; {f}" for f in found[:3]),
        "Find out who changed the account, then rehearse again.",
    )


def _settlement(db: Connection, book: Book, lately: Sequence[SessionRow]) -> Item:
    found = []
    for session in lately:
        settled = settlements.load(db, book.id, session.date)
        if settled is None:
            found.append(f"{session.date}: not settled")
        elif settled.late:
            found.append(f"{session.date}: settled late, at {settled.at}")
        elif settled.difference:
            found.append(
                f"{session.date}: ours {cents(settled.cash_close)},"
                f" theirs {cents(settled.broker_cash)}"
            )
    return item(
        "settlement",
        not found,
        f"in {len(lately) - len(found)} of {len(lately)} sessions the broker's cash at the close, "
        "asked on the day, is ours" + "".join(f"; {f}" for f in found[:3]),
        "Compare the day's fills with the broker's statement, then rehearse again.",
    )


def _status(book: Book, row: BookRow, was: Sequence[Entry]) -> Item:
    found = [
        f"{e.status} at {e.at} ({e.set_by}: {e.why})"
        for e in was
        if e.status is not BookStatus.ACTIVE
    ]
    return item(
        "status",
        row.status is BookStatus.ACTIVE and not found,
        f"{book.id} is {row.status} ({row.why})"
        + "".join(f"; it was {f}" for f in found[:3])
        + (", and never another since the first open" if not found else ""),
        "Find out why, put it right, make the book ACTIVE and begin the five anew.",
    )


def _reconciled(book: Book, when: datetime | None, lately: Sequence[SessionRow]) -> Item:
    return item(
        "reconciled",
        when is not None and when >= lately[0].close_at,
        f"{book.id} was last found equal to its broker's books {when or 'never'}",
        "Let it run past the close of its last session, and see `Book not reconciled`.",
    )


def _same(db: Connection, wanted: Wanted, lately: Sequence[SessionRow]) -> Iterator[Item]:
    """Compare all that was in force from the first open to the end of the last session.

    What came after it was not rehearsed.
    """
    ended = [m.at for m in market_states.of_day(db, wanted.book.id, lately[0].date)]
    until = max(lately[0].close_at, *ended)
    ran = settings_log.between(db, wanted.book.id, lately[-1].open_at, until)
    commits = dict.fromkeys(each.commit or "not known" for each in ran)
    yield item(
        "rehearsed_code",
        wanted.commit is not None and list(commits) == [wanted.commit],
        f"rehearsed was commit {', '.join(commits) or 'not known'}, "
        f"this is {wanted.commit or 'not known'}",
        "Rehearse the very code that is to trade, all five sessions.",
    )
    others = [
        f"{name} was {each.values.get(name, 'not known')}"
        for each in ran
        for name, value in sorted(wanted.values.items())
        if each.values.get(name) != value
    ]
    found = list(dict.fromkeys(others))
    yield item(
        "rehearsed_settings",
        bool(ran) and not found,
        f"{len(found)} settings of {wanted.book.id} were other than to be rehearsed, "
        f"{len(ran)} were noted" + "".join(f"; {f}" for f in found[:3]),
        "Set them as rehearsed, or rehearse them, all five sessions.",
    )
