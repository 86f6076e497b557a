"""The technical score: features mixed by weight, damped by volatility, sharpened by agreement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from app.engine import features
from app.engine.errors import InvalidData
from app.engine.market import Floats, Panel

#: How many numbers of an array are worked on at once, so that all of them stay in the cache.
BLOCK = 25_000


@dataclass(frozen=True, slots=True)
class Scores:
    """A score in [-1, 1] for each symbol, NaN where it cannot be known; components sum up to it."""

    symbols: tuple[str, ...]
    score: Floats
    components: Mapping[str, Floats]


def technical(panel: Panel, weights: Mapping[str, float]) -> Scores:
    """Score the newest bar of every symbol of a panel; arrays have the shape (symbols,)."""
    check_weights(weights)
    newest = {name: np.full(len(panel.symbols), np.nan) for name in weights}
    if panel.close.shape[1] >= features.BARS_NEEDED:
        for rows, block in _blocks(features.tail(panel, features.BARS_NEEDED)):
            for name, part in _parts(block, weights).items():
                newest[name][rows] = part[:, -1]
    return Scores(panel.symbols, _sum(newest), newest)


def columns(panel: Panel, weights: Mapping[str, float]) -> dict[str, Floats]:
    """Return each feature's part of the score, shape (symbols, bars).

    The weighted mean of the features, m, is multiplied by the damping factor and by its own size:
    features that contradict each other say little, features that agree say much. So
    score = damping x m x \\|m\\|, in [-1, 1].
    """
    check_weights(weights)
    whole = {name: np.empty_like(panel.close) for name in weights}
    for rows, block in _blocks(panel):
        for name, part in _parts(block, weights).items():
            whole[name][rows] = part
    return whole


def _blocks(panel: Panel) -> Iterator[tuple[slice, Panel]]:
    """Yield a panel's symbols block by block, each bar's symbols side by side in memory."""
    symbols, bars = panel.close.shape
    size = max(BLOCK // max(bars, 1), 1)
    for start in range(0, symbols, size):
        rows = slice(start, start + size)
        yield (
            rows,
            replace(
                panel,
                symbols=panel.symbols[rows],
                open=panel.open[rows],
                high=np.asfortranarray(panel.high[rows]),
                low=np.asfortranarray(panel.low[rows]),
                close=np.asfortranarray(panel.close[rows]),
                volume=np.asfortranarray(panel.volume[rows]),
            ),
        )


def _parts(panel: Panel, weights: Mapping[str, float]) -> dict[str, Floats]:
    total = sum(weights.values())
    # Prices beyond what a float can square are no prices: they end as NaN, which no gate passes.
    with np.errstate(over="ignore", invalid="ignore"):
        parts = {
            name: weight / total * features.FEATURES[name](panel)
            for name, weight in weights.items()
        }
        strength = features.volatility(panel) * np.abs(_sum(parts))
        return {name: part * strength for name, part in parts.items()}


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise InvalidData unless weights are of known features, not negative, and not all zero."""
    unknown = sorted(set(weights) - set(features.FEATURES))
    if unknown:
        known = ", ".join(features.FEATURES)
        raise InvalidData(f"weights of unknown features {', '.join(unknown)}: use {known}")
    if not all(0 <= w < float("inf") for w in weights.values()) or sum(weights.values()) <= 0:
        raise InvalidData(f"weights must be at least 0 and not all 0: {dict(weights)}")


def _sum(parts: Mapping[str, Floats]) -> Floats:
    first, *rest = (parts[name] for name in sorted(parts))
    total = first
    for part in rest:
        total = total + part
    return total
