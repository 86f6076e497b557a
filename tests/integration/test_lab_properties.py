"""What holds for any bars and wishes: money, limits, no look into the future, one source."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_builders import MINUTE, random_wish, seeds, until, walk, wishing

from app.engine.strategies import PLANNED
from app.engine.strategies.plan import AnyPlanned, Bars
from app.engine.verdicts import Reason
from app.lab import loop
from app.lab.bars import read_folder
from app.lab.planned import FREE, Costs, Run, Terms, run

RECORDED = Path(__file__).parents[2].parent / "shared/data/bars"
COSTLY = Costs(fee_per_share=0.01, fee_share=0.001, least_fee=1, half_spread_bps=2, slippage_bps=3)
SYMBOLS, BARS = 3, 60
few = settings(max_examples=40, deadline=None)  # compiling is no example's fault

sizes = st.sampled_from(
    [{"lot": 7.0}, {"lot": np.inf, "risk_share": 0.01}, {"lot": np.inf, "notional_share": 0.3}]
)
rules = st.tuples(sizes, st.integers(1, 4), st.integers(0, 5)).map(
    lambda drawn: drawn[0] | {"max_positions": drawn[1], "warm_up": drawn[2]}
)
gaps = st.sampled_from([0.0, 0.15])
costs = st.sampled_from([FREE, COSTLY])


def worlds(seed: int, share: float, of_rules: dict[str, float]) -> tuple[Bars, AnyPlanned]:
    of = walk(seed, SYMBOLS, BARS, share)
    return of, wishing(random_wish(of, seed + 1), **of_rules)


def play(of: Bars, strategy: AnyPlanned, paid: Costs = FREE, *, plain: bool = True) -> Run:
    return run("made_up", strategy, of, Terms(10_000.0, costs=paid), plain=plain)


@few
@given(seeds, gaps, rules, costs)
def test_money_is_conserved(
    seed: int, share: float, of_rules: dict[str, float], paid: Costs
) -> None:
    played = play(*worlds(seed, share, of_rules), paid)
    held = played.open
    marks = ((held.price - held.entry_price) * held.quantity - held.fees).sum()
    expected = 10_000 + played.result.trades.gained.sum() + marks
    assert played.result.equity[-1] == pytest.approx(expected)
    assert played.result.exposure[-1] == pytest.approx((held.price * held.quantity).sum())
    assert (played.result.equity - played.result.exposure).min() >= -1e-9


@few
@given(seeds, gaps, rules, costs)
def test_there_are_never_more_positions_than_allowed_and_one_a_symbol(
    seed: int, share: float, of_rules: dict[str, float], paid: Costs
) -> None:
    played = play(*worlds(seed, share, of_rules), paid)
    trades, held = played.result.trades, played.open
    change = np.zeros((SYMBOLS, BARS + 1), int)
    for symbol, began, until_ in zip(trades.symbol, trades.entry_at, trades.exit_at, strict=True):
        change[symbol, began // MINUTE] += 1
        change[symbol, until_ // MINUTE] -= 1
    np.add.at(change, (held.symbol, held.entry_at // MINUTE), 1)
    standing = np.cumsum(change, axis=1)
    assert standing.max(initial=0) <= 1
    assert standing.sum(axis=0).max() <= of_rules["max_positions"]


@few
@given(seeds, gaps, rules, costs)
def test_every_entry_was_passed_and_every_bar_was_judged(
    seed: int, share: float, of_rules: dict[str, float], paid: Costs
) -> None:
    of, strategy = worlds(seed, share, of_rules)
    played = play(of, strategy, paid)
    passed = played.verdicts == loop.REASONS.index(Reason.PASSED)
    assert passed.sum() == len(played.result.trades) + played.open.symbol.size
    assert (passed <= strategy.params.enter).all()
    (stage,) = played.result.funnel
    assert stage.taken == of.close.size
    assert stage.taken == stage.passed + sum(refused.count for refused in stage.refused)


@few
@given(seeds, gaps, rules)
def test_fills_are_at_prices_that_were_there_and_the_stop_comes_first(
    seed: int, share: float, of_rules: dict[str, float]
) -> None:
    of, strategy = worlds(seed, share, of_rules)
    trades = play(of, strategy).result.trades
    for number in range(len(trades)):
        symbol, until_ = trades.symbol[number], trades.exit_at[number] // MINUTE
        assert trades.entry_price[number] == of.open[symbol, trades.entry_at[number] // MINUTE]
        opened, low, high = (x[symbol, until_] for x in (of.open, of.low, of.high))
        why, price = trades.why[trades.closed_by[number]], trades.exit_price[number]
        signal = np.flatnonzero(~np.isnan(of.close[symbol]) & (of.at < trades.entry_at[number]))[-1]
        stop, target = (x[symbol, signal] for x in (strategy.params.stop, strategy.params.target))
        if why == "stop_loss":
            assert price == min(opened, stop)
        elif why == "take_profit":
            assert price == max(opened, target)
            assert opened >= target or not low <= stop
        else:
            assert price == opened
        assert low <= price <= high


@few
@given(seeds, gaps, rules, costs, st.integers(2, BARS))
def test_no_decision_depends_on_a_later_bar(
    seed: int, share: float, of_rules: dict[str, float], paid: Costs, cut: int
) -> None:
    """But for a symbol's last bar, after which no entry could fill."""
    of, strategy = worlds(seed, share, of_rules)
    part = until(of, cut)
    seen = [np.flatnonzero(~np.isnan(close)) for close in part.close]
    before = min((own[-1] for own in seen if own.size), default=0)
    whole, known = play(of, strategy, paid), play(part, _until(strategy, cut), paid)
    np.testing.assert_array_equal(known.result.equity[:before], whole.result.equity[:before])
    decided = max(before - 1, 0)
    np.testing.assert_array_equal(known.verdicts[:, :decided], whole.verdicts[:, :decided])


def _until(strategy: AnyPlanned, cut: int) -> AnyPlanned:
    wish = strategy.params
    names = ("enter", "leave", "stop", "target", "risk")
    return wishing(
        type(wish)(*(getattr(wish, name)[:, :cut] for name in names)),
        **{name: getattr(strategy.rules, name) for name in type(strategy.rules).__slots__},
    )


@few
@given(seeds, st.sampled_from([COSTLY, Costs(), Costs(least_fee=2, half_spread_bps=0)]))
def test_costs_only_lower_what_the_same_trades_gain(seed: int, paid: Costs) -> None:
    of, strategy = worlds(seed, 0.0, {"lot": 3.0, "max_positions": SYMBOLS})
    free, dear = play(of, strategy), play(of, strategy, paid)
    np.testing.assert_array_equal(free.result.trades.exit_at, dear.result.trades.exit_at)
    assert (dear.result.trades.gained < free.result.trades.gained).all()
    assert (dear.result.equity <= free.result.equity + 1e-9).all()


def assert_same(one: Run, other: Run) -> None:
    np.testing.assert_array_equal(one.verdicts, other.verdicts)
    np.testing.assert_array_equal(one.result.equity, other.result.equity)
    np.testing.assert_array_equal(one.result.exposure, other.result.exposure)
    assert one.result.funnel == other.result.funnel
    for name in ("symbol", "quantity", "entry_at", "entry_price", "exit_at", "exit_price", "fees"):
        ours, theirs = getattr(one.result.trades, name), getattr(other.result.trades, name)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    for name in ("closed_by", "worst", "best"):
        ours, theirs = getattr(one.result.trades, name), getattr(other.result.trades, name)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


@few
@given(seeds, gaps, rules, costs)
def test_compiled_and_interpreted_runs_are_the_same(
    seed: int, share: float, of_rules: dict[str, float], paid: Costs
) -> None:
    of, strategy = worlds(seed, share, of_rules)
    assert_same(play(of, strategy, paid), play(of, strategy, paid, plain=False))


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded bars are not on this machine")
@pytest.mark.parametrize("folder", ["us_minute_2018", "kr_minute"])
def test_compiled_and_interpreted_runs_are_the_same_on_recorded_bars(folder: str) -> None:
    of = until(read_folder(RECORDED / folder).bars, 2500)
    for name, strategy in PLANNED.items():
        plain = run(name, strategy, of, plain=True)
        assert len(plain.result.trades) > 0
        assert_same(plain, run(name, strategy, of))
