"""The book's own memory: what gates and the router must remember between two steps.

It is the ``state`` of ``decide(state, inputs) -> (state', verdicts)``: saved in one transaction
with the verdicts, so that a restart or a replay continues exactly where the last step ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LastSignal:
    """The newest actionable signal of a symbol."""

    at: datetime
    direction: int


@dataclass(frozen=True, slots=True)
class BasketEvidence:
    """The latest score of each member inside the window, and how many ticks in a row qualified.

    ``last_tick`` is the newest tick that was judged; it had ended by then.
    """

    scores: Mapping[str, tuple[datetime, float, str]] = field(default_factory=dict)
    streak: int = 0
    last_tick: int = -1


@dataclass(frozen=True, slots=True)
class BookState:
    """Everything that decisions depend on besides their inputs.

    ``opposite_locks`` says until when a holding is not sold again on a strong opposite signal.
    """

    last_signals: Mapping[str, LastSignal] = field(default_factory=dict)
    evidence: Mapping[str, BasketEvidence] = field(default_factory=dict)
    etf_locks: Mapping[str, datetime] = field(default_factory=dict)
    opposite_locks: Mapping[str, datetime] = field(default_factory=dict)


def to_json(state: BookState) -> dict[str, Any]:
    """Return the state as JSON values; ``from_json`` gives the very same state back."""
    return {
        "last_signals": {
            symbol: [last.at.isoformat(), last.direction]
            for symbol, last in sorted(state.last_signals.items())
        },
        "evidence": {
            name: {
                "scores": {
                    s: [at.isoformat(), score, cause]
                    for s, (at, score, cause) in sorted(e.scores.items())
                },
                "streak": e.streak,
                "last_tick": e.last_tick,
            }
            for name, e in sorted(state.evidence.items())
        },
        "etf_locks": _times(state.etf_locks),
        "opposite_locks": _times(state.opposite_locks),
    }


def from_json(data: Mapping[str, Any]) -> BookState:
    """Read a state written by ``to_json``, whatever the order of its keys has become.

    An empty mapping is a fresh book.
    """
    when = datetime.fromisoformat
    return BookState(
        last_signals={
            s: LastSignal(when(at), direction)
            for s, (at, direction) in sorted(data.get("last_signals", {}).items())
        },
        evidence={
            name: BasketEvidence(
                {
                    s: (when(at), score, cause)
                    for s, (at, score, cause) in sorted(e["scores"].items())
                },
                e["streak"],
                e["last_tick"],
            )
            for name, e in sorted(data.get("evidence", {}).items())
        },
        etf_locks={s: when(until) for s, until in sorted(data.get("etf_locks", {}).items())},
        opposite_locks={
            s: when(until) for s, until in sorted(data.get("opposite_locks", {}).items())
        },
    )


def _times(by_symbol: Mapping[str, datetime]) -> dict[str, str]:
    return {symbol: at.isoformat() for symbol, at in sorted(by_symbol.items())}
