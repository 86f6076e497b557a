"""The one place that reads the wall's clock, and the market's clock that is anchored to it."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.engine.errors import Transient

#: Wall seconds to wait before asking again where the market's clock could not be read.
RETRY_S = 5.0
#: A reading that took longer, in wall seconds, does not replace an older one.
ROUND_TRIP_S = 0.25
#: Wall seconds by which a market's clock must run back before it counts as a jump, not as jitter.
JUMP_S = 5.0


def wall() -> datetime:
    """Return the machine's time, aware UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds of the machine that never run backwards, from an arbitrary start."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Wait for wall seconds."""
    time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class _Anchor:
    market: datetime
    monotonic: float


class MarketClock:
    """The market's time: what ``read`` said last, run forward at ``speed`` since.

    Read on first use and again every ``reanchor_s`` wall seconds; half of the round trip is added.
    Between readings and where a reading fails it runs on by itself. It never runs backwards unless
    the market's clock did, by more than jitter (an exchange that was restarted or set): it follows.
    """

    def __init__(
        self,
        read: Callable[[], datetime],
        speed: float,
        reanchor_s: float = 30.0,
        *,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        self._read = read
        self._elapsed = elapsed
        self._speed = speed
        self._reanchor_s = reanchor_s
        self._anchor: _Anchor | None = None
        self._due = 0.0
        self._floor: datetime | None = None
        self._make_locks()

    @property
    def speed(self) -> float:
        """Market seconds per wall second."""
        return self._speed

    def now(self) -> datetime:
        """Return the market's time, aware UTC. Raises Transient before the first good reading."""
        if os.getpid() != self._pid:
            self._make_locks()  # a fork may have copied a lock that another thread held
        anchor = self._anchor
        # Only the first reading is waited for; later, one thread asks and the others run on.
        if (anchor is None or self._elapsed() >= self._due) and self._reading.acquire(
            blocking=anchor is None
        ):
            try:
                self._reanchor()
            finally:
                self._reading.release()
        with self._guard:
            return self._forward()

    def _make_locks(self) -> None:
        self._pid = os.getpid()
        self._reading = threading.Lock()
        self._guard = threading.Lock()

    def _reanchor(self) -> None:
        asked = self._elapsed()
        if self._anchor is not None and asked < self._due:
            return  # another thread has just read it
        # Set before the call: whatever ends it, the next caller must not wait for it again at once.
        self._due = asked + RETRY_S
        try:
            said = self._read()
        except Transient:
            if self._anchor is None:
                raise
            return
        answered = self._elapsed()
        if self._anchor is not None and answered - asked > ROUND_TRIP_S:
            return  # half of a long round trip is no good guess: run on, and ask again soon
        at = said + timedelta(seconds=(answered - asked) / 2 * self._speed)
        with self._guard:
            self._anchor = _Anchor(at, answered)
            self._due = answered + self._reanchor_s
            if self._floor and self._floor - at > timedelta(seconds=JUMP_S * self._speed):
                self._floor = None

    def _forward(self) -> datetime:
        if self._anchor is None:  # the first reading failed in another thread
            raise Transient("the market's clock has not been read yet")
        elapsed = self._elapsed() - self._anchor.monotonic
        at = self._anchor.market + timedelta(seconds=elapsed * self._speed)
        self._floor = max(at, self._floor or at)
        return self._floor
