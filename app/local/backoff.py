"""How long a process that died waits before it is started again."""

from dataclasses import dataclass

LONGEST_S = 30.0
#: Who lived so long had started: whatever ended it then is no reason to wait longer next time.
STABLE_S = 10.0
#: Who is killed sooner may be killed again as soon.
KILLED_AT_ONCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Consecutive deaths by one's own fault, none of them after a stable time."""

    deaths: int = 0

    @property
    def delay_s(self) -> float:
        """Seconds to wait: 1, 2, 4 … up to 30; none after a kill."""
        return 0.0 if self.deaths == 0 else min(2.0 ** min(self.deaths - 1, 10), LONGEST_S)

    def after_death(self, lived_s: float, *, killed: bool = False) -> "Backoff":
        """Return what follows the death of a process that lived so long.

        One that was ``killed`` did not fail by itself: it starts again without any pause.
        """
        if killed and lived_s >= KILLED_AT_ONCE_S:
            return Backoff()
        return Backoff(1 if lived_s >= STABLE_S else self.deaths + 1)
