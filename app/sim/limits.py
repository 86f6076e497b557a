"""The service's rate limit: requests a minute, counted on the market's clock."""

from dataclasses import dataclass, field


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
