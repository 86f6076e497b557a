"""Summaries: what settled days came to, and the trades that ended in them, for whoever looks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from app.engine import kpis, performance, settlement
from app.engine.errors import InvalidData
from app.engine.performance import Drawdown, Standing
from app.engine.trades import Trade
from app.io.calendar import Calendar, span_of
from app.io.store import accounts, adjustments, fills, happened, sessions, settlements
from app.io.store.settlements import Settlement

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class TradeResult:
    """A closed trade, and how far its price went against and for it, as shares of its entry.

    Both are None where its prices are no numbers.
    """

    trade: Trade
    adverse: Decimal | None
    favourable: Decimal | None


@dataclass(frozen=True, slots=True)
class DayResult:
    """A settled day and its profit: realised, the change of what was unrealised, less fees."""

    settlement: Settlement
    profit: Decimal


@dataclass(frozen=True, slots=True)
class Summary:
    """Settled days in a row, oldest first, and what they come to.

    ``unrealised`` is that of the last day's close. The drawdown is of what the book gained, at each
    reconciliation and each close: money that was paid in or taken out is neither gain nor fall.
    """

    days: Sequence[DayResult]
    trades: Sequence[TradeResult]
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    profit: Decimal
    win_rate: float | None
    profit_factor: float | None
    drawdown: Drawdown


def asked(day: date | None, first: date | None, last: date | None) -> tuple[date, date] | None:
    """Return the dates that are meant, both included; None: the newest. Raises InvalidData."""
    if day is not None and (first is not None or last is not None):
        raise InvalidData("give either one date, or from and to")
    if day is not None:
        return day, day
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise InvalidData("from and to belong together: give both, or one date")
    if first > last:
        raise InvalidData(f"from {first} is after to {last}: swap them")
    return first, last


def of_days(
    db: Connection, book_id: str, calendar: Calendar, wanted: tuple[date, date] | None
) -> Summary:
    """Sum up the settled days of a range, else the newest. Raises InvalidData where none is."""
    newest = settlements.newest(db, book_id)
    first, last = wanted or ((newest.date, newest.date) if newest else (date.min, date.min))
    found = settlements.between(db, book_id, first, last)
    if not found or newest is None:
        raise InvalidData(_nothing(db, book_id, wanted, newest))
    since, until = span_of(found[0].date, calendar.zone)[0], span_of(last, calendar.zone)[1]
    trades = _trades(db, book_id, since, until)
    gains = [result.trade.realised for result in trades]
    before = settlements.before(db, book_id, first)
    days = _days(found, before)
    began = before.equity_close if before else found[0].equity_open
    own = accounts.equities(db, book_id, since, until)
    return Summary(
        days=days,
        trades=trades,
        realised=sum((one.realised for one in found), _NOTHING),
        unrealised=found[-1].unrealised,
        fees=sum((one.fees for one in found), _NOTHING),
        profit=sum((one.profit for one in days), _NOTHING),
        win_rate=performance.win_rate(gains),
        profit_factor=performance.profit_factor(gains),
        drawdown=performance.max_drawdown(_curve(days, began, own, calendar.zone)),
    )


def _nothing(
    db: Connection, book_id: str, wanted: tuple[date, date] | None, newest: Settlement | None
) -> str:
    """Say that nothing is settled, and what to ask for instead."""
    when = ""
    if wanted is not None:
        first, last = wanted
        when = f" on {first}" if first == last else f" from {first} to {last}"
        session = sessions.load(db, book_id, first) if first == last else None
        if session is not None:
            when += f", whose session is {session.state}"
    instead = f"the newest settled day is {newest.date}" if newest else "no day was settled yet"
    return f"{book_id} has no settlement{when}: {instead}"


def _days(found: Sequence[Settlement], before: Settlement | None) -> list[DayResult]:
    """Return each day with its profit, which needs what was unrealised the day before."""
    made, unrealised = [], before.unrealised if before else _NOTHING
    for one in found:
        gained = one.unrealised - unrealised - one.adjusted
        made.append(DayResult(one, one.realised + gained - one.fees))
        unrealised = one.unrealised
    return made


def _curve(
    days: Sequence[DayResult],
    began: Decimal,
    own: Sequence[tuple[datetime, str, Decimal]],
    zone: ZoneInfo,
) -> Iterator[Standing]:
    """Yield where the book stood from the close before on, each day ending at its profit."""
    by_date = groupby(own, lambda one: one[0].astimezone(zone).date())
    dated = {day: list(those) for day, those in by_date}
    gained = _NOTHING
    yield Standing(gained, began)
    for day in days:
        gained += day.profit
        yield from _within(day.settlement, gained, dated.get(day.settlement.date, ()))
        yield Standing(gained, day.settlement.equity_close)


def _within(
    of: Settlement, gained: Decimal, own: Sequence[tuple[datetime, str, Decimal]]
) -> Iterator[Standing]:
    """Yield where the book stood in a day: what it had gained at the end, less what came later."""
    opened, moments = None, []
    for _, kind, equity in own:
        if kind == "open":
            opened = equity
        elif opened is not None:
            moments.append(Standing(equity - opened, equity))
    if opened is not None:
        came_to = of.equity_close - opened
        yield from (Standing(gained - came_to + m.gained, m.equity) for m in moments)


def _trades(db: Connection, book_id: str, since: datetime, until: datetime) -> list[TradeResult]:
    ever, changes = fills.all(db, book_id), adjustments.all(db, book_id)
    closed = settlement.closed_trades(ever, changes, since, until)
    ranges = happened.ranges(db, book_id, closed, until)
    moved = [
        None if seen is None else kpis.excursions(trade, seen)
        for trade, seen in zip(closed, ranges, strict=True)
    ]
    return [
        TradeResult(trade, *(move or (None, None)))
        for trade, move in zip(closed, moved, strict=True)
    ]
