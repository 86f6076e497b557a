"""A run of the past in one valid value, and seeded ones as large as wanted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from app.engine.funnel import Refused, Stage
from app.lab.result import Candles, Result, Trades

OPEN = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
MINUTE = 60_000_000_000


def nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000


def sessions(days: int, bars: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the minutes of so many weekdays from ``OPEN``, so many bars each."""
    weekdays = [d for d in range(days * 2) if (OPEN + timedelta(days=d)).weekday() < 5][:days]
    starts = [nanoseconds(OPEN + timedelta(days=d)) for d in weekdays]
    made: np.ndarray[Any, np.dtype[np.int64]] = (
        np.array(starts, dtype=np.int64)[:, None] + np.arange(bars, dtype=np.int64) * MINUTE
    ).ravel()
    return made


def no_trades(symbols: tuple[str, ...] = (), why: tuple[str, ...] = ()) -> Trades:
    whole, number = np.array([], dtype=np.int64), np.array([], dtype=float)
    code = np.array([], dtype=np.int32)
    return Trades(
        symbols=symbols,
        why=why,
        symbol=code,
        quantity=number,
        entry_at=whole,
        entry_price=number,
        exit_at=whole,
        exit_price=number,
        fees=number,
        opened_by=code,
        closed_by=code,
        worst=number,
        best=number,
    )


def some_trades(n: int, at: np.ndarray[Any, Any], symbols: tuple[str, ...], seed: int) -> Trades:
    """Return ``n`` trades over the bars at ``at`` that end in order."""
    draw = np.random.default_rng(seed)
    first = np.sort(draw.integers(0, max(len(at) - 30, 1), n))
    last = np.minimum(first + draw.integers(1, 30, n), len(at) - 1)
    entry = draw.uniform(20, 200, n)
    moved = draw.standard_t(4, n) * 0.006
    return Trades(
        symbols=symbols,
        why=("momentum", "basket_tech", "take_profit", "stop_loss", "pre_close"),
        symbol=draw.integers(0, len(symbols), n).astype(np.int32),
        quantity=draw.integers(1, 100, n).astype(float),
        entry_at=at[first],
        entry_price=entry,
        exit_at=at[last],
        exit_price=entry * (1 + moved),
        fees=np.full(n, 0.35),
        opened_by=draw.integers(0, 2, n).astype(np.int32),
        closed_by=draw.integers(2, 5, n).astype(np.int32),
        worst=np.minimum(moved, 0) - draw.exponential(0.003, n),
        best=np.maximum(moved, 0) + draw.exponential(0.003, n),
    )


def some_candles(at: np.ndarray[Any, Any], seed: int, start: float = 100.0) -> Candles:
    draw = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(draw.normal(0, 0.0008, len(at))))
    opened = np.concatenate(([start], close[:-1]))
    spread = draw.exponential(0.0005, (2, len(at)))
    return Candles(
        at=at,
        open=opened,
        high=np.maximum(opened, close) * (1 + spread[0]),
        low=np.minimum(opened, close) * (1 - spread[1]),
        close=close,
    )


def a_stage(**other: Any) -> Stage:
    values: dict[str, Any] = {
        "step": "risk",
        "kind": "entry",
        "what": "entries",
        "taken": 100,
        "passed": 10,
        "refused": (
            Refused("exposure", "exposure", 100, 60, (("AAPL", 40),)),
            Refused("prices", "stale_price", 40, 30, ()),
        ),
    }
    return Stage(**(values | other))


def a_result(**other: Any) -> Result:
    at = other.get("at", sessions(3, 5))
    capital = other.get("capital", 10_000.0)
    values: dict[str, Any] = {
        "name": "spring",
        "book": "paper-us",
        "strategy": "momentum",
        "settings": "9f2c1a7b",
        "currency": "USD",
        "began": OPEN,
        "ended": OPEN + timedelta(days=3),
        "capital": capital,
        "at": at,
        "equity": np.full(len(at), capital),
        "exposure": np.zeros(len(at)),
        "trades": no_trades(),
        "zone": "America/New_York",
    }
    return Result(**(values | other))
