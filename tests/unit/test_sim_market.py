"""The market: the same seed gives the same day, minutes keep their OHLC, inverse funds mirror."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_builders import FRIDAY, SESSIONS, TIMETABLE, a_tape

from app.sim.derived import inverse, same
from app.sim.market import Market
from app.sim.synthetic import INVERSE, STOCKS, synthetic_market
from app.sim.tape import TICKS, low_first, tick_after

UNIVERSE = [*STOCKS, *INVERSE]
DAY = synthetic_market(7, SESSIONS[:1])


@pytest.fixture(scope="module")
def market() -> Market:
    return synthetic_market(7, SESSIONS)


def test_the_same_seed_gives_the_same_market_and_another_seed_another(market: Market) -> None:
    again, other = synthetic_market(7, SESSIONS), synthetic_market(8, SESSIONS)
    for symbol in UNIVERSE:
        one, two = market.tapes[symbol], again.tapes[symbol]
        for name in ("open", "high", "low", "close", "volume", "low_first"):
            assert np.array_equal(getattr(one, name), getattr(two, name))
        assert not np.array_equal(one.close, other.tapes[symbol].close)


def test_the_whole_universe_trades_every_minute_of_every_session(market: Market) -> None:
    wanted = "NVDA AAPL MSFT TSLA AMZN GOOGL META SQQQ AMD AVGO NFLX SOXS QQQ SMH SPY"
    assert set(market.symbols) == set(wanted.split())
    for tape in market.tapes.values():
        assert tape.starts.size == sum(int(s.close - s.open) // 60 for s in SESSIONS)
        assert (tape.low > 0).all()
        assert (tape.low <= np.minimum(tape.open, tape.close)).all()
        assert (tape.high >= np.maximum(tape.open, tape.close)).all()
        assert (tape.volume > 0).all()


@given(st.integers(0, 389), st.sampled_from(UNIVERSE))
def test_the_trades_of_a_minute_reproduce_its_bar(minute: int, symbol: str) -> None:
    tape = DAY.tapes[symbol]
    trades = [tape.trade(minute, tick) for tick in range(5)]
    prices = [float(t.price) for t in trades]
    bar = (tape.open[minute], tape.high[minute], tape.low[minute], tape.close[minute])
    assert (prices[0], max(prices), min(prices), prices[-1]) == bar
    assert sum(t.size for t in trades) == tape.volume[minute]
    assert [t.at - float(tape.starts[minute]) for t in trades] == [0, 20, 30, 45, 55]


@pytest.mark.parametrize(("symbol", "of"), [("SQQQ", "QQQ"), ("SOXS", "SMH")])
def test_an_inverse_fund_returns_minus_three_times_its_index(
    market: Market, symbol: str, of: str
) -> None:
    fund, index = market.tapes[symbol], market.tapes[of]
    returns = np.diff(fund.close) / fund.close[:-1]
    assert returns == pytest.approx(-3 * np.diff(index.close) / index.close[:-1], abs=2e-5)
    assert fund.derived == f"-3 x the minute returns of {of}"
    assert np.array_equal(fund.low_first, ~index.low_first)


def test_another_share_class_is_priced_alike_and_marked() -> None:
    tape = same(a_tape("GOOG"), "GOOGL")
    assert (tape.symbol, tape.derived) == ("GOOGL", "= GOOG")


@given(st.lists(st.floats(90, 110).map(lambda x: round(x, 2)), min_size=2, max_size=60))
def test_a_derived_bar_is_a_bar(closes: list[float]) -> None:
    fund = inverse(a_tape("QQQ", close=closes), "SQQQ", 3.0, first_price=20.0)
    assert (fund.low <= np.minimum(fund.open, fund.close)).all()
    assert (fund.high >= np.maximum(fund.open, fund.close)).all()


def test_stocks_move_together(market: Market) -> None:
    returns = {s: np.diff(np.log(market.tapes[s].close[::5])) for s in (*STOCKS, *INVERSE)}
    for symbol in ("NVDA", "AMD", "AVGO", "META", "TSLA"):
        assert np.corrcoef(returns[symbol], returns["QQQ"])[0, 1] > 0.5
        assert np.corrcoef(returns[symbol], returns["SQQQ"])[0, 1] < -0.5


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_day_has_lasting_moves_in_both_directions(seed: int) -> None:
    tape = synthetic_market(seed, SESSIONS[1:2]).tapes["QQQ"]
    moves = tape.close[40:] / tape.close[:-40] - 1
    assert moves.max() > 0.005
    assert moves.min() < -0.005


def test_volume_spikes_stand_out(market: Market) -> None:
    volume = market.tapes["NVDA"].volume[390:780]
    assert volume.max() > 4 * np.median(volume)


def test_the_order_of_extremes_is_a_fair_and_repeatable_draw() -> None:
    starts = a_tape().starts
    draws = low_first("AAPL", starts, 1)
    assert np.array_equal(draws, low_first("AAPL", starts, 1))
    assert not np.array_equal(draws, low_first("MSFT", starts, 1))
    assert 0.4 < draws.mean() < 0.6


def test_the_last_trade_is_never_from_the_future() -> None:
    tape = a_tape(open=[100.0], high=[101.0], low=[99.0], close=[100.5])
    session = TIMETABLE.on(FRIDAY)
    assert session is not None
    for second in range(0, 300, 7):
        now = session.open + second
        trade = tape.last_trade(now)
        assert trade is not None
        assert trade.at <= now < tick_after(trade.at)
        assert (trade.at - session.open) % 60 in TICKS
    before = tape.last_trade(session.open - 1)
    assert before is not None
    assert before.at < session.open - 3600
    assert tape.last_trade(SESSIONS[0].open - 1) is None
    assert tape.completed(session.open + 59) == 390
    assert tape.completed(session.open + 60) == 391
    assert before.price == Decimal("100.5")
