"""The event loop bar by bar: where orders fill, in what order things happen, and who may enter."""

from math import nan
from typing import Any

import numpy as np
import pytest
from lab_builders import MINUTE, Wish, bars, wishing

from app.engine.errors import InvalidData
from app.engine.verdicts import Reason
from app.lab import loop
from app.lab.outcome import GATES
from app.lab.planned import FREE, Costs, Run, Terms, run

THOUSAND = Terms(1000.0, costs=FREE)


def play(of: Any, wish: Wish, terms: Terms = THOUSAND, **rules: Any) -> Run:
    return run("made_up", wishing(wish, **rules), of, terms, plain=True)


def row(played: Run, number: int = 0) -> tuple[int, float, int, float, str]:
    """Return (entry bar, entry price, exit bar, exit price, why) of a trade."""
    t = played.result.trades
    began, until = t.entry_at[number] // MINUTE, t.exit_at[number] // MINUTE
    why = t.why[t.closed_by[number]]
    return int(began), float(t.entry_price[number]), int(until), float(t.exit_price[number]), why


FIRST = [True, False, False, False, False, False]


def test_wishes_fill_at_the_next_open() -> None:
    of = bars([10.0, 11, 12, 13, 14, 15], open=[10.0, 10.5, 11.5, 12.5, 13.5, 14.5])
    played = play(of, Wish(FIRST, leave=[False, False, True, False, False, False]))
    assert row(played) == (1, 10.5, 3, 12.5, "opposite")
    assert played.result.equity.tolist() == [1000, 1000.5, 1001.5, 1002, 1002, 1002]
    assert played.result.exposure.tolist() == [0, 11, 12, 0, 0, 0]
    assert played.result.trades.gained.tolist() == [2]
    assert played.result.trades.why[0] == "made_up"


@pytest.mark.parametrize(
    ("opened", "high", "low", "expected"),
    [
        (10.0, 10.9, 9.1, None),
        (10.0, 10.5, 9.0, (9.0, "stop_loss")),
        (10.0, 11.0, 9.5, (11.0, "take_profit")),
        (10.0, 11.5, 8.5, (9.0, "stop_loss")),
        (8.0, 11.5, 7.0, (8.0, "stop_loss")),
        (12.0, 12.5, 8.0, (12.0, "take_profit")),
    ],
)
@pytest.mark.parametrize("bar", [1, 2])
def test_levels_end_a_position_in_the_entry_bar_too(
    bar: int, opened: float, high: float, low: float, expected: tuple[float, str] | None
) -> None:
    prices = {name: np.full(6, 10.0) for name in ("open", "high", "low")}
    prices["open"][bar], prices["high"][bar], prices["low"][bar] = opened, high, low
    played = play(bars([10.0] * 6, **prices), Wish(FIRST, stop=9.0, target=11.0))
    if expected is None:
        assert len(played.result.trades) == 0
        assert played.open.price.tolist() == [10]
    else:
        bought_at = opened if bar == 1 else 10.0
        assert row(played) == (1, bought_at, bar, *expected)


def test_excursions_are_shares_of_the_entry_price_until_the_end() -> None:
    of = bars([10.0] * 4, high=[10, 12, 11, 99], low=[10, 9, 8, 1], open=[10.0] * 4)
    played = play(of, Wish([True, False, False, False], leave=[False, False, True, False]))
    assert played.result.trades.worst.tolist() == pytest.approx([-0.2])
    assert played.result.trades.best.tolist() == pytest.approx([0.2])


def test_the_end_itself_is_an_excursion() -> None:
    prices = {"high": [10, 99, 10, 10], "low": [10, 1, 10, 10]}
    played = play(bars([10.0] * 4, **prices), Wish(FIRST[:4], stop=9.0, target=11.0))
    assert row(played)[4] == "stop_loss"
    assert played.result.trades.worst.tolist() == pytest.approx([-0.1])
    assert played.result.trades.best.tolist() == [0]


def test_what_is_still_open_is_marked_and_no_trade() -> None:
    played = play(bars([10.0, 10, 12]), Wish([True, False, False]))
    assert len(played.result.trades) == 0
    held = played.open
    assert (held.quantity[0], held.entry_price[0], held.price[0]) == (1, 10, 12)
    assert held.entry_at[0] == MINUTE
    assert played.result.equity[-1] == 1002


def reasons(played: Run, symbol: int = 0) -> list[Reason]:
    return [played.reason(symbol, bar) for bar in range(played.verdicts.shape[1])]


def test_every_bar_has_its_reason() -> None:
    of = bars([10.0, 10, nan, 10, 10, 10, 10])
    played = play(of, Wish([True, False, True, True, True, True, True]), warm_up=1)
    assert reasons(played) == [
        Reason.NO_HISTORY,
        Reason.BELOW_CUTOFF,
        Reason.STALE_DATA,
        Reason.PASSED,
        Reason.POSITION_EXISTS,
        Reason.POSITION_EXISTS,
        Reason.TOO_LATE_IN_SESSION,
    ]
    (stage,) = played.result.funnel
    assert (stage.taken, stage.passed) == (7, 1)
    assert {refused.gate: refused.count for refused in stage.refused} == {
        "history": 1,
        "stale_data": 1,
        "cutoff": 1,
        "held": 2,
        "session": 1,
    }


def test_warm_up_counts_a_symbol_s_own_bars() -> None:
    played = play(bars([nan, 10.0, nan, 10, 10, 10]), Wish(True), warm_up=2)
    assert reasons(played)[:5] == [Reason.NO_HISTORY] * 4 + [Reason.PASSED]


def test_a_symbol_without_a_bar_waits_for_its_next() -> None:
    of = bars([[10.0, nan, nan, 12, 13], [10.0] * 5])
    played = play(of, Wish([[True] * 5, [True] * 5]), max_positions=1)
    assert played.open.entry_at.tolist() == [3 * MINUTE]
    assert played.open.entry_price.tolist() == [12]
    assert reasons(played, 1)[1:3] == [Reason.MAX_POSITIONS] * 2
    assert reasons(played)[1:3] == [Reason.STALE_DATA] * 2


def test_nothing_is_asked_for_after_a_symbol_s_own_last_bar() -> None:
    played = play(bars([[10.0, 10, nan, nan], [10.0] * 4]), Wish([[False, True] * 2, [False] * 4]))
    assert reasons(played)[1] is Reason.TOO_LATE_IN_SESSION
    assert played.open.symbol.size == 0


def test_a_position_without_a_bar_is_marked_at_its_last_close() -> None:
    played = play(
        bars([[10.0, 11, nan, nan], [1.0] * 4]), Wish([[True] + [False] * 3, [False] * 4])
    )
    assert played.result.exposure.tolist() == [0, 11, 11, 11]


def test_ties_go_by_the_symbols_order_and_pending_entries_count() -> None:
    played = play(bars(np.full((3, 3), 10.0)), Wish(True), max_positions=2)
    assert [played.reason(symbol, 0) for symbol in range(3)] == [
        Reason.PASSED,
        Reason.PASSED,
        Reason.MAX_POSITIONS,
    ]
    assert played.open.symbol.tolist() == [0, 1]


def test_an_entry_that_waits_is_not_asked_for_again() -> None:
    """A bar may have a close and no open: nothing fills at it."""
    played = play(bars([10.0] * 4, open=[10, nan, 10, 10]), Wish(True))
    assert reasons(played)[:3] == [Reason.PASSED, Reason.ORDER_PENDING, Reason.POSITION_EXISTS]


def test_sizes_are_whole_shares_of_what_limits_most() -> None:
    flat = bars([10.0] * 3)

    def bought(risk: float, **rules: float) -> list[float]:
        sizes = {"lot": np.inf} | rules
        quantities: list[float] = play(flat, Wish(True, risk=risk), **sizes).open.quantity.tolist()
        return quantities

    assert bought(nan, lot=7.9) == [7]
    assert bought(0.3, risk_share=0.01) == [33]
    assert bought(0.3, risk_share=0.01, notional_share=0.25) == [25]
    assert bought(0.3, risk_share=0.01, notional_share=0.25, lot=4) == [4]
    assert bought(nan, risk_share=0.01, lot=4) == []
    assert bought(0.0, risk_share=0.01, lot=4) == []
    assert bought(11.0, risk_share=0.01, lot=4) == []


def test_a_size_of_no_share_and_more_than_the_cash_are_refused() -> None:
    flat = bars([[10.0] * 3] * 2)
    risky = play(flat, Wish(True, risk=11.0), lot=np.inf, risk_share=0.01)
    assert risky.reason(0, 0) is Reason.ZERO_QUANTITY
    dear = play(bars([[10.0] * 3] * 3), Wish(True), lot=60, max_positions=2)
    assert [dear.reason(symbol, 0) for symbol in range(3)] == [
        Reason.PASSED,
        Reason.BUYING_POWER,
        Reason.BUYING_POWER,
    ]


def test_an_open_beyond_the_cash_is_refused_after_all() -> None:
    played = play(bars([10.0] * 4, open=[10, 11, 10, 10]), Wish(FIRST[:4]), lot=100)
    assert played.reason(0, 0) is Reason.BUYING_POWER
    assert played.result.equity.tolist() == [1000] * 4
    again = play(bars([10.0] * 4, open=[10, 11, 10, 10]), Wish(True), lot=100)
    assert reasons(again)[:3] == [Reason.BUYING_POWER, Reason.PASSED, Reason.POSITION_EXISTS]


def test_a_sale_at_the_open_pays_for_an_entry_there() -> None:
    wish = Wish(
        [[False, False, True, False], [True, False, False, False]],
        leave=[[False] * 4, [False, False, True, False]],
    )
    played = play(bars(np.full((2, 4), 10.0)), wish, lot=100)
    assert played.reason(0, 2) is Reason.BUYING_POWER  # the cash of the close is what counts
    cheap = play(bars(np.full((2, 4), 10.0)), wish, lot=50)
    assert (row(cheap)[2], cheap.open.symbol.tolist()) == (3, [0])


def test_costs_are_a_worse_price_and_a_fee_at_each_end() -> None:
    costs = Costs(fee_per_share=0.1, fee_share=0.01, half_spread_bps=60, slippage_bps=40)
    leave = [False, True, False, False]
    played = play(bars([10.0] * 4), Wish(FIRST[:4], leave), Terms(1000.0, costs=costs), lot=10)
    bought, sold = 10 * 1.01, 10 * 0.99
    assert row(played) == (1, bought, 2, sold, "opposite")
    fees = 2 * 0.1 * 10 + 0.01 * 10 * (bought + sold)
    assert played.result.trades.fees[0] == pytest.approx(fees)
    assert played.result.equity[-1] == pytest.approx(1000 - 10 * (bought - sold) - fees)
    least = play(bars([10.0] * 4), Wish(FIRST[:4], leave), Terms(1000.0, costs=Costs(least_fee=3)))
    assert least.result.trades.fees.tolist() == [6]


def test_costs_are_on_by_default_and_never_below_0() -> None:
    assert Terms().costs.half_spread_bps > 0
    assert Terms().costs.slippage_bps > 0
    for wrong in ({"fee_share": -1.0}, {"slippage_bps": nan}):
        with pytest.raises(InvalidData, match="costs are 0 or more"):
            Costs(**wrong)


def test_no_bars_are_said_so() -> None:
    with pytest.raises(InvalidData, match="made_up: there are no bars"):
        play(bars(np.empty((2, 0))), Wish(True))


def test_codes_are_their_reasons_places() -> None:
    for name, reason in zip(("PASSED", "NO_HISTORY", "STALE_DATA"), loop.REASONS, strict=False):
        assert reason is Reason[name]
    for code, reason in enumerate(loop.REASONS[5:], start=5):
        assert getattr(loop, reason.name) == code
    assert loop.REASONS[loop.TOO_LATE] is Reason.TOO_LATE_IN_SESSION
    assert loop.REASONS[loop.BELOW_CUTOFF] is Reason.BELOW_CUTOFF
    assert len(GATES) == len(loop.REASONS)
