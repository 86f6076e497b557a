"""What the event loop left behind, as a result: trades, what is still open, and every verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from app.engine.funnel import Stage, Tally, stages
from app.engine.market import Floats
from app.engine.strategies.plan import Bars
from app.engine.verdicts import Reason
from app.lab import loop
from app.lab.result import Candles, Codes, Moments, Trades

#: What asks for each of ``loop.REASONS``, in the same order.
GATES = (
    "",
    "history",
    "stale_data",
    "cutoff",
    "session",
    "held",
    "pending",
    "positions",
    "quantity",
    "cash",
)
#: So many symbols are named of those that a gate refused most often.
TOP = 3


@dataclass(frozen=True, slots=True)
class Open:
    """Positions that did not end, a row each by symbol; arrays have the shape (positions,).

    ``price`` is the last close, at which they are marked; ``fees`` are those of the entry.
    """

    symbol: Codes
    quantity: Floats
    entry_at: Moments
    entry_price: Floats
    fees: Floats
    price: Floats


def trades(name: str, bars: Bars, desk: loop.Desk) -> Trades:
    """Return the positions that ended; the strategy's name is why they were opened."""
    rows = desk.trades[: desk.account[0]["trades"]]
    return Trades(
        symbols=bars.symbols,
        why=(name, *loop.ENDS[1:]),
        symbol=rows["symbol"].astype(np.int32),
        quantity=rows["quantity"].copy(),
        entry_at=bars.at[rows["since"]],
        entry_price=rows["entry"].copy(),
        exit_at=bars.at[rows["until"]],
        exit_price=rows["exit"].copy(),
        fees=rows["fees"].copy(),
        opened_by=np.zeros(rows.size, np.int32),
        closed_by=rows["why"].astype(np.int32),
        worst=rows["low"] / rows["entry"] - 1,
        best=rows["high"] / rows["entry"] - 1,
    )


def still_open(bars: Bars, desk: loop.Desk) -> Open:
    """Return the positions that did not end."""
    symbols = np.flatnonzero(desk.positions["quantity"] > 0)
    rows = desk.positions[symbols]
    return Open(
        symbol=symbols.astype(np.int32),
        quantity=rows["quantity"],
        entry_at=bars.at[rows["since"]],
        entry_price=rows["price"],
        fees=rows["fee"],
        price=rows["last"],
    )


def funnel(symbols: tuple[str, ...], verdicts: NDArray[np.uint8]) -> tuple[Stage, ...]:
    """Return how many bars each gate refused, of all that there were."""
    codes = range(len(loop.REASONS))
    counts = np.array([[np.count_nonzero(row == code) for code in codes] for row in verdicts])
    tallies = list(_tallies(symbols, counts))
    return stages(tallies, {"plan": GATES[1:]})


def _tallies(symbols: tuple[str, ...], counts: NDArray[np.int64]) -> Iterator[Tally]:
    for code, reason in enumerate(loop.REASONS):
        by_symbol = counts[:, code]
        if total := int(by_symbol.sum()):
            most = [int(row) for row in np.argsort(-by_symbol, kind="stable")[:TOP]]
            top = tuple((symbols[row], int(by_symbol[row])) for row in most if by_symbol[row])
            passed = reason is Reason.PASSED
            yield Tally("plan", "bar", GATES[code], reason, total, top=() if passed else top)


def candles(bars: Bars) -> dict[str, Candles]:
    """Return each symbol's own bars; a view where it has them all."""
    prices = (bars.open, bars.high, bars.low, bars.close)
    return {
        symbol: Candles(bars.at[own], *(price[row, own] for price in prices))
        for row, (symbol, own) in enumerate(zip(bars.symbols, bars.own, strict=True))
    }


def moment(nanoseconds: int) -> datetime:
    """Return a moment as an aware one, UTC."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
