"""How well trades and a curve of equity did: rates, factors and the deepest fall."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall of equity from a peak: as money, and as a share of that peak in [0, 1]."""

    amount: Decimal
    share: float


def win_rate(gains: Sequence[Decimal]) -> float | None:
    """Return the share of trades that gained something, None without a trade."""
    return sum(gain > 0 for gain in gains) / len(gains) if gains else None


def profit_factor(gains: Sequence[Decimal]) -> float | None:
    """Return what winners gained over what losers lost, None where nothing was lost."""
    won = sum((gain for gain in gains if gain > 0), _NOTHING)
    lost = -sum((gain for gain in gains if gain < 0), _NOTHING)
    return float(won / lost) if lost else None


def max_drawdown(equity: Iterable[Decimal]) -> Drawdown:
    """Return the deepest fall from any earlier peak, by its share; an equity of 0 or less is all.

    Oldest first. A curve of one value or none has not fallen.
    """
    peak, deepest = _NOTHING, Drawdown(_NOTHING, 0.0)
    for value in equity:
        peak = max(peak, value)
        if peak <= 0:
            continue
        share = min(float((peak - value) / peak), 1.0)
        if share > deepest.share:
            deepest = Drawdown(peak - value, share)
    return deepest
