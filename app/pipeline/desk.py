"""The desk: everything a decision needs to know of its book, read once under the book's lock."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine import caps, trades
from app.engine.baskets import RouteContext
from app.engine.book import Book, Mode
from app.engine.debut import Debut
from app.engine.orders import IN_DOUBT, Intent, Order, Purpose
from app.engine.risk import RiskContext
from app.engine.session import Phase, phase_at
from app.engine.signals import Signal
from app.io.calendar import Calendar, midnight
from app.io.store import (
    adjustments,
    book_states,
    contacts,
    fills,
    intents,
    orders,
    sessions,
    signals,
)
from app.io.store.book_states import BookRow
from app.io.store.taping import Transaction
from app.pipeline import ledger
from app.pipeline.ledger import Ledger
from app.pipeline.services import Frame

#: So many intervals of reconciliation may fail in a row before entries stop.
RECONCILED_FOR = 5


@dataclass(frozen=True, slots=True)
class Desk:
    """What waits to be decided, and the state of the book it is decided in.

    ``entries`` are the day's (symbol, time) of entries that became orders, ``gains`` those of the
    book's closed trades. ``unreachable`` and ``debut`` are as in RiskContext.
    """

    at: datetime
    opened: bool
    row: BookRow
    money: Ledger
    open: tuple[Order, ...]
    signals: tuple[Signal, ...]
    intents: tuple[Intent, ...]
    entries: tuple[tuple[str, datetime], ...]
    gains: tuple[Decimal, ...]
    unreachable: timedelta
    debut: Debut | None

    def with_order(self, order: Order) -> "Desk":
        """Return the desk with one more open order: what it reserves, the next decision sees."""
        entry = order.purpose is Purpose.ENTRY
        entered = ((order.symbol, order.created_at),) if entry else ()
        debut = self.debut.with_entry(order.symbol) if entry and self.debut else self.debut
        entries = (*self.entries, *entered)
        return replace(self, open=(*self.open, order), entries=entries, debut=debut)


def read(to: Frame, db: Transaction) -> Desk:
    """Read the desk; the book's row stays locked until the transaction ends."""
    now = to.clock.now()
    row = book_states.lock(db, to.book.id)
    desk = _around(db, to.book, to.calendar, row, now)
    return replace(
        desk,
        signals=tuple(signals.unrouted(db, to.book.id)),
        intents=tuple(intents.undecided(db, to.book.id)),
    )


def look(db: Transaction, book: Book, calendar: Calendar, at: datetime) -> Desk:
    """Read the desk for a question: nothing is locked, and nothing waits to be decided."""
    row = book_states.load(db, book.id)
    return _around(db, book, calendar, row, at)


def _around(db: Transaction, book: Book, calendar: Calendar, row: BookRow, now: datetime) -> Desk:
    # Orders before positions: a fill that is recorded between the two readings then shows as still
    # open, which holds back, and never as neither open nor filled, which would sell or buy again.
    working = tuple(orders.unfinished(db, book.id))
    today = midnight(now, calendar.zone)
    return Desk(
        at=now,
        opened=_opened(db, book, calendar, now),
        row=row,
        money=ledger.read(db, book.id).less(row.cash_short),
        open=working,
        signals=(),
        intents=(),
        entries=tuple(orders.entries_since(db, book.id, today)),
        gains=_gains(db, book, now),
        unreachable=contacts.silent_for(db, book.id),
        debut=orders.debut(db, book.id, today) if book.mode is Mode.REAL else None,
    )


def _gains(db: Transaction, book: Book, now: datetime) -> tuple[Decimal, ...]:
    since = now - trades.REMEMBERED
    executed = fills.by_order(db, book.id, since, trades.MOST_ORDERS)
    return trades.gains(executed, adjustments.all(db, book.id))


def _opened(db: Transaction, book: Book, calendar: Calendar, now: datetime) -> bool:
    """Was the book opened for the session of now? An earlier day's opening does not count."""
    session = sessions.load(db, book.id, calendar.session_for(now).date)
    return session is not None and bool(session.equity_open) and session.state != Phase.STOPPED


def route_context(desk: Desk) -> RouteContext:
    """Return what the router may know."""
    return RouteContext(
        at=desk.at,
        held={symbol: position.quantity for symbol, position in desk.money.positions.items()},
        pending=frozenset(o.symbol for o in desk.open) | {i.symbol for i in desk.intents},
        prices=ledger.prices(desk.money.quotes),
        doubtful=frozenset(o.symbol for o in desk.open if o.state in IN_DOUBT),
    )


def risk_context(book: Book, calendar: Calendar, desk: Desk) -> RiskContext:
    """Return what the risk manager may know."""
    hours, money = calendar.session_for(desk.at), desk.money
    return RiskContext(
        at=desk.at,
        hours=hours,
        phase=phase_at(hours, desk.at, book.session) if desk.opened else Phase.OFFLINE,
        equity=money.equity,
        cash=money.cash,
        # Cash only: what a margin account might lend is not ours to trade with.
        buying_power=money.cash,
        day_start_equity=money.equity_open,
        positions=money.positions,
        quotes=money.quotes,
        pending=desk.open,
        status=desk.row.status,
        reconciled=_lately_reconciled(book, desk),
        entries=caps.counted(book, desk.entries),
        gains=desk.gains,
        unreachable=desk.unreachable,
        debut=desk.debut,
    )


def _lately_reconciled(book: Book, desk: Desk) -> bool:
    """Were our books and the broker's found equal, and not too long ago?"""
    when = desk.row.reconciled_at
    return when is not None and desk.at - when <= RECONCILED_FOR * book.schedule.reconcile
