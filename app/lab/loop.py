"""The event loop over bars: what fills, what ends, what the rest is worth, and who may enter next.

Written in the subset of Python that numba compiles, and calling nothing outside of this file:
``compiled.py`` compiles this very source, and numba's cache notices changes of one file only.
A bar goes by in this order: sales, then entries that were asked for before fill at its open; stops
and targets end positions within it; what is held is marked at its close; wishes are judged there.
A symbol without a bar (NaN) neither fills nor wishes, and is marked at its close before.
"""

from math import floor, inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engine.market import Floats
from app.engine.orders import Purpose
from app.engine.strategies.plan import Marks
from app.engine.verdicts import Reason

#: A verdict's code is its reason's place here.
REASONS = (
    Reason.PASSED,
    Reason.NO_HISTORY,
    Reason.STALE_DATA,
    Reason.BELOW_CUTOFF,
    Reason.TOO_LATE_IN_SESSION,
    Reason.POSITION_EXISTS,
    Reason.ORDER_PENDING,
    Reason.MAX_POSITIONS,
    Reason.ZERO_QUANTITY,
    Reason.BUYING_POWER,
)
PASSED, NO_HISTORY, STALE_DATA, BELOW_CUTOFF, TOO_LATE = range(5)
POSITION_EXISTS, ORDER_PENDING, MAX_POSITIONS, ZERO_QUANTITY, BUYING_POWER = range(5, 10)

#: Why a position ended, by its place here; 0 is none.
ENDS = ("", Purpose.STOP_LOSS.value, Purpose.TAKE_PROFIT.value, Purpose.OPPOSITE.value)
NONE, STOP, TARGET, LEAVE = range(4)

#: The account's numbers: cash, money set aside for pending entries, and counts.
ACCOUNT = np.dtype(
    [("cash", "f8"), ("aside", "f8"), ("held", "i8"), ("pending", "i8"), ("trades", "i8")],
    align=True,
)
#: A symbol's position, and its entry that waits for the next bar. ``last`` is its newest close.
POSITION = np.dtype(
    [(name, "f8") for name in ("quantity", "price", "fee", "stop", "target", "low", "high", "last")]
    + [("pending", "f8"), ("aside", "f8"), ("since", "i8"), ("asked", "i8"), ("leaving", "i8")],
    align=True,
)
TRADE = np.dtype(
    [("symbol", "i8"), ("since", "i8"), ("until", "i8"), ("why", "i8")]
    + [(name, "f8") for name in ("quantity", "entry", "exit", "fees", "low", "high")],
    align=True,
)
Rows = NDArray[np.void]
Row = Any  # one of ``Rows``: an np.void, or numba's record; a view


class Inputs(NamedTuple):
    """Prices and wishes, shape (symbols, bars); a symbol may enter on its bars [first, last)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    enter: Marks
    leave: Marks
    stop: Floats
    target: Floats
    risk: Floats
    first: NDArray[np.int64]
    last: NDArray[np.int64]


class Terms(NamedTuple):
    """Rules and costs; ``edge`` is the share of a price by which every fill is worse."""

    max_positions: int
    lot: float
    risk_share: float
    notional_share: float
    edge: float
    fee_per_share: float
    fee_share: float
    least_fee: float


class Desk(NamedTuple):
    """What the loop changes: one account, positions by symbol, rows and arrays that it fills."""

    terms: Terms
    account: Rows
    positions: Rows
    trades: Rows
    equity: Floats
    exposure: Floats
    verdicts: NDArray[np.uint8]


def run(inputs: Inputs, desk: Desk) -> None:
    """Go through all bars."""
    for bar in range(inputs.close.shape[1]):
        if desk.account[0]["held"] > 0:
            sell_at_open(inputs, desk, bar)
        if desk.account[0]["pending"] > 0:
            buy_at_open(inputs, desk, bar)
        if desk.account[0]["held"] > 0:
            end_within(inputs, desk, bar)
        mark(inputs, desk, bar)
        judge(inputs, desk, bar)


def sell_at_open(inputs: Inputs, desk: Desk, bar: int) -> None:
    for symbol in range(desk.positions.size):
        price = inputs.open[symbol, bar]
        if desk.positions[symbol]["leaving"] and price > 0:
            sell(desk, symbol, bar, price, LEAVE)


def buy_at_open(inputs: Inputs, desk: Desk, bar: int) -> None:
    for symbol in range(desk.positions.size):
        price = inputs.open[symbol, bar]
        if desk.positions[symbol]["pending"] > 0 and price > 0:
            buy(desk, symbol, bar, price)


def end_within(inputs: Inputs, desk: Desk, bar: int) -> None:
    for symbol in range(desk.positions.size):
        position = desk.positions[symbol]
        if position["quantity"] > 0 and inputs.open[symbol, bar] > 0:
            high, low = inputs.high[symbol, bar], inputs.low[symbol, bar]
            price, why = touched(position, inputs.open[symbol, bar], high, low)
            if why != NONE:
                sell(desk, symbol, bar, price, why)
            else:
                position["low"] = min(position["low"], low)
                position["high"] = max(position["high"], high)


def touched(position: Row, opened: float, high: float, low: float) -> tuple[float, int]:
    """Return where and why a position ends: through a gap at the open, at the stop before all."""
    if opened <= position["stop"]:
        return opened, STOP
    if opened >= position["target"]:
        return opened, TARGET
    if low <= position["stop"]:
        return position["stop"], STOP
    if high >= position["target"]:
        return position["target"], TARGET
    return 0.0, NONE


def mark(inputs: Inputs, desk: Desk, bar: int) -> None:
    worth = 0.0
    if desk.account[0]["held"] > 0:
        for symbol in range(desk.positions.size):
            position = desk.positions[symbol]
            if position["quantity"] > 0:
                if inputs.close[symbol, bar] > 0:
                    position["last"] = inputs.close[symbol, bar]
                worth += position["quantity"] * position["last"]
    desk.exposure[bar] = worth
    desk.equity[bar] = desk.account[0]["cash"] + worth


def judge(inputs: Inputs, desk: Desk, bar: int) -> None:
    for symbol in range(desk.positions.size):
        if inputs.leave[symbol, bar] and desk.positions[symbol]["quantity"] > 0:
            desk.positions[symbol]["leaving"] = 1
        if inputs.enter[symbol, bar] and desk.verdicts[symbol, bar] == BELOW_CUTOFF:
            desk.verdicts[symbol, bar] = verdict(inputs, desk, symbol, bar)


def verdict(inputs: Inputs, desk: Desk, symbol: int, bar: int) -> int:
    """Return why a symbol that wishes may not enter, or ask for its entry."""
    if bar >= inputs.last[symbol]:
        return TOO_LATE
    if desk.positions[symbol]["quantity"] > 0:
        return POSITION_EXISTS
    if desk.positions[symbol]["pending"] > 0:
        return ORDER_PENDING
    if desk.account[0]["held"] + desk.account[0]["pending"] >= desk.terms.max_positions:
        return MAX_POSITIONS
    close = inputs.close[symbol, bar]
    quantity = whole_shares(desk.terms, desk.equity[bar], close, inputs.risk[symbol, bar])
    if quantity < 1:
        return ZERO_QUANTITY
    cost = paid(desk.terms, quantity, close * (1 + desk.terms.edge))
    if cost > desk.account[0]["cash"] - desk.account[0]["aside"]:
        return BUYING_POWER
    ask(inputs, desk, symbol, bar, quantity, cost)
    return PASSED


def ask(inputs: Inputs, desk: Desk, symbol: int, bar: int, quantity: float, cost: float) -> None:
    position = desk.positions[symbol]
    position["pending"], position["aside"], position["asked"] = quantity, cost, bar
    position["stop"] = inputs.stop[symbol, bar]
    position["target"] = inputs.target[symbol, bar]
    desk.account[0]["pending"] += 1
    desk.account[0]["aside"] += cost


def whole_shares(terms: Terms, equity: float, close: float, risk: float) -> float:
    most = terms.lot
    if terms.risk_share < inf:
        most = min(most, terms.risk_share * equity / risk) if risk > 0 else 0.0
    if terms.notional_share < inf:
        most = min(most, terms.notional_share * equity / close)
    return float(floor(most)) if most >= 1 else 0.0


def fee(terms: Terms, quantity: float, price: float) -> float:
    return max(terms.least_fee, terms.fee_per_share * quantity + terms.fee_share * quantity * price)


def paid(terms: Terms, quantity: float, price: float) -> float:
    return quantity * price + fee(terms, quantity, price)


def buy(desk: Desk, symbol: int, bar: int, opened: float) -> None:
    """Fill a pending entry, or refuse it after all where the open is beyond the cash."""
    account, position = desk.account[0], desk.positions[symbol]
    quantity, price = position["pending"], opened * (1 + desk.terms.edge)
    account["pending"] -= 1
    account["aside"] -= position["aside"]
    position["pending"] = 0.0
    cost = paid(desk.terms, quantity, price)
    if cost > account["cash"]:
        desk.verdicts[symbol, position["asked"]] = BUYING_POWER
        return
    account["cash"] -= cost
    account["held"] += 1
    position["quantity"], position["since"] = quantity, bar
    position["price"], position["fee"] = price, fee(desk.terms, quantity, price)
    position["low"], position["high"], position["last"] = price, price, opened


def sell(desk: Desk, symbol: int, bar: int, at: float, why: int) -> None:
    """End a position; in the bar in which it ends nothing but its own price is an excursion."""
    account, position = desk.account[0], desk.positions[symbol]
    quantity, price = position["quantity"], at * (1 - desk.terms.edge)
    charged = fee(desk.terms, quantity, price)
    trade = desk.trades[account["trades"]]
    trade["symbol"], trade["since"], trade["until"] = symbol, position["since"], bar
    trade["why"], trade["quantity"] = why, quantity
    trade["entry"], trade["exit"] = position["price"], price
    trade["fees"] = position["fee"] + charged
    trade["low"] = min(position["low"], price)
    trade["high"] = max(position["high"], price)
    account["trades"] += 1
    account["held"] -= 1
    account["cash"] += quantity * price - charged
    position["quantity"], position["leaving"] = 0.0, 0
