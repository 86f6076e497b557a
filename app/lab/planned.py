"""Run a planned strategy over bars: its plan, the event loop, and what both came to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import InvalidData
from app.engine.ids import digest
from app.engine.market import Floats
from app.engine.strategies.plan import AnyPlanned, Bars, Plan, each_symbol
from app.engine.verdicts import Reason
from app.lab import loop, outcome
from app.lab.compiled import compiled
from app.lab.result import Result

BPS = 10_000


@dataclass(frozen=True, slots=True)
class Costs:
    """What a fill costs: the fee, at least ``least_fee``, and by how much its price is worse.

    ``fee_share`` is of what is paid. Every fill, a stop's and a target's too, is a market order
    that crosses half the spread and slips.
    """

    fee_per_share: float = 0.0
    fee_share: float = 0.0
    least_fee: float = 0.0
    half_spread_bps: float = 1.0
    slippage_bps: float = 1.0

    def __post_init__(self) -> None:
        worse = (self.half_spread_bps, self.slippage_bps)
        fees = (self.fee_per_share, self.fee_share, self.least_fee)
        if not all(cost >= 0 for cost in (*fees, *worse)):
            raise InvalidData(f"{self}: costs are 0 or more")


FREE = Costs(half_spread_bps=0, slippage_bps=0)


@dataclass(frozen=True, slots=True)
class Terms:
    """The money that a run begins with, in its currency, and what fills cost."""

    capital: float = 1_000_000.0
    currency: str = "USD"
    costs: Costs = Costs()


@dataclass(frozen=True, slots=True)
class Run:
    """A result, what is still open, and every verdict: codes, shape (symbols, bars)."""

    result: Result
    open: outcome.Open
    verdicts: NDArray[np.uint8]

    def reason(self, symbol: int, bar: int) -> Reason:
        """Return why a symbol did not enter after a bar, or ``PASSED``."""
        return loop.REASONS[self.verdicts[symbol, bar]]


def run(
    name: str, strategy: AnyPlanned, bars: Bars, terms: Terms = Terms(), *, plain: bool = False
) -> Run:
    """Run a strategy over bars: compiled, or where ``plain`` as Python itself runs the same source.

    Both give the same numbers to the last bit. Raises InvalidData where there are no bars.
    """
    if not bars.close.size:
        raise InvalidData(f"{name}: there are no bars to run over")
    go: Callable[[loop.Inputs, loop.Desk], None] = loop.run if plain else compiled(loop.run)
    plan = strategy.plan(bars, strategy.params, each_symbol if plain else _each_compiled)
    inputs = _inputs(bars, plan, strategy.rules.warm_up)
    desk = _desk(strategy, terms, bars, inputs)
    go(inputs, desk)
    result = _result(name, strategy, bars, terms, desk)
    return Run(result, outcome.still_open(bars, desk), desk.verdicts)


def _each_compiled(function: Callable[..., None], *of: Floats | int) -> Floats:
    return each_symbol(compiled(function), *of)


def _inputs(bars: Bars, plan: Plan, warm_up: int) -> loop.Inputs:
    symbols, count = bars.close.shape
    first, last = np.full(symbols, warm_up), np.full(symbols, count - 1)
    for row, own in enumerate(bars.own):
        if not isinstance(own, slice):
            first[row] = own[warm_up] if own.size > warm_up else count
            last[row] = own[-1] if own.size else 0
    return loop.Inputs(
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        enter=plan.enter,
        leave=plan.leave,
        stop=plan.stop,
        target=plan.target,
        risk=plan.risk,
        first=first,
        last=last,
    )


def _desk(strategy: AnyPlanned, terms: Terms, bars: Bars, inputs: loop.Inputs) -> loop.Desk:
    rules, costs = strategy.rules, terms.costs
    account = np.zeros(1, loop.ACCOUNT)
    account["cash"] = terms.capital
    symbols, count = bars.close.shape
    return loop.Desk(
        terms=loop.Terms(
            max_positions=rules.max_positions,
            lot=float(rules.lot),
            risk_share=float(rules.risk_share),
            notional_share=float(rules.notional_share),
            edge=(costs.half_spread_bps + costs.slippage_bps) / BPS,
            fee_per_share=float(costs.fee_per_share),
            fee_share=float(costs.fee_share),
            least_fee=float(costs.least_fee),
        ),
        account=account,
        positions=np.zeros(symbols, loop.POSITION),
        trades=np.empty(np.count_nonzero(inputs.enter), loop.TRADE),
        equity=np.empty(count),
        exposure=np.empty(count),
        verdicts=_unasked(bars, inputs),
    )


def _unasked(bars: Bars, inputs: loop.Inputs) -> NDArray[np.uint8]:
    """Return the verdicts on bars about which the loop need not be asked."""
    verdicts = np.full(bars.close.shape, loop.STALE_DATA, np.uint8)
    for row, (own, first) in enumerate(zip(bars.own, inputs.first, strict=True)):
        verdicts[row, own] = loop.BELOW_CUTOFF
        verdicts[row, :first] = loop.NO_HISTORY
    return verdicts


def _result(name: str, strategy: AnyPlanned, bars: Bars, terms: Terms, desk: loop.Desk) -> Result:
    return Result(
        name=name,
        book="",
        strategy=name,
        settings=digest(repr(strategy.params), repr(strategy.rules), repr(terms)),
        currency=terms.currency,
        began=outcome.moment(int(bars.at[0])),
        ended=outcome.moment(int(bars.at[-1]) + bars.span),
        capital=terms.capital,
        at=bars.at + bars.span,
        equity=desk.equity,
        exposure=desk.exposure,
        trades=outcome.trades(name, bars, desk),
        funnel=outcome.funnel(bars.symbols, desk.verdicts),
        candles=outcome.candles(bars),
    )
