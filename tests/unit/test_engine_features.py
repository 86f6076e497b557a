"""Features and scores: ranges, finite memory, NaN, and what is live equals its column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import WEIGHTS, a_panel
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from app.engine.errors import InvalidData
from app.engine.features import BARS_NEEDED, FEATURES, average_true_range, tail, volatility
from app.engine.market import Floats, Panel
from app.engine.score import columns, technical

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "bars" / "us_minute"


def first(panel: Panel, bars: int) -> Panel:
    """Return a panel as it was when only its first bars were known."""
    parts = ("open", "high", "low", "close", "volume")
    return replace(panel, **{name: getattr(panel, name)[:, :bars] for name in parts})


def moving(closes: Floats) -> Panel:
    """A panel of one symbol whose bars are nothing but these closes."""
    row = closes.reshape(1, -1)
    ones = np.ones_like(row)
    return replace(a_panel(("X",)), open=row, high=row, low=row, close=row, volume=ones)


@given(st.integers(0, 10_000), st.integers(BARS_NEEDED, 60))
@settings(max_examples=60, deadline=None)
def test_c1_a_live_score_equals_its_column_in_a_long_panel(seed: int, bars: int) -> None:
    panel = a_panel(bars=60, seed=seed)
    live = technical(tail(first(panel, bars), BARS_NEEDED), WEIGHTS)
    for name, whole in columns(panel, WEIGHTS).items():
        assert_array_equal(live.components[name], whole[:, bars - 1])


def a_torn_panel(seed: int, symbols: int, bars: int) -> Panel:
    """Random walks with bars that are missing, carried, without volume, or before the first."""
    panel = a_panel(tuple(f"S{n}" for n in range(symbols)), bars, seed)
    parts = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close", "volume")}
    draw = np.random.default_rng(seed)
    for row in range(symbols):
        begins, carried = draw.integers(0, bars, 2)
        still = slice(carried, carried + draw.integers(0, 8))
        for name, part in parts.items():
            part[row, still] = 0.0 if name == "volume" else parts["close"][row, carried]
            part[row, : begins if row % 3 == 0 else 0] = np.nan
        parts[("close", "volume", "high")[row % 3]][row, draw.integers(0, bars)] = np.nan
    return replace(panel, **parts)


@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(BARS_NEEDED, 130))
@settings(max_examples=25, deadline=None)
def test_c1_one_new_bar_gives_the_bits_of_the_whole(seed: int, symbols: int, bars: int) -> None:
    """Whatever is missing, however many symbols there are, and wherever the blocks are cut."""
    panel = a_torn_panel(seed, symbols, bars)
    whole = columns(panel, WEIGHTS)
    for end in {BARS_NEEDED, (BARS_NEEDED + bars) // 2, bars}:
        live = technical(tail(first(panel, end), BARS_NEEDED), WEIGHTS)
        for name, column in whole.items():
            assert live.components[name].tobytes() == column[:, end - 1].tobytes(), name


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_other_symbols_change_nothing(seed: int) -> None:
    panel = a_panel(("A", "B", "C"), seed=seed)
    alone = replace(
        panel,
        symbols=("B",),
        **{n: getattr(panel, n)[1:2] for n in ("open", "high", "low", "close", "volume")},
    )
    assert technical(alone, WEIGHTS).score[0] == technical(panel, WEIGHTS).score[1]


@given(
    st.lists(st.floats(0.01, 1e6), min_size=BARS_NEEDED, max_size=50),
    st.lists(st.floats(0, 1e9), min_size=50, max_size=50),
)
@settings(max_examples=80, deadline=None)
def test_features_stay_in_their_ranges(closes: list[float], volumes: list[float]) -> None:
    panel = moving(np.array(closes))
    panel = replace(panel, volume=np.array(volumes[: len(closes)]).reshape(1, -1))
    for name, feature in FEATURES.items():
        known = feature(panel)[np.isfinite(feature(panel))]
        assert np.all(np.abs(known) <= 1 + 1e-9), name
    damping = volatility(panel)[np.isfinite(volatility(panel))]
    assert np.all((damping > 0) & (damping <= 1))
    score = technical(panel, WEIGHTS).score
    assert not np.any(np.abs(score) > 1)


def test_formulas_agree_with_the_library() -> None:
    panel = a_panel(("X",))
    close, volume = panel.close[0], panel.volume[0]
    returns = close[1:] / close[:-1] - 1
    means = [
        np.average(close[-30:], weights=(1 - 2 / (span + 1)) ** np.arange(29, -1, -1))
        for span in (8, 21)
    ]
    spread = (means[0] - means[1]) / average_true_range(panel)[0, -1]
    pace = (close[-1] / close[-11] - 1) / (np.std(returns[-29:]) * np.sqrt(10))
    away = (close[-1] - np.mean(close[-20:])) / np.std(close[-20:])
    expected = {
        "trend": np.tanh(spread / 3),
        "momentum": np.tanh(pace / 2),
        "mean_reversion": -np.tanh(away / 2),
        "volume": np.sum(np.sign(returns[-20:]) * volume[-20:]) / np.sum(volume[-20:]),
    }
    assert {name: f(panel)[0, -1] for name, f in FEATURES.items()} == pytest.approx(expected)
    damping = min(1.0, np.std(returns[-29:]) / np.std(returns[-8:]))
    assert volatility(panel)[0, -1] == pytest.approx(damping)
    mixed = sum(WEIGHTS[name] * value for name, value in expected.items())
    assert technical(panel, WEIGHTS).score[0] == pytest.approx(damping * mixed * abs(mixed))


def test_components_sum_up_to_the_score() -> None:
    scores = technical(a_panel(), WEIGHTS)
    assert set(scores.components) == set(WEIGHTS)
    assert sum(scores.components.values()) == pytest.approx(scores.score, abs=1e-15)


def test_directions() -> None:
    rising = moving(100 * 1.001 ** np.arange(40) + 0.01 * (np.arange(40) % 2))
    falling = moving(100 * 0.999 ** np.arange(40) + 0.01 * (np.arange(40) % 2))
    for name in ("trend", "momentum", "volume"):
        assert FEATURES[name](rising)[0, -1] > 0 > FEATURES[name](falling)[0, -1], name
    assert FEATURES["mean_reversion"](rising)[0, -1] < 0
    assert technical(rising, WEIGHTS).score[0] > 0.12
    assert technical(falling, WEIGHTS).score[0] < -0.12


def test_a_burst_is_damped() -> None:
    calm = 100 + 0.01 * (np.arange(40) % 2)
    burst = calm.copy()
    burst[-4:] += np.array([1.0, -1.0, 1.0, -1.0])
    assert volatility(moving(calm))[0, -1] == pytest.approx(1, abs=0.01)
    assert volatility(moving(burst))[0, -1] < 0.6


def test_true_range_spans_the_gap_from_the_previous_close() -> None:
    closes = np.array([100.0] * 16 + [110.0])
    assert average_true_range(moving(closes))[0, -1] == pytest.approx(10 / 14)


@pytest.mark.parametrize("part", ["close", "volume"])
def test_a_missing_number_makes_the_score_unknown_not_zero(part: str) -> None:
    panel = a_panel()
    getattr(panel, part)[0, -5] = np.nan
    score = technical(panel, WEIGHTS).score
    assert np.isnan(score[0])
    assert np.isfinite(score[1])


def test_too_few_bars_and_a_price_that_never_moved_are_unknown() -> None:
    short = technical(a_panel(bars=BARS_NEEDED - 1), WEIGHTS)
    assert np.all(np.isnan(short.score))
    assert set(short.components) == set(WEIGHTS)
    assert np.isnan(technical(moving(np.full(40, 100.1)), WEIGHTS).score[0])


def test_no_volume_speaks_for_neither_side() -> None:
    panel = replace(a_panel(), volume=np.zeros((2, 40)))
    assert np.all(FEATURES["volume"](panel)[:, -1] == 0)
    assert np.all(np.isfinite(technical(panel, WEIGHTS).score))


@pytest.mark.parametrize("weights", [{"luck": 1.0}, {"trend": -1.0}, {"trend": 0.0}, {}])
def test_weights_must_make_sense(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidData, match="weights"):
        technical(a_panel(), weights)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded bars are not here")
@pytest.mark.parametrize("symbol", ["AAPL", "NVDA", "TSLA"])
def test_a_lively_day_signals_in_a_sensible_share_of_slots(symbol: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(RECORDED / f"{symbol}.parquet", columns=["close", "volume"])
    day = {name: np.array(table[name])[:390] for name in ("close", "volume")}
    closes = np.repeat(day["close"], 2)
    closes[1:-1:2] = (closes[0:-2:2] + closes[2::2]) / 2
    panel = replace(moving(closes), volume=np.repeat(day["volume"] / 2, 2).reshape(1, -1))
    known = (first(panel, bars) for bars in range(BARS_NEEDED, panel.close.shape[1] + 1))
    scores = np.array([technical(part, WEIGHTS).score[0] for part in known])
    share = np.mean(np.abs(scores[np.isfinite(scores)]) >= 0.12)
    assert 0.05 < share < 0.35
