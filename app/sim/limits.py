"""How often each service may be asked: in a minute, a day, a second."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from app.sim.times import in_new_york


@dataclass(slots=True)
class RateLimit:
    """A fixed window per door (trading, data), as the service's headers describe it."""

    per_minute: int
    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, door: str, now: float) -> tuple[bool, list[tuple[bytes, bytes]]]:
        """Count a request; returns whether it may pass and the headers that say how many may."""
        minute = int(now // 60)
        window, used = self._windows.get(door, (minute, 0))
        used = used + 1 if window == minute else 1
        self._windows[door] = (minute, used)
        headers = {
            "x-ratelimit-limit": self.per_minute,
            "x-ratelimit-remaining": max(0, self.per_minute - used),
            "x-ratelimit-reset": (minute + 1) * 60,
        }
        return used <= self.per_minute, [(k.encode(), str(v).encode()) for k, v in headers.items()]


@dataclass(slots=True)
class DailyCount:
    """Calls a day of New York; None takes any number."""

    per_day: int | None
    _day: date | None = None
    _used: int = 0

    def take(self, now: float) -> bool:
        """Count a call; may it pass?"""
        day = in_new_york(now).date()
        self._used = self._used + 1 if day == self._day else 1
        self._day = day
        return self.per_day is None or self._used <= self.per_day


@dataclass(slots=True)
class SecondLimit:
    """Requests in any second of the wall's or the market's clock, whichever is faster.

    Those that are turned away count too. A standing market is no reason to be shut out for ever.
    """

    per_second: int
    wall: Callable[[], float] = time.monotonic
    _taken: deque[tuple[float, float]] = field(default_factory=deque)

    def take(self, now: float) -> bool:
        """Count a request at a time of the market; may it pass?"""
        wall = self.wall()
        while self._taken and (self._taken[0][0] <= wall - 1 or self._taken[0][1] <= now - 1):
            self._taken.popleft()
        self._taken.append((wall, now))
        return len(self._taken) <= self.per_second
