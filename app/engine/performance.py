"""How well trades and a curve of equity did: rates, factors and the deepest fall."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

_NOTHING = Decimal(0)


class Standing(NamedTuple):
    """Where a book stands: what trading has gained since some beginning, and its equity.

    Money that is paid in or taken out changes the equity and is no gain.
    """

    gained: Decimal
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall from a peak: as money, and as a share of the equity there in [0, 1]."""

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


def max_drawdown(curve: Iterable[Standing]) -> Drawdown:
    """Return the deepest fall from any earlier peak of what was gained, by its share.

    Oldest first. The share is of what the equity would be if nothing had been lost since the peak:
    without money that came or went, of the peak; an equity of 0 or less has lost all. A curve of
    one moment or none has not fallen.
    """
    peak: Decimal | None = None
    deepest = Drawdown(_NOTHING, 0.0)
    for gained, equity in curve:
        peak = gained if peak is None else max(peak, gained)
        fall = peak - gained
        unfallen = equity + fall
        if unfallen <= 0:
            continue
        share = min(float(fall / unfallen), 1.0)
        if share > deepest.share:
            deepest = Drawdown(fall, share)
    return deepest
