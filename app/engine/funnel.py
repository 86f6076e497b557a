"""The funnel of a day: how much each stage took in, which gate refused how much, what came out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.engine.verdicts import Reason

#: (step, kind) → what a stage looks at, in the order of the day.
STAGES: dict[tuple[str, str], str] = {
    ("plan", "bar"): "bars, of all symbols",
    ("model", "event"): "questions to the model",
    ("signals", "signal"): "scores",
    ("route", "signal"): "signals, for the stock itself",
    ("route", "basket"): "baskets, each time they were weighed",
    ("route", "opposite"): "strong signals against what is held",
    ("exits", "exit"): "positions to be sold",
    ("risk", "entry"): "entries",
    ("risk", "exit"): "exits",
    ("protect", "exit"): "stops to rest at the broker",
    ("execute", "entry"): "entries sent to the broker",
    ("execute", "exit"): "exits and stops sent to the broker",
    ("withdraw", "entry"): "entries cancelled at the broker",
    ("withdraw", "exit"): "exits and stops cancelled at the broker",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a gate of a step refused for a reason.

    ``place`` is the gate's own among those that a subject is asked by, from 1, as far as verdicts
    show it; 0 where they do not. ``passed`` counts the subjects that nothing refused: its gate is
    empty. ``top`` are the symbols refused most often.
    """

    step: str
    kind: str
    gate: str
    reason: str
    count: int
    place: int = 0
    top: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What a gate stopped, of how many that reached it."""

    gate: str
    reason: str
    reached: int
    count: int
    top: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A step's gates over one kind of subject: ``taken`` = ``passed`` + all that was refused."""

    step: str
    kind: str
    what: str
    taken: int
    passed: int
    refused: tuple[Refused, ...]


def stages(tallies: Iterable[Tally], order: Mapping[str, Sequence[str]]) -> tuple[Stage, ...]:
    """Return the stages that saw anything, each with its refusals in the order of the gates.

    ``order`` names a step's gates for those whose place no verdict shows: all before them were
    below noise. A gate that is not known either comes last.
    """
    by_stage: dict[tuple[str, str], list[Tally]] = {}
    for tally in tallies:
        by_stage.setdefault((tally.step, tally.kind), []).append(tally)
    known = [key for key in STAGES if key in by_stage]
    others = sorted(by_stage.keys() - STAGES.keys())
    return tuple(_stage(key, by_stage[key], order.get(key[0], ())) for key in (*known, *others))


def _stage(key: tuple[str, str], tallies: Sequence[Tally], order: Sequence[str]) -> Stage:
    step, kind = key
    passed = sum(t.count for t in tallies if t.reason == Reason.PASSED)
    stopped = [t for t in tallies if t.reason != Reason.PASSED]
    taken = left = passed + sum(t.count for t in stopped)
    refused = []
    for tally in sorted(stopped, key=lambda t: (_place(t, order), t.gate, -t.count, t.reason)):
        refused.append(Refused(tally.gate, tally.reason, left, tally.count, tally.top))
        left -= tally.count
    return Stage(
        step, kind, STAGES.get(key, f"{step} {kind}".strip()), taken, passed, tuple(refused)
    )


def _place(tally: Tally, order: Sequence[str]) -> int:
    if tally.gate in order:
        return order.index(tally.gate) + 1
    return tally.place or len(order) + 1000
