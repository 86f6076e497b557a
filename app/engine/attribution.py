"""Attribution: which signals moved an intent, how much, and what each of them was made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

from app.engine.signals import Signal


@dataclass(frozen=True, slots=True)
class Share:
    """One signal's part of what moved an intent; all parts of an intent sum to exactly 1.

    A witness that spoke the other way has a negative share. ``parts`` splits the share by the
    signal's components and sums to it.
    """

    signal: str
    symbol: str
    reading: float
    share: Fraction
    parts: Mapping[str, Fraction]


def of(signals: Sequence[Signal], reversed: frozenset[str] = frozenset()) -> tuple[Share, ...]:
    """Return each signal's share of the mean that they make together, by symbol.

    ``reversed`` are the symbols whose score counts with its sign turned: the inverse ETFs, where
    a basket was moved. Exact fractions: rounding is for whoever prints them.
    """
    ordered = sorted(signals, key=lambda s: (s.symbol, s.id))
    readings = [-s.score if s.symbol in reversed else s.score for s in ordered]
    shares = _apportioned(Fraction(1), readings)
    return tuple(
        Share(s.id, s.symbol, reading, share, _parts(s, share))
        for s, reading, share in zip(ordered, readings, shares, strict=True)
    )


def _parts(signal: Signal, share: Fraction) -> dict[str, Fraction]:
    """Split a signal's share by its components; one without any is one part, its score."""
    components = dict(sorted(signal.components.items())) or {"score": signal.score}
    return dict(zip(components, _apportioned(share, list(components.values())), strict=True))


def _apportioned(whole: Fraction, weights: Sequence[float]) -> list[Fraction]:
    """Part a whole by signed weights; where these cancel each other out, evenly."""
    exact = [Fraction(weight) if isfinite(weight) else Fraction(0) for weight in weights]
    if total := sum(exact):
        return [whole * weight / total for weight in exact]
    return [whole / max(len(exact), 1)] * len(exact)
