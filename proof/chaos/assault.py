"""The assault: seeded kills and stops, one every 0.2 to 2 seconds, and what they were."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

import psutil

from app.io.clock import monotonic, pause, wall
from app.local.stack import Stack
from proof.chaos.aim import Aim
from proof.chaos.solos import BEFORE_S, Solos
from proof.chaos.victims import Victim, victims

GAP_S = (0.2, 2.0)
KILL_SHARE = 0.68
STOP_S = (0.1, 3.0)
#: A few stops outlast the lease of a book, which is 20 seconds.
LONG_STOP_S, LONG_SHARE = (20.5, 24.0), 0.05
BEAT_S = 0.02
#: So many blows wait so long for an order that is being sent, and strike then. A question in so
#: many seconds misses hardly a request.
AIMED_SHARE, AIMED_WITHIN_S, LOOK_S = 0.5, 1.0, 0.004

#: How often each is struck, and the feed besides while another one is left alone. What everything
#: else waits for is struck less often: otherwise nothing would ever be in flight when the next blow
#: comes.
WEIGHTS = {
    Victim.CHILD: 42,
    Victim.FEED: 8,
    Victim.WORKER: 5,
    Victim.BEAT: 3,
    Victim.BACKEND: 2,
    Victim.VALKEY: 3,
    Victim.POSTGRES: 2,
}
#: The loss of any of these may come between an order's request and what is written down of it.
AIMED_AT = frozenset(Victim) - {Victim.BEAT, Victim.FEED}


@dataclass(frozen=True, slots=True)
class Deed:
    """What is going to be done to which kind: killed, or stopped for so many seconds.

    ``is_aimed``: it waits for an order that is being sent.
    """

    victim: Victim
    stop_s: float | None
    which: float
    is_aimed: bool


@dataclass(frozen=True, slots=True)
class Struck:
    """What was done: wall seconds since the epoch, and the processes that ended by it.

    ``sender`` is the process that was sending an order a moment before.
    """

    victim: Victim
    pid: int
    at: float
    stop_s: float | None
    gone: frozenset[int]
    sender: int | None = None


@dataclass(slots=True)
class Assault:
    """Strikes one stack. ``random`` decides everything but what happens to run at the time."""

    stack: Stack
    random: Random
    aim: Aim
    solos: Solos
    struck: list[Struck] = field(default_factory=list)
    _asleep: list[tuple[float, psutil.Process]] = field(default_factory=list)

    def strike(self) -> None:
        """Kill or stop one process of the stack: of the kind drawn, or the feed where none runs.

        Of what everything waits for none is taken instead, or it would be struck ever more often
        the longer it takes to start.
        """
        deed, running = self._deed(), victims(self.stack, self.aim.backend)
        if not running[deed.victim]:
            deed = replace(deed, victim=Victim.FEED)
        if not (candidates := running[deed.victim]):
            return
        sender = self._sender(deed, running[Victim.CHILD])
        process = candidates[int(deed.which * len(candidates))]
        if deed.victim is Victim.CHILD and sender:
            process = sender
        try:
            if deed.stop_s is None:
                process.kill()
            else:
                process.suspend()
                self._asleep.append((monotonic() + deed.stop_s, process))
        except psutil.NoSuchProcess:
            return
        gone = _taken_along(deed, process, running)
        at, who = wall().timestamp(), sender.pid if sender else None
        self.struck.append(Struck(deed.victim, process.pid, at, deed.stop_s, gone, who))

    def _deed(self) -> Deed:
        """Draw, but where it is somebody's turn to be killed alone, or the feed's meanwhile."""
        now, deed = monotonic(), draw(self.random)
        turn = self.solos.turn(now, any(due > now + BEFORE_S for due, _ in self._asleep))
        if turn is None:
            return deed
        return replace(deed, victim=turn, stop_s=deed.stop_s if turn is Victim.FEED else None)

    def _sender(self, deed: Deed, children: list[psutil.Process]) -> psutil.Process | None:
        """Return the child that is sending an order; an aimed blow waits until there is one."""
        if deed.victim not in AIMED_AT:
            return None
        deadline = monotonic() + (AIMED_WITHIN_S if deed.is_aimed else 0.0)
        while True:
            pid = self.aim.sender()
            found = next((child for child in children if child.pid == pid), None)
            # Who is stopped sends nothing, and who has died meanwhile left the order behind.
            if found and not _is_still(found):
                return found
            if monotonic() > deadline:
                return None
            self._wake(monotonic())
            pause(LOOK_S)

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
        return self.random.uniform(*GAP_S)

    def relent(self) -> None:
        """Wake everybody."""
        self._wake(float("inf"))

    def counts(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many of each kind were killed, and how many stopped."""
        killed = Counter(s.victim.value for s in self.struck if s.stop_s is None)
        stopped = Counter(s.victim.value for s in self.struck if s.stop_s is not None)
        return killed, stopped

    def while_sending(self) -> tuple[int, int]:
        """Return how many kills struck while an order was sent, and how many of them its sender."""
        kills = [s for s in self.struck if s.stop_s is None and s.sender is not None]
        return len(kills), sum(kill.sender in kill.gone for kill in kills)

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
    return Deed(victim, None if is_kill else seconds, which, random.random() < AIMED_SHARE)


def _is_still(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _taken_along(
    deed: Deed, process: psutil.Process, running: Mapping[Victim, list[psutil.Process]]
) -> frozenset[int]:
    """Return the ids of those whose work does not count any more: a worker's children die too."""
    if deed.stop_s is not None:
        return frozenset()
    children = running[Victim.CHILD] if deed.victim is Victim.WORKER else []
    return frozenset({process.pid, *(child.pid for child in children)})
