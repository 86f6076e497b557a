"""Fate: what goes wrong between two effects, decided by the seed and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

#: However often something goes wrong, this share of the tries passes.
MOST = 0.5


class Fault(StrEnum):
    """What can happen to a process, or to what it asks for."""

    CRASH = "crash"  # kill -9: nothing after this point is carried out
    PAUSE = "pause"  # it sleeps while time passes and others work
    DOWN = "down"  # the other side cannot be reached: nothing was done
    BUSY = "busy"  # the other side asks to be left alone for a while: nothing was done
    LOST = "lost"  # it was done, and the answer got lost
    NEVER = "never"  # it got lost on its way, and nobody can tell
    REFUSED = "refused"  # the other side's no
    HIDDEN = "hidden"  # done, and not to be seen yet
    TWICE = "twice"  # told again


class Crash(BaseException):
    """A process was killed. No ``except Exception`` and no clean-up may survive this."""

    def __init__(self, process: str) -> None:
        super().__init__(process)
        self.process = process


@dataclass
class Fate:
    """Draws from one seed. ``rate`` is the share of points at which something goes wrong."""

    random: Random
    rate: float
    trace: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    pause: Callable[[str], None] = lambda process: None

    def reach(
        self, process: "Life", point: str, *may: Fault, weight: float = 1, what: str = ""
    ) -> Fault | None:
        """Return what goes wrong here besides a crash and a pause, which happen at once.

        ``weight`` is how much more often than elsewhere that is, ``what`` is told beside the point.
        """
        if process.dead:
            raise Crash(process.name)
        fault = self.draw(f"{process.name}: ", point, *may, weight=weight, what=what)
        if fault is Fault.CRASH:
            process.dead = True
            raise Crash(process.name)
        if fault is Fault.PAUSE:
            self.pause(process.name)
            return None
        return fault

    def draw(
        self, who: str, point: str, *may: Fault, weight: float = 1, what: str = ""
    ) -> Fault | None:
        """Return what goes wrong at a point, if anything does, and count it."""
        if self.random.random() >= min(self.rate * weight, MOST):
            return None
        fault = self.random.choice(may)
        self.note(f"{who}{fault} {point} {what}".rstrip())
        counted = f"{fault} {point}"
        self.faults[counted] = self.faults.get(counted, 0) + 1
        return fault

    def note(self, said: str) -> None:
        """Add a line to what is shown of a seed that failed."""
        self.trace.append(said)


@dataclass
class Life:
    """Whether a process still lives; its name is that of everything it connects."""

    name: str
    dead: bool = False
