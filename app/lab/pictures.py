"""Pictures of a report: what of a run is drawn, how much of it, and what the page says of that.

However long the run was, they are so many points at most. Importing this file imports Plotly.
"""

import base64
import gzip
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from app.lab import charts, drawdown, formats, thinning
from app.lab.figures import returns
from app.lab.result import Result

#: The most that is drawn: points of the curve, charts, and in all charts candles and trades.
CURVE, CHARTS, CANDLES, MARKS, DOTS = 1_000, 40, 16_000, 2_400, 2_500
#: The most of a chart, so that a phone can show it.
_CANDLES_A_CHART, _MARKS_A_CHART = 1_500, 300


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as JSON that may stand in a page, its height in pixels, and what is said of it."""

    figure: Markup
    height: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class OfSymbol:
    """What a symbol's trades came to, and its picture; None where there is nothing to draw on."""

    symbol: str
    trades: int
    gained: str
    picture: Picture | None


@cache
def library() -> str:
    """Return Plotly's own script, its licence at the top, packed: gzip in base64."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 6, mtime=0)).decode()


def course(of: Result) -> Picture | None:
    """Return equity, drawdown and exposure; None where nothing ever moved."""
    if not len(of.trades) and (of.equity == of.capital).all() and not of.exposure.any():
        return None
    within = thinning.buckets(len(of.at), CURVE)
    said = []
    if within.size > 1:
        said.append(
            f"{len(of.at):,} bars are drawn {within.size:,} at a time: the lowest and the highest"
            " of each are on the curves, of the exposure the mean and the highest."
        )
    if (drawdown.shares(of.equity, of.capital) >= charts.RUIN).any():
        left = formats.percent(1 - charts.RUIN)
        said.append(f"Exposure is not drawn where {left} of the peak or less is left.")
    return Picture(_json(charts.course(of, within)), 560, " ".join(said))


def excursions(of: Result) -> Picture | None:
    """Return the worst and the best of trades while held; None without a trade."""
    trades = of.trades
    if not len(trades):
        return None
    chosen = thinning.cloud((trades.worst, trades.best, returns(trades)), DOTS)
    note = f"{len(chosen):,} of {len(trades):,} trades, the farthest out among them."
    return Picture(
        _json(charts.excursions(of, chosen)), 380, note if len(chosen) < len(trades) else ""
    )


def symbols(of: Result) -> list[OfSymbol]:
    """Return the symbols that traded, those with the most trades first; the first few are drawn."""
    counts = np.bincount(of.trades.symbol, minlength=len(of.trades.symbols))
    traded = [int(n) for n in np.argsort(-counts, kind="stable") if counts[n]]
    drawn = min(len(traded), CHARTS)
    return [_symbol(of, n, drawn if place < CHARTS else 0) for place, n in enumerate(traded)]


def _symbol(of: Result, code: int, drawn: int) -> OfSymbol:
    own = np.flatnonzero(of.trades.symbol == code)
    name, gained = of.trades.symbols[code], float(of.trades.gained[own].sum())
    bars = of.candles.get(name)
    picture = None
    if drawn and bars is not None and len(bars.at):
        within = thinning.buckets(len(bars.at), min(_CANDLES_A_CHART, CANDLES // drawn))
        most = min(_MARKS_A_CHART, MARKS // drawn)
        chosen = own[thinning.largest(of.trades.gained[own], most)]
        figure = charts.candles(of, name, chosen, within)
        picture = Picture(_json(figure), 360, _note(within.size, len(chosen), len(own)))
    return OfSymbol(name, len(own), formats.gain(gained), picture)


def _note(size: int, shown: int, trades: int) -> str:
    said = []
    if size > 1:
        said.append(f"A candle is {size:,} bars.")
    if shown < trades:
        said.append(f"{shown:,} of {trades:,} trades: those that gained or lost the most.")
    return " ".join(said)


def _json(figure: Figure) -> Markup:
    def text(value: Figure, **_: Any) -> str:
        return str(value.to_json(engine="json"))

    return htmlsafe_json_dumps(figure, dumps=text)
