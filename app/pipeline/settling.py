"""Settling: a date's fills and fees become its settlement, once, beside what the broker says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine import settlement
from app.engine.orders import Execution
from app.engine.portfolio import Account, Fee, Position, folded, held_before
from app.engine.rounding import cents, plain
from app.engine.settlement import Day
from app.io.calendar import span_of
from app.io.store import adjustments, bars, fees, fills, quotes, recovery, sessions
from app.io.store import settlements as stored
from app.io.store.recovery import Difference
from app.io.store.sessions import SessionRow
from app.io.store.settlements import Settlement
from app.pipeline import ledger
from app.pipeline.services import Services

#: What is settled late is valued at the last prices within this time before the close.
LAST_PRICES = timedelta(minutes=15)


#: What is settled within this time after the close is not late.
IN_TIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Told:
    """The broker's word of now: the account, and every fee that may count."""

    account: Account
    fees: tuple[Fee, ...]


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a date began with."""

    date: date
    cash: Decimal
    equity: Decimal


def span(to: Services, day: date) -> tuple[datetime, datetime]:
    """Return when a date begins and ends on the exchange's clock: every fill has one date."""
    return span_of(day, to.calendar.zone)


def is_late(to: Services, row: SessionRow) -> bool:
    """Is the session's date over, and the time that closing may take?

    Where trading never stops, a session ends with its date and can only be settled after it.
    """
    return to.clock.now() >= max(span(to, row.date)[1], row.close_at + IN_TIME)


def held_at_end(to: Services, db: Connection, day: date) -> dict[str, Position]:
    """Return what was held when a date ended, by symbol: what has filled since is left out."""
    ever, changes = fills.all(db, to.book.id), adjustments.all(db, to.book.id)
    after = held_before(ever, changes, span(to, day)[1])
    return {symbol: position for symbol, position in after.items() if position.quantity}


def settle(to: Services, db: Connection, row: SessionRow, told: Told) -> Settlement:
    """Store the settlement of an opened session, and return what is stored.

    Dates before it on which something filled and that have none (nobody was there when a resting
    stop sold, or another one was closed first) are settled before it. Cash is compared to the cent:
    a difference is written down and told.
    """
    mine = [fee for fee in told.fees if fee.date <= row.date]
    fees.insert_once(db, to.book.id, to.broker.name, mine, row.date)
    for missed in _missed(to, db, row.date):
        _store(to, db, _settlement(to, db, missed, told, late=True))
    begun = _Begun(row.date, row.cash_open or Decimal(0), row.equity_open or Decimal(0))
    made = _settlement(to, db, begun, told, late=is_late(to, row))
    return _store(to, db, made)


def _missed(to: Services, db: Connection, until: date) -> Iterator[_Begun]:
    """Yield the dates since the last settlement that have fills and none.

    Each goes on from that, unless its session was opened and has a beginning of its own.
    """
    while (before := stored.before(db, to.book.id, until)) is not None:
        since = fills.since(db, to.book.id, span(to, before.date)[1])
        dates = (fill.at.astimezone(to.calendar.zone).date() for fill in since)
        missed = min((day for day in dates if day < until), default=None)
        if missed is None:
            return
        session = sessions.load(db, to.book.id, missed)
        if session is None or session.cash_open is None:
            yield _Begun(missed, before.broker_cash, before.equity_close)
        else:
            yield _Begun(missed, session.cash_open, session.equity_open or Decimal(0))


def _settlement(
    to: Services, db: Connection, begun: _Begun, told: Told, *, late: bool
) -> Settlement:
    since, until = span(to, begun.date)
    ever, changes = fills.all(db, to.book.id), adjustments.all(db, to.book.id)
    executed = [fill for fill in ever if since <= fill.at < until]
    today = [change for change in changes if since <= change.at < until]
    before = held_before(ever, changes, since)
    charged = fees.total(db, to.book.id, begun.date)
    prices = _last_prices(to, db, folded(before, executed, today), until if late else None)
    came_to = settlement.settle(Day(begun.cash, before, executed, today, charged, prices))
    return Settlement(
        date=begun.date,
        at=to.clock.now(),
        late=late,
        realised=came_to.realised,
        unrealised=came_to.unrealised,
        fees=charged,
        adjusted=came_to.adjusted,
        cash_open=begun.cash,
        cash_close=came_to.cash_close,
        broker_cash=_cash_then(to, db, begun.date, told, [f for f in ever if f.at >= until]),
        broker_equity=None if late else told.account.equity,
        equity_open=begun.equity,
        equity_close=came_to.equity_close,
        trades=len(settlement.closed_trades(ever, changes, since, until)),
        positions={
            symbol: {
                "quantity": plain(position.quantity),
                "average_price": plain(position.average_price),
                "price": plain(prices.get(symbol, position.average_price)),
            }
            for symbol, position in came_to.positions.items()
        },
    )


def _cash_then(
    to: Services, db: Connection, day: date, told: Told, filled_since: Sequence[Execution]
) -> Decimal:
    """Return the broker's cash at the end of a date: what came after it is taken back."""
    counted = fees.counted(db, to.book.id, day)
    charged_since = sum((fee.amount for fee in told.fees if fee.id not in counted), Decimal(0))
    return settlement.cash_then(told.account.cash, filled_since, charged_since)


def _last_prices(
    to: Services, db: Connection, of: Mapping[str, Position], until: datetime | None
) -> dict[str, Decimal]:
    """Return the last prices now, or before a time by the bars; what has none is absent."""
    if until is None:
        return ledger.prices(quotes.load(db, to.book.id))
    held = [symbol for symbol, position in of.items() if position.quantity]
    return bars.last_closes(db, to.book.id, held, until)


def _store(to: Services, db: Connection, made: Settlement) -> Settlement:
    """Store a settlement once and return what is stored; a difference is written down and told."""
    if not stored.insert_once(db, to.book.id, made):
        return stored.load(db, to.book.id, made.date) or made
    if not made.difference:
        return made
    ours, theirs = str(cents(made.cash_close)), str(cents(made.broker_cash))
    said = f"settled with a difference of {made.difference}"
    subject = ("settlement", made.date.isoformat())
    recovery.add(db, to.book.id, Difference(to.clock.now(), *subject, ours, theirs, said))
    to.log("settlement_differs", book=to.book.id, date=subject[1], ours=ours, theirs=theirs,
           difference=str(made.difference))  # fmt: skip
    return made
