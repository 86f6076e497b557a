"""The world's clock: starts where it is told and runs ``speed`` times the wall's."""

import time
from collections.abc import Callable


class SimClock:
    """Seconds since the epoch on the market's clock; may be paused, sped up and moved forward."""

    def __init__(
        self, start: float, speed: float, wall: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._market_anchor = start
        self._wall_anchor = wall()
        self.speed = speed
        self.paused = False

    def now(self) -> float:
        """Return the market's time."""
        if self.paused:
            return self._market_anchor
        return self._market_anchor + (self._wall() - self._wall_anchor) * self.speed

    def wall_seconds_until(self, at: float) -> float | None:
        """Return how long the wall's clock takes to get there; None while paused."""
        return None if self.paused else max(0.0, (at - self.now()) / self.speed)

    def set(
        self,
        *,
        speed: float | None = None,
        paused: bool | None = None,
        jump_to: float | None = None,
    ) -> None:
        """Change the clock without ever moving it back; raises ValueError for what it cannot do."""
        now = self.now()
        if speed is not None and not 0 < speed <= 10_000:
            raise ValueError("speed must be above 0 and at most 10000")
        if jump_to is not None and jump_to < now:
            raise ValueError("the clock cannot jump back")
        self._market_anchor = now if jump_to is None else jump_to
        self._wall_anchor = self._wall()
        self.speed = self.speed if speed is None else speed
        self.paused = self.paused if paused is None else paused
