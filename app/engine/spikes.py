"""Volume spikes: a newest bar that traded many times what the bars before it did."""

from datetime import datetime

import numpy as np

from app.engine.book import EventPolicy
from app.engine.events import Event, EventKind
from app.engine.market import Panel


def find(panel: Panel, policy: EventPolicy, seen_at: datetime) -> tuple[Event, ...]:
    """Return a ``vol_spike`` for each symbol whose newest bar is one, in the panel's order.

    A spike has at least ``spike_min_volume`` and ``spike_factor`` times the mean volume of the
    ``spike_bars`` before it. Bars without a trade count as 0, and half of them or more must have
    traded: after a silence, of the market or of our own, nothing is known to be usual. NaN is no
    spike. The tone is the bar's direction: 1, -1, or None where it ended as it began.
    """
    count = policy.spike_bars
    if panel.volume.shape[1] <= count:
        return ()
    newest, before = panel.volume[:, -1], panel.volume[:, -1 - count : -1]
    usual = before.mean(axis=1)
    known = 2 * np.count_nonzero(before > 0, axis=1) >= count
    loud = (newest >= policy.spike_factor * usual) & (newest >= policy.spike_min_volume)
    found = np.flatnonzero(loud & known & (usual > 0) & np.isfinite(newest))
    return tuple(_event(panel, int(row), float(usual[row]), seen_at) for row in found)


def _event(panel: Panel, row: int, usual: float, seen_at: datetime) -> Event:
    symbol, start = panel.symbols[row], panel.end - panel.span
    opened, closed = float(panel.open[row, -1]), float(panel.close[row, -1])
    volume = float(panel.volume[row, -1])
    times = volume / usual
    move = (closed - opened) / opened
    return Event(
        id=f"spike-{start:%Y%m%dT%H%M%SZ}:{symbol}",
        kind=EventKind.VOL_SPIKE,
        symbol=symbol,
        at=panel.end,
        first_seen_at=max(seen_at, panel.end),
        source="bars",
        title=f"{symbol} traded {times:.1f} times its usual volume, {move:+.2%}",
        tone=1.0 if closed > opened else -1.0 if closed < opened else None,
        payload={"volume": volume, "usual": usual, "times": times, "move": move},
    )
