"""The dress rehearsal: whether a paper book's last sessions went as those with money must go."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine.book import Book, BookStatus, Mode
from app.engine.orders import IN_DOUBT, OrderState
from app.engine.readiness import Item, all_refused, item
from app.engine.rounding import cents
from app.engine.session import Phase
from app.io.calendar import Calendar, span_of
from app.io.store import (
    adjustments,
    book_states,
    fills,
    orders,
    positions,
    recovery,
    settings_log,
    settlements,
)
from app.io.store import sessions as session_rows
from app.io.store.sessions import SessionRow
from app.pipeline import invariants

#: So many sessions in a row, and the names of what is asked of them.
SESSIONS = 5
NAMES = (
    "sessions",
    "invariants",
    "differences",
    "settlement",
    "status",
    "reconciled",
    "rehearsed_code",
    "rehearsed_settings",
)
#: What a difference that the broker's word does not explain led to.
UNEXPLAINED = ("entries stopped", "refused")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rehearsal must have been of: the book, its code, and its settings by name."""

    book: Book
    commit: str | None
    values: Mapping[str, str]


def look(db: Connection, wanted: Wanted, calendar: Calendar) -> Iterator[Item]:
    """Yield each item of the rehearsal. Raises InvalidData for a book that never ran here."""
    row = book_states.load(db, wanted.book.id)
    lately = session_rows.newest(db, wanted.book.id, SESSIONS)
    yield _sessions(db, wanted.book, calendar, lately)
    if lately:
        yield _invariants(db, wanted.book)
        yield _differences(db, wanted.book, calendar, lately)
        yield _settlement(db, wanted.book, lately)
        yield _reconciled(wanted.book, row.reconciled_at, lately)
    else:
        yield from all_refused(NAMES[1:4] + NAMES[5:6], "there was no session", "Rehearse.")
    yield item(
        "status",
        row.status is BookStatus.ACTIVE,
        f"{wanted.book.id} is {row.status} ({row.why})",
        "Find out why, put it right, make the book ACTIVE and rehearse again.",
    )
    yield from _same(db, wanted)


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
        elif settled.difference:
            found.append(
                f"{session.date}: ours {cents(settled.cash_close)},"
                f" theirs {cents(settled.broker_cash)}"
            )
    return item(
        "settlement",
        not found,
        f"in {len(lately) - len(found)} of {len(lately)} sessions the broker's cash at the close "
        "is ours" + "".join(f"; {f}" for f in found[:3]),
        "Compare the day's fills with the broker's statement, then rehearse again.",
    )


def _reconciled(book: Book, when: datetime | None, lately: Sequence[SessionRow]) -> Item:
    return item(
        "reconciled",
        when is not None and when >= lately[0].close_at,
        f"{book.id} was last found equal to its broker's books {when or 'never'}",
        "Let it run past the close of its last session, and see `Book not reconciled`.",
    )


def _same(db: Connection, wanted: Wanted) -> Iterator[Item]:
    ran = settings_log.newest(db, wanted.book.id)
    before = ran.values if ran else {}
    names = sorted(
        n for n, v in wanted.values.items() if before.get(n) != v and n != "TRADING_MODE"
    )
    rehearsed = ran.commit if ran else None
    yield item(
        "rehearsed_code",
        rehearsed is not None and rehearsed == wanted.commit,
        f"rehearsed was commit {rehearsed or 'not known'}, this is {wanted.commit or 'not known'}",
        "Rehearse the very code that is to trade.",
    )
    yield item(
        "rehearsed_settings",
        not names,
        f"{len(names)} settings of {wanted.book.id} are not those of the rehearsal"
        + "".join(f"; {n} was {before.get(n)}" for n in names[:3]),
        "Set them as rehearsed, or rehearse them.",
    )
