"""How long a process that died waits before it is started again."""

from dataclasses import dataclass

LONGEST_S = 30.0
STABLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Consecutive deaths, none of them after a stable minute."""

    deaths: int = 0

    @property
    def delay_s(self) -> float:
        """Seconds to wait: 1, 2, 4 … up to 30; none before the first death."""
        return 0.0 if self.deaths == 0 else min(2.0 ** min(self.deaths - 1, 10), LONGEST_S)

    def after_death(self, lived_s: float) -> "Backoff":
        """Return what follows the death of a process that lived so long."""
        return Backoff(1 if lived_s >= STABLE_S else self.deaths + 1)
