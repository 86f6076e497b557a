"""Charts of a run as Plotly draws them. Importing this file imports Plotly: import it late.

Bars stand side by side along the axis, however long the market was closed between them. Text from
outside is escaped: Plotly reads a little HTML in it. The page gives ink, grid and background.
"""

from collections.abc import Iterable
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.engine.market import Floats
from app.lab import drawdown, formats, thinning
from app.lab.figures import returns
from app.lab.result import Candles, Moments, Result, Trades
from app.lab.thinning import Buckets, Places

Names = NDArray[np.str_]
Flags = NDArray[np.bool_]
Shorts = NDArray[np.float32]

UP, DOWN, LINE, SOFT = "#1f9d6b", "#d1495b", "#3f7fd1", "rgba(63,127,209,0.25)"
#: Where so much of the peak is lost, exposure is a share of next to nothing and is not drawn: it
#: would make all other days flat.
RUIN = 0.9
_PLAIN = {"template": {}, "showlegend": False, "margin": {"l": 56, "r": 14, "t": 34, "b": 14}}
_BARS = {
    "type": "category",
    "tickangle": 0,
    "automargin": "height",
    "ticklabeloverflow": "hide past div",
    "showgrid": False,
}


def course(of: Result, within: Buckets) -> go.Figure:
    """Return equity, drawdown and exposure one below the other, on one axis of time."""
    fallen = drawdown.shares(of.equity, of.capital)
    places = np.union1d(
        thinning.extremes(of.equity, within), thinning.extremes(fallen, within)
    ).astype(np.intp)
    zone = ZoneInfo(of.zone)
    when = formats.ticks(of.at[places], zone)
    at = when[np.searchsorted(places, within.starts)]
    lines = [
        _line(when, of.equity[places], "y", LINE, "equity %{y:,.2f}"),
        _line(when, _short(-fallen[places]), "y2", DOWN, "drawdown %{y:.2%}", fill="tozeroy"),
        *_exposure(of, fallen < RUIN, within, at),
    ]
    figure = go.Figure(lines, _PLAIN | {"hovermode": "x unified", "hoversubplots": "axis"})
    figure.update_layout(
        xaxis=_BARS | {"anchor": "y3"},
        yaxis=_axis(of.currency, [0.5, 1], tickformat=",.2~f"),
        yaxis2=_axis("drawdown", [0.26, 0.45], tickformat=".3~p", range=_below(fallen)),
        yaxis3=_axis("exposure", [0, 0.2], tickformat=".3~p", rangemode="tozero"),
    )
    figure.add_hline(of.capital, line={"dash": "dot", "width": 1, "color": "#888"})
    return figure


def candles(of: Result, symbol: str, chosen: Places, within: Buckets) -> go.Figure:
    """Return one symbol's candles with the ``chosen`` trades on them."""
    zone, drawn = ZoneInfo(of.zone), thinning.candles(of.candles[symbol], within)
    names = formats.ticks(drawn.at, zone)
    trades, told = of.trades, _told(of, chosen, zone)
    entered = names[_bar(drawn, trades.entry_at[chosen])]
    left = names[_bar(drawn, trades.exit_at[chosen])]
    bought, sold = _short(trades.entry_price[chosen]), _short(trades.exit_price[chosen])
    outcome = np.where(trades.gained[chosen] > 0, UP, DOWN).tolist()
    figure = go.Figure(_candlesticks(names, drawn), _PLAIN | {"hovermode": "closest"})
    figure.add_trace(_links(entered, left, bought, sold))
    figure.add_trace(_dots(entered, bought, told, "triangle-up", LINE))
    figure.add_trace(_dots(left, sold, told, "triangle-down", outcome))
    figure.update_layout(
        xaxis=_BARS | {"rangeslider": {"visible": False}, "range": [-1, len(names)]},
        yaxis=_axis(of.currency, [0, 1], tickformat=",.4~f", hoverformat=",.4~f"),
    )
    return figure


def excursions(of: Result, chosen: Places) -> go.Figure:
    """Return what trades came to over the worst (left) and the best (right) while held."""
    came, symbols = returns(of.trades)[chosen], _symbols(of.trades, chosen)
    figure = go.Figure(layout=_PLAIN | {"hovermode": "closest"})
    for axis, seen, what in (("", of.trades.worst, "worst"), ("2", of.trades.best, "best")):
        for side, color in ((came > 0, UP), (came <= 0, DOWN)):
            figure.add_scatter(
                x=_short(seen[chosen][side]),
                y=_short(came[side]),
                text=symbols[side].tolist(),
                xaxis=f"x{axis}",
                yaxis="y",
                mode="markers",
                marker={"color": color, "size": 5, "opacity": 0.55},
                hovertemplate=(
                    f"%{{text}}<br>{what} %{{x:.2%}}<br>came to %{{y:.2%}}<extra></extra>"
                ),
            )
    across = {"tickformat": ".2~p", "automargin": True, "nticks": 6, "rangemode": "tozero"}
    figure.update_layout(
        margin={"b": 50},
        xaxis=across | {"domain": [0, 0.46], "title": "worst (MAE)"},
        xaxis2=across | {"domain": [0.54, 1], "title": "best (MFE)"},
        yaxis=_axis("came to, after fees", [0, 1], tickformat=".2~p", rangemode="tozero"),
    )
    return figure


def _below(fallen: Floats) -> list[float]:
    """Return the axis of a drawdown, which has a depth even where nothing fell."""
    return [-1.05 * max(float(fallen.max(initial=0)), 0.001), 0]


def _exposure(of: Result, alive: Flags, within: Buckets, at: Names) -> Iterable[go.Scatter]:
    gaps = np.full(len(of.at), np.nan)
    held = np.divide(np.abs(of.exposure), of.equity, out=gaps, where=alive & (of.equity > 0))
    if within.size > 1:
        most = np.maximum.reduceat(held, within.starts)
        told = "exposure at most %{y:.1%}"
        yield _line(at, _short(most), "y3", SOFT, told, fill="tozeroy", width=0)
    mean = _short(thinning.means(held, within))
    yield _line(at, mean, "y3", LINE, "exposure, mean %{y:.1%}")


def _line(
    at: Names, values: Floats | Shorts, axis: str, color: str, told: str, **other: Any
) -> go.Scatter:
    return go.Scatter(
        x=at,
        y=values,
        yaxis=axis,
        mode="lines",
        line={"color": color, "width": other.pop("width", 1.3)},
        hovertemplate=f"{told}<extra></extra>",
        **other,
    )


def _axis(title: str, domain: list[float], **other: Any) -> dict[str, Any]:
    return {"title": escape(title), "domain": domain, "automargin": True, "nticks": 6, **other}


def _candlesticks(names: Names, drawn: Candles) -> go.Candlestick:
    return go.Candlestick(
        x=names,
        open=_short(drawn.open),
        high=_short(drawn.high),
        low=_short(drawn.low),
        close=_short(drawn.close),
        increasing={"line": {"color": UP, "width": 1}},
        decreasing={"line": {"color": DOWN, "width": 1}},
        opacity=0.6,
    )


def _links(entered: Names, left: Names, bought: Shorts, sold: Shorts) -> go.Scatter:
    gaps = np.full(len(bought), np.nan, dtype=np.float32)
    return go.Scatter(
        x=[name for pair in zip(entered, left, strict=True) for name in (*pair, None)],
        y=np.column_stack((bought, sold, gaps)).ravel(),
        mode="lines",
        line={"color": "#888", "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )


def _dots(
    at: Names, prices: Shorts, told: list[str], shape: str, color: str | list[str]
) -> go.Scatter:
    return go.Scatter(
        x=at,
        y=prices,
        text=told,
        mode="markers",
        marker={
            "symbol": shape,
            "size": 9,
            "color": color,
            "line": {"width": 0.5, "color": "#fff"},
        },
        hovertemplate="%{text}<extra></extra>",
    )


def _told(of: Result, chosen: Places, zone: ZoneInfo) -> list[str]:
    """Return what is said of each trade where the pointer is."""
    trades, came = of.trades, returns(of.trades)
    entered = formats.moments(trades.entry_at[chosen], zone)
    left = formats.moments(trades.exit_at[chosen], zone)
    why = [escape(name) for name in trades.why]
    return [
        f"<b>{formats.gain(trades.gained[n])} ({formats.percent(came[n])})</b>"
        f"<br>{formats.quantity(trades.quantity[n])} shares"
        f"<br>opened by {why[trades.opened_by[n]]}: {entered[k]} at"
        f" {formats.price(trades.entry_price[n])}"
        f"<br>closed by {why[trades.closed_by[n]]}: {left[k]} at"
        f" {formats.price(trades.exit_price[n])}"
        for k, n in enumerate(chosen)
    ]


def _bar(drawn: Candles, moments: Moments) -> Places:
    """Return the candle in which each moment is; the first for what was before it."""
    return np.maximum(np.searchsorted(drawn.at, moments, side="right") - 1, 0)


def _symbols(trades: Trades, chosen: Places) -> Names:
    return np.array([escape(name) for name in trades.symbols])[trades.symbol[chosen]]


def _short(values: Floats) -> Shorts:
    """Return values in half the bytes: seven digits are more than is seen."""
    return values.astype(np.float32)
