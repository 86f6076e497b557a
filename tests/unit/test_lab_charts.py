"""Charts keep a scale that can be read, whatever a run came to."""

from typing import Any

import numpy as np
import pytest
from result_builders import a_result, sessions, some_candles, some_trades

from app.lab import charts, pictures, tables, thinning
from app.lab.daily import Daily
from app.lab.result import Result

AT = sessions(2, 5)


def a_course(most: int = 100, **other: Any) -> Any:
    run = a_result(at=AT, **other)
    return charts.course(run, thinning.buckets(len(AT), most))


def a_ruin() -> dict[str, Any]:
    """Return a curve that loses all in its middle, with as much held as before."""
    equity = np.array([10_000.0, 9_000, 5_000, 900, 1, -50, -50, -50, -50, -50])
    return {"equity": equity, "exposure": np.full(len(AT), 1_000.0)}


def a_traded(symbol: str) -> Result:
    trades = some_trades(1, AT, (symbol,), seed=2)
    return a_result(at=AT, trades=trades, candles={symbol: some_candles(AT, seed=2)})


def test_equity_is_told_to_the_cent_however_large() -> None:
    equity = np.full(len(AT), 123_456_789.01)
    assert a_course(equity=equity)["data"][0]["y"].tolist() == equity.tolist()


def test_a_drawdown_has_a_depth_even_where_nothing_fell() -> None:
    assert a_course()["layout"]["yaxis2"]["range"] == (pytest.approx(-0.00105), 0)
    fallen = np.append(np.full(len(AT) - 1, 10_000.0), 8_000.0)
    assert a_course(equity=fallen)["layout"]["yaxis2"]["range"] == (pytest.approx(-0.21), 0)


@pytest.mark.parametrize(("most", "held"), [(100, [0.1, 1 / 9, 0.2]), (5, [(0.1 + 1 / 9) / 2])])
def test_exposure_of_what_is_lost_is_not_drawn(most: int, held: list[float]) -> None:
    *_, exposure = a_course(most, **a_ruin())["data"]
    drawn = np.asarray(exposure["y"])
    assert drawn[: len(held)] == pytest.approx(held, rel=1e-6)
    assert np.isnan(drawn[len(held) :]).all()


def test_what_is_not_drawn_is_told() -> None:
    ruin = pictures.course(a_result(at=AT, **a_ruin()))
    assert ruin is not None
    assert ruin.note == "Exposure is not drawn where 10.00% of the peak or less is left."
    fine = pictures.course(a_result(at=AT, exposure=np.full(len(AT), 1_000.0)))
    assert fine is not None
    assert fine.note == ""


def test_candles_fill_their_chart() -> None:
    run = a_traded("AAPL")
    figure = charts.candles(run, "AAPL", np.array([0]), thinning.buckets(len(AT), 100))
    assert figure["layout"]["xaxis"]["range"] == (-1, len(AT))


@pytest.mark.parametrize(("returned", "heat"), [(0.00001, 0.01), (0.05, 1.0), (-0.02, -1.0)])
def test_a_month_of_next_to_nothing_is_hardly_coloured(returned: float, heat: float) -> None:
    day = np.array(["2024-03-04"], dtype="datetime64[D]")
    ((_, cells),) = tables.month_rows(Daily(day, np.array([1.0]), np.array([returned])))
    assert cells[2].heat == pytest.approx(heat)
