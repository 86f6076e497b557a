"""From blows and finished work to recovery times: arithmetic on seconds, nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

SEVERAL = "several at once"


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that keeps work from being done, in seconds of one clock.

    ``until``: for a killed process the blow itself, for a server or what was stopped the moment it
    was back. Work of the processes in ``gone`` is none: they ended a moment after the blow.
    """

    kind: str
    at: float
    until: float
    gone: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Work:
    """A task slot that was carried out to its end, and the process that did it."""

    began: float
    ended: float
    pid: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long it took until work that began after a blow was done; infinite where none was.

    ``back`` is the moment that ``seconds`` count from.
    """

    kind: str
    back: float
    seconds: float
    blows: int = 1


def recoveries(blows: Sequence[Blow], works: Sequence[Work]) -> list[Recovery]:
    """Return one recovery for each blow, or for each group of blows that nothing was done between.

    A group counts from the moment when the last of what it took was back, as several at once.
    """
    return [_recovered(group, works) for group in _groups(blows, works)]


def longest_pause(works: Sequence[Work], began: float, ended: float) -> float:
    """Return the longest time between ``began`` and ``ended`` in which no work was finished."""
    moments = sorted(w.ended for w in works if began < w.ended < ended)
    return max(later - earlier for earlier, later in pairwise([began, *moments, ended]))


def _groups(blows: Sequence[Blow], works: Sequence[Work]) -> Iterator[list[Blow]]:
    group: list[Blow] = []
    for blow in sorted(blows, key=lambda blow: blow.at):
        if group and blow.at >= _done(group, works):
            yield group
            group = []
        group.append(blow)
    if group:
        yield group


def _recovered(group: Sequence[Blow], works: Sequence[Work]) -> Recovery:
    kinds = {blow.kind for blow in group}
    kind = kinds.pop() if len(kinds) == 1 else SEVERAL
    back, done = _back(group), _done(group, works)
    return Recovery(kind, back, done - back if done < inf else inf, len(group))


def _back(group: Sequence[Blow]) -> float:
    return max(blow.until for blow in group)


def _done(group: Sequence[Blow], works: Sequence[Work]) -> float:
    back, gone = _back(group), {pid for blow in group for pid in blow.gone}
    ends = (w.ended for w in works if w.began >= back and w.pid not in gone)
    return min(ends, default=inf)
