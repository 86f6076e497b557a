"""A book walks through bars: no look-ahead, no money from nowhere, costs that cost."""

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from app.config.loading import load
from app.engine.book import Book
from app.engine.errors import InvalidData
from app.engine.orders import Side
from app.engine.portfolio import cash_after
from app.engine.rounding import decimal
from app.engine.strategies.plan import Bars
from app.io.calendar import ExchangeCalendar
from app.lab import backtest, lookahead
from app.lab.planned import FREE, Costs, Terms
from app.lab.result import Result
from app.lab.walk import walk
from app.lab.walked import CheckpointFile, Walked

CALENDAR = ExchangeCalendar("XNYS")
SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA", "SQQQ")
MINUTES = 390
DAY = date(2026, 3, 20)
OPEN_NS = int(CALENDAR.session_for(CALENDAR.previous(date(2026, 3, 21)).open).open.timestamp())


@cache
def the_book() -> Book:
    return load({}, Path("no such file")).book("us_baskets")


@cache
def lively(seed: int = 3, minutes: int = MINUTES) -> Bars:
    """A session of five symbols that trend and turn."""
    draw = np.random.default_rng(seed)
    shape = (len(SYMBOLS), minutes)
    drift = np.repeat(draw.normal(0, 0.0012, (len(SYMBOLS), -(-minutes // 30))), 30, axis=1)
    moves = drift[:, :minutes] + draw.normal(0, 0.0006, shape)
    close = 100 * np.cumprod(1 + moves, axis=1)
    opened = np.concatenate([np.full((len(SYMBOLS), 1), 100.0), close[:, :-1]], axis=1)
    wide = np.abs(draw.normal(0, 0.0004, shape))
    return Bars(
        symbols=SYMBOLS,
        span=60_000_000_000,
        at=(OPEN_NS + 60 * np.arange(minutes, dtype=np.int64)) * 1_000_000_000,
        open=opened,
        high=np.maximum(opened, close) * (1 + wide),
        low=np.minimum(opened, close) * (1 - wide),
        close=close,
        volume=draw.uniform(1000, 5000, shape),
    )


def walked(bars: Bars, costs: Costs = FREE) -> Walked:
    return walk(the_book(), "test", bars, CALENDAR, Terms(100_000, "USD", costs), lambda _: None)


@cache
def a_walk() -> Walked:
    return walked(lively())


def result(bars: Bars) -> Result:
    terms = Terms(100_000, "USD", FREE)
    return backtest.run(the_book(), ("test", {}), bars, CALENDAR, terms, lambda _: None)


def test_a_lively_day_trades_and_ends_flat() -> None:
    day = a_walk()
    sides = {fill.side for fill in day.fills}
    assert sides == {Side.BUY, Side.SELL}
    assert max(day.exposure) > 0
    assert day.exposure[-1] == 0
    assert len(day.at) == MINUTES


def test_equity_is_the_capital_and_what_the_fills_moved() -> None:
    day = a_walk()
    cash = cash_after(decimal(100_000), day.fills)
    assert day.equity[-1] == pytest.approx(float(cash), abs=1e-6)
    held: dict[str, float] = {}
    for fill in day.fills:
        signed = 1 if fill.side is Side.BUY else -1
        held[fill.symbol] = held.get(fill.symbol, 0) + signed * float(fill.quantity)
        assert held[fill.symbol] >= 0, "nothing is ever short"
    assert set(held.values()) == {0.0}


def test_nothing_is_decided_by_what_comes_later() -> None:
    """A day that is cut off was the same until there, whatever would have come."""
    for cut in (120, 251):
        upto = walked(lookahead.cut_off(lively(), cut))
        until = int(lively().at[cut - 1]) / 1e9
        before = [f for f in a_walk().fills if f.at.timestamp() <= until]
        assert [f for f in upto.fills if f.at.timestamp() < until] == [
            f for f in before if f.at.timestamp() < until
        ]
        assert np.array_equal(upto.equity[:-1], a_walk().equity[: cut - 1])


def test_a_walk_is_a_function_of_its_inputs() -> None:
    again = walked(lively())
    assert again.fills == a_walk().fills
    assert np.array_equal(again.equity, a_walk().equity)


def test_every_fill_is_inside_the_bar_that_it_fills_in() -> None:
    bars = lively()
    for fill in a_walk().fills:
        place = int(np.searchsorted(bars.at, int(fill.at.timestamp()) * 1_000_000_000, "right")) - 1
        row = SYMBOLS.index(fill.symbol)
        low, high = bars.low[row, place], bars.high[row, place]
        assert low - 0.011 <= float(fill.price) <= high + 0.011


def test_costs_take_money_from_the_same_entries() -> None:
    dear = walked(lively(), Costs(fee_per_share=0.01, half_spread_bps=5, slippage_bps=5))
    assert sum(dear.fees.values()) > 0
    assert dear.equity[-1] < a_walk().equity[-1]


def test_trades_are_the_fills_from_flat_to_flat() -> None:
    made = result(lively())
    assert len(made.trades) > 1
    assert made.trades.gained.sum() == pytest.approx(made.equity[-1] - 100_000, abs=0.01)
    assert (made.trades.worst <= 0).all()
    assert (made.trades.best >= 0).all()
    assert (made.trades.exit_at >= made.trades.entry_at).all()
    assert {made.trades.why[code] for code in made.trades.opened_by} <= {"signal", "MEGATECH"}


def test_the_funnel_counts_every_score() -> None:
    made = result(lively())
    scores = next(stage for stage in made.funnel if stage.what == "scores")
    symbols = len(the_book().universe.symbols)
    assert scores.taken == symbols * MINUTES
    assert scores.taken == scores.passed + sum(each.count for each in scores.refused)


def test_a_symbol_without_bars_is_told() -> None:
    assert any("no bars of AMZN" in line for line in result(lively(minutes=60)).warnings)


def test_bars_of_another_length_and_of_other_symbols_are_refused() -> None:
    bars = lively(minutes=60)
    with pytest.raises(InvalidData, match="bars of 300 s: a book that trades live needs bars of"):
        result(replace(bars, span=5 * bars.span))
    with pytest.raises(InvalidData, match="none of us_baskets's symbols is among the bars"):
        result(replace(bars, symbols=("A", "B", "C", "D", "E")))


def test_a_bar_that_is_missing_neither_signals_nor_fills() -> None:
    bars = lively()
    row, hole = SYMBOLS.index("AAPL"), slice(40, MINUTES)
    gone = {n: getattr(bars, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for column in gone.values():
        column[row, hole] = np.nan
    day = walked(replace(bars, **gone))
    late = [f for f in day.fills if f.symbol == "AAPL" and f.at.timestamp() >= OPEN_NS + 40 * 60]
    assert late == []
    assert np.isfinite(day.equity).all()


def three_mornings() -> Bars:
    """An hour of each of three sessions."""
    one = lively(minutes=60)
    days = [CALENDAR.session_for(CALENDAR.previous(date(2026, 3, 21), n).open) for n in (3, 2, 1)]
    starts = [int(hours.open.timestamp()) * 1_000_000_000 for hours in days]
    at = np.concatenate([start + (one.at - one.at[0]) for start in starts])
    columns = ("open", "high", "low", "close", "volume")
    return replace(one, at=at, **{name: np.tile(getattr(one, name), 3) for name in columns})


def test_a_run_that_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    bars, terms = three_mornings(), Terms(100_000, "USD", FREE)
    whole = walked(bars)
    assert len({fill.at.date() for fill in whole.fills}) > 1
    kept = CheckpointFile(tmp_path / "kept" / "walk.json.gz")
    places: list[int] = []

    def interrupt(place: int) -> None:
        places.append(place)
        if place == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk(the_book(), "test", bars, CALENDAR, terms, interrupt, kept)
    places.clear()
    again = walk(the_book(), "test", bars, CALENDAR, terms, places.append, kept)
    assert places == list(range(60, 180))
    assert again.digests == whole.digests
    assert (again.fills, again.equity, again.causes) == (whole.fills, whole.equity, whole.causes)
    assert again.tallies.counted() == whole.tallies.counted()
    kept.forget()
    assert kept.load() is None


def test_what_was_kept_and_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    kept = CheckpointFile(tmp_path / "walk.json.gz")
    (tmp_path / "walk.json.gz").write_bytes(b"not what was kept")
    assert kept.load() is None


def test_another_run_has_another_name() -> None:
    bars, terms = lively(minutes=60), Terms(100_000, "USD", FREE)
    name = backtest.name_of("settings", bars, terms)
    assert name == backtest.name_of("settings", lively(minutes=60), terms)
    others = {
        backtest.name_of("others", bars, terms),
        backtest.name_of("settings", lively(seed=4, minutes=60), terms),
        backtest.name_of("settings", bars, replace(terms, capital=1.0)),
    }
    assert len(others | {name}) == 4
