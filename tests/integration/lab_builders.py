"""Bars and planned strategies of which a test overrides only what it is about."""

from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.engine.market import Floats
from app.engine.strategies.plan import AnyPlanned, Bars, Each, Plan, Planned, Rules

MINUTE = 60_000_000_000


def bars(close: Any, **prices: Any) -> Bars:
    """Return bars with the given rows, (symbols, bars); what is not given equals the close."""
    closes = np.atleast_2d(np.array(close, float))
    given = {name: np.atleast_2d(np.array(rows, float)) for name, rows in prices.items()}
    rows = {name: given.get(name, closes).copy() for name in ("open", "high", "low", "volume")}
    symbols = tuple(f"S{row}" for row in range(closes.shape[0]))
    return Bars(symbols, MINUTE, np.arange(closes.shape[1]) * MINUTE, close=closes, **rows)


def walk(seed: int, symbols: int, count: int, gaps: float = 0.0) -> Bars:
    """Return random walks in cents around 100; a share ``gaps`` of the bars is missing."""
    draw = np.random.default_rng(seed)
    shape = (symbols, count)
    close = np.round(100 * np.exp(np.cumsum(draw.normal(0, 0.004, shape), axis=1)), 2)
    opened = np.round(np.roll(close, 1, axis=1) * np.exp(draw.normal(0, 0.002, shape)), 2)
    opened[:, 0] = close[:, 0]
    high = np.round(np.maximum(opened, close) * np.exp(abs(draw.normal(0, 0.002, shape))), 2)
    low = np.round(np.minimum(opened, close) * np.exp(-abs(draw.normal(0, 0.002, shape))), 2)
    missing = draw.random(shape) < gaps
    for prices in (opened, high, low, close):
        prices[missing] = np.nan
    volume = np.where(missing, np.nan, draw.uniform(1, 1000, shape))
    return bars(close, open=opened, high=high, low=low, volume=volume)


def until(of: Bars, bar: int) -> Bars:
    """Return the first ``bar`` bars."""
    names = [field.name for field in fields(Bars)][2:-1]
    return replace(of, **{n: np.ascontiguousarray(getattr(of, n)[..., :bar]) for n in names})


@dataclass(frozen=True)
class Wish:
    """What to wish for, as rows of (symbols, bars)."""

    enter: Any
    leave: Any = False
    stop: Any = np.nan
    target: Any = np.nan
    risk: Any = np.nan


def _as_wished(of: Bars, wish: Wish, each: Each) -> Plan:
    def rows(values: Any, kind: Any) -> NDArray[Any]:
        return np.array(np.broadcast_to(np.array(values, kind), of.close.shape))

    levels = (rows(values, float) for values in (wish.stop, wish.target, wish.risk))
    return Plan(rows(wish.enter, bool), rows(wish.leave, bool), *levels)


def wishing(wish: Wish, **rules: Any) -> AnyPlanned:
    """Return a strategy that wishes just that, one share at a time unless rules say otherwise."""
    sizes = {"lot": 1.0, "risk_share": inf, "notional_share": inf}
    return Planned(_as_wished, wish, Rules(**{"max_positions": 10, "warm_up": 0} | sizes | rules))


def random_wish(of: Bars, seed: int) -> Wish:
    """Return wishes at random, with levels on both sides of the close where there is one."""
    draw = np.random.default_rng(seed)
    shape = of.close.shape
    away: Floats = of.close * draw.uniform(0.001, 0.02, shape)
    return Wish(
        enter=draw.random(shape) < 0.4,
        leave=draw.random(shape) < 0.05,
        stop=np.where(draw.random(shape) < 0.7, np.round(of.close - away, 2), np.nan),
        target=np.where(draw.random(shape) < 0.7, np.round(of.close + away, 2), np.nan),
        risk=np.where(draw.random(shape) < 0.9, away, np.nan),
    )


seeds = st.integers(0, 2**32 - 1)
