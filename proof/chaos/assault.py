"""The assault: seeded kills and stops, one every 0.2 to 2 seconds, and what they were."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

import psutil

from app.io.clock import monotonic, pause, wall
from app.local.stack import Stack
from proof.chaos.victims import Victim, victims

GAP_S = (0.2, 2.0)
#: Half of the kills that everything waits for are left alone for so long, so that their recovery is
#: measured by itself.
ALONE_S, ALONE_SHARE = 6.0, 0.5
KILL_SHARE = 0.68
STOP_S = (0.1, 3.0)
#: A few stops outlast the lease of a book, which is 20 seconds.
LONG_STOP_S, LONG_SHARE = (20.5, 24.0), 0.05
BEAT_S = 0.02

#: How often each is struck. What everything else waits for is struck less often: otherwise nothing
#: would ever be in flight when the next blow comes.
WEIGHTS = {
    Victim.CHILD: 42,
    Victim.FEED: 45,
    Victim.WORKER: 5,
    Victim.BEAT: 3,
    Victim.BACKEND: 2,
    Victim.VALKEY: 3,
    Victim.POSTGRES: 2,
}
#: What everything waits for.
CENTRAL = frozenset({Victim.WORKER, Victim.VALKEY, Victim.POSTGRES})


@dataclass(frozen=True, slots=True)
class Deed:
    """What is going to be done to which kind: killed, or stopped for so many seconds."""

    victim: Victim
    stop_s: float | None
    which: float


@dataclass(frozen=True, slots=True)
class Struck:
    """What was done: wall seconds since the epoch, and the processes that ended by it."""

    victim: Victim
    pid: int
    at: float
    stop_s: float | None
    gone: frozenset[int]


@dataclass(slots=True)
class Assault:
    """Strikes one stack. ``random`` decides everything but what happens to run at the time."""

    stack: Stack
    random: Random
    struck: list[Struck] = field(default_factory=list)
    _asleep: list[tuple[float, psutil.Process]] = field(default_factory=list)

    def strike(self) -> None:
        """Kill or stop one process of the stack: of the kind drawn, or the feed where none runs.

        Of what everything waits for none is taken instead, or it would be struck ever more often
        the longer it takes to start.
        """
        running, deed = victims(self.stack), draw(self.random)
        if not running[deed.victim]:
            deed = replace(deed, victim=Victim.FEED)
        if not (candidates := running[deed.victim]):
            return
        process = candidates[int(deed.which * len(candidates))]
        try:
            if deed.stop_s is None:
                process.kill()
            else:
                process.suspend()
                self._asleep.append((monotonic() + deed.stop_s, process))
        except psutil.NoSuchProcess:
            return
        gone = _taken_along(deed, process, running)
        self.struck.append(Struck(deed.victim, process.pid, wall().timestamp(), deed.stop_s, gone))

    def rest(self, seconds: float) -> bool:
        """Wait and wake who has slept enough; say whether stopping was asked for."""
        deadline = monotonic() + seconds
        while (now := monotonic()) < deadline:
            self._wake(now)
            if self.stack.wait(0):
                return True
            pause(min(BEAT_S, max(deadline - now, 0.0)))
        return False

    def gap(self) -> float:
        """Return the wall seconds until the next blow."""
        seconds, alone = self.random.uniform(*GAP_S), self.random.random() < ALONE_SHARE
        last = self.struck[-1] if self.struck else None
        central = last is not None and last.stop_s is None and last.victim in CENTRAL
        return ALONE_S if alone and central else seconds

    def relent(self) -> None:
        """Wake everybody."""
        self._wake(float("inf"))

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many of each kind were killed, and how many stopped."""
        killed = Counter(s.victim.value for s in self.struck if s.stop_s is None)
        stopped = Counter(s.victim.value for s in self.struck if s.stop_s is not None)
        return killed, stopped

    def _wake(self, now: float) -> None:
        for due, process in [entry for entry in self._asleep if entry[0] <= now]:
            self._asleep.remove((due, process))
            try:
                process.resume()
            except psutil.NoSuchProcess:
                continue


def draw(random: Random) -> Deed:
    """Draw the next deed."""
    victim = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    is_kill, is_long = random.random() < KILL_SHARE, random.random() < LONG_SHARE
    seconds, which = random.uniform(*(LONG_STOP_S if is_long else STOP_S)), random.random()
    return Deed(victim, None if is_kill else seconds, which)


def _taken_along(
    deed: Deed, process: psutil.Process, running: Mapping[Victim, list[psutil.Process]]
) -> frozenset[int]:
    """Return the ids of those whose work does not count any more: a worker's children die too."""
    if deed.stop_s is not None:
        return frozenset()
    children = running[Victim.CHILD] if deed.victim is Victim.WORKER else []
    return frozenset({process.pid, *(child.pid for child in children)})
