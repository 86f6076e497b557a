"""What a network does to a reply, and when: drawn from a seed, one fault every few seconds."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

#: Wall seconds between two faults before one server, on average.
EVERY_S = 4.0
DELAY_S = (0.1, 1.5)
STALL_S = (0.5, 4.0)
#: A few stalls outlast the lease of a book.
LONG_STALL_S, LONG_SHARE = (21.0, 25.0), 0.05


class Harm(StrEnum):
    """Kinds of faults. But for the reset, the request was carried out."""

    LOST = "reply lost, connection closed"
    STALL = "reply lost, connection stalled"
    RESET = "reset before the request"
    DELAY = "reply delayed"
    CUT = "reply cut in half"


_WEIGHTS = {Harm.LOST: 4, Harm.STALL: 1, Harm.RESET: 2, Harm.DELAY: 2, Harm.CUT: 2}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; ``seconds`` are what it waits for."""

    harm: Harm
    seconds: float = 0.0


class Mischief:
    """The faults before one server. It does nothing unless it ``rages``."""

    def __init__(self, random: Random, every_s: float = EVERY_S) -> None:
        self._random = random
        self._every_s = every_s
        self._due: float | None = None
        self.rages = False

    def draw(self, now: float) -> Fault | None:
        """Return the fault for what passes at ``now``, in seconds of a steady clock."""
        if not self.rages:
            self._due = None
            return None
        if self._due is None:
            self._due = now + self._random.expovariate(1 / self._every_s)
        if now < self._due:
            return None
        self._due = now + self._random.expovariate(1 / self._every_s)
        harm = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        return Fault(harm, self._seconds(harm))

    def _seconds(self, harm: Harm) -> float:
        if harm is Harm.DELAY:
            return self._random.uniform(*DELAY_S)
        if harm is Harm.STALL:
            is_long = self._random.random() < LONG_SHARE
            return self._random.uniform(*(LONG_STALL_S if is_long else STALL_S))
        return 0.0
