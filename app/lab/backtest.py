"""Backtest: a book over bars of the past, by the live steps, as a result."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from app.engine.book import Book
from app.engine.errors import InvalidData
from app.engine.funnel import stages
from app.engine.ids import digest
from app.engine.orders import Execution, Side
from app.engine.strategies.plan import Bars
from app.engine.trades import Trade, trades, with_result
from app.io.calendar import Calendar
from app.lab import outcome
from app.lab.bars import Loaded
from app.lab.planned import Terms
from app.lab.result import Result, Trades
from app.lab.walk import walk
from app.lab.walked import Kept, Walked

_NANO = 1_000_000_000


def between(loaded: Loaded, calendar: Calendar, since: date | None, until: date | None) -> Bars:
    """Return the bars of the exchange's dates from ``since`` to ``until``, both included.

    Raises InvalidData where there are none, and says from when to when there are.
    """
    bars = loaded.bars
    if not bars.at.size:
        raise InvalidData("the folder has no bars")
    days = np.array([_date(at, calendar) for at in bars.at.tolist()])
    first, last = days[0], days[-1]
    inside = (days >= (since or first)) & (days <= (until or last))
    if not inside.any():
        raise InvalidData(
            f"no bars from {since or first} to {until or last}: they go from {first} to {last}"
        )
    return replace(
        bars,
        at=bars.at[inside],
        **{name: getattr(bars, name)[:, inside] for name in _COLUMNS},
    )


_COLUMNS = ("open", "high", "low", "close", "volume")


def _date(at: int, calendar: Calendar) -> date:
    return datetime.fromtimestamp(at / _NANO, UTC).astimezone(calendar.zone).date()


def run(
    book: Book,
    settings: tuple[str, Mapping[str, str]],
    bars: Bars,
    calendar: Calendar,
    terms: Terms,
    progress: Callable[[int], None],
    flaws: Sequence[str] = (),
    kept: Kept | None = None,
) -> Result:
    """Walk a book through bars; ``settings`` are their fingerprint and what differs in them.

    ``flaws`` are what is wrong with the bars; ``kept`` is where an interrupted run is gone on with.

    Raises InvalidData for bars that are not of one minute, and where no symbol is the book's.
    """
    if not set(book.universe.symbols) & set(bars.symbols):
        raise InvalidData(
            f"none of {book.id}'s symbols is among the bars, which are of {_some(bars.symbols)}"
        )
    walked = walk(book, settings[0], bars, calendar, terms, progress, kept)
    return Result(
        name=book.id,
        book=book.id,
        strategy=book.strategy,
        settings=settings[0],
        currency=book.currency,
        began=_moment(int(bars.at[0])),
        ended=_moment(int(bars.at[-1])),
        capital=terms.capital,
        at=np.array(walked.at, np.int64),
        equity=np.array(walked.equity, np.float64),
        exposure=np.array(walked.exposure, np.float64),
        trades=_trades(walked, bars),
        funnel=stages(walked.tallies.counted(), {}),
        changes=settings[1],
        warnings=(*flaws, *_warnings(book, bars, walked)),
        candles=outcome.candles(bars),
        zone=str(calendar.zone),
    )


def name_of(settings: str, bars: Bars, terms: Terms) -> str:
    """Return a name that another run has only if it is the same one."""
    columns = (bars.at, *(getattr(bars, name) for name in _COLUMNS))
    spelt = hashlib.sha256()
    for column in columns:
        spelt.update(np.ascontiguousarray(column).tobytes())
    return digest(settings, repr(bars.symbols), repr(terms), spelt.hexdigest())


def _some(symbols: Sequence[str], most: int = 10) -> str:
    more = len(symbols) - most
    return ", ".join(symbols[:most]) + (f" and {more} more" if more > 0 else "")


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / _NANO, UTC)


def _warnings(book: Book, bars: Bars, walked: Walked) -> tuple[str, ...]:
    lacking = [symbol for symbol in book.universe.symbols if symbol not in bars.symbols]
    said = []
    if lacking:
        said.append(f"no bars of {_some(lacking)}: they are never signalled and never bought")
    if outside := int(bars.at.size) - len(walked.at):
        said.append(f"{outside} bars outside of regular hours are left out")
    return tuple(said)


def _trades(walked: Walked, bars: Bars) -> Trades:
    """Return the positions that ended, each with what opened and what closed it."""
    ended = sorted(
        with_result(trades(walked.fills, ())), key=lambda t: (t.closed_at or t.opened_at, t.symbol)
    )
    mine = [_Ended(trade, walked, bars) for trade in ended]
    why = tuple(sorted({one.opened_by for one in mine} | {one.closed_by for one in mine}))
    floats = {
        name: np.array([getattr(one, name) for one in mine], np.float64)
        for name in ("quantity", "entry_price", "exit_price", "fees", "worst", "best")
    }
    return Trades(
        symbols=bars.symbols,
        why=why,
        symbol=np.array([bars.symbols.index(one.trade.symbol) for one in mine], np.int32),
        entry_at=np.array([one.entry_at for one in mine], np.int64),
        exit_at=np.array([one.exit_at for one in mine], np.int64),
        opened_by=np.array([why.index(one.opened_by) for one in mine], np.int32),
        closed_by=np.array([why.index(one.closed_by) for one in mine], np.int32),
        **floats,
    )


class _Ended:
    """One trade that has ended, as a row of a result."""

    def __init__(self, trade: Trade, walked: Walked, bars: Bars) -> None:
        self.trade = trade
        fills = [fill for fill in walked.fills if _within(trade, fill)]
        self.quantity = float(trade.bought)
        self.entry_price = float(trade.entry)
        self.exit_price = self.entry_price + float(trade.realised) / self.quantity
        self.fees = float(sum(walked.fees.get(fill.id, 0) for fill in fills))
        self.entry_at = _nanoseconds(trade.opened_at)
        self.exit_at = _nanoseconds(trade.closed_at or trade.opened_at)
        self.opened_by = walked.causes[fills[0].client_id or ""]
        last = [fill for fill in fills if fill.side is Side.SELL][-1]
        self.closed_by = walked.purposes[last.client_id or ""]
        self.worst, self.best = self._excursions(bars)

    def _excursions(self, bars: Bars) -> tuple[float, float]:
        """Return how far the price went against and for it while it was held (MAE, MFE)."""
        row = bars.symbols.index(self.trade.symbol)
        first, last = np.searchsorted(bars.at, [self.entry_at, self.exit_at], side="right")
        held = slice(max(first - 1, 0), max(last, first))
        low, high = bars.low[row, held], bars.high[row, held]
        worst = min(float(np.nanmin(low)), self.entry_price, self.exit_price)
        best = max(float(np.nanmax(high)), self.entry_price, self.exit_price)
        return worst / self.entry_price - 1, best / self.entry_price - 1


def _within(trade: Trade, fill: Execution) -> bool:
    until = trade.closed_at or fill.at
    return fill.symbol == trade.symbol and trade.opened_at <= fill.at <= until


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * _NANO
