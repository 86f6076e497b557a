"""Standing by: what must not run beside another stack's waits until this stack's beat ticks."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from app.engine.errors import Transient
from app.io.beating import LASTS_S, Beating
from app.io.clock import monotonic

#: Wall seconds between two looks, and for which the mark may be missing: a Redis that was emptied
#: has it back by then.
PATIENCE_S, GRACE_S = 1.0, 3.0

#: Works until the event is set.
Work = Callable[[asyncio.Event], Awaitable[None]]

log = structlog.get_logger("metronome")


async def while_beating(beating: Beating, stop: asyncio.Event, work: Work) -> None:
    """Let ``work`` go on while this stack's beat ticks, turn after turn, until ``stop`` is set.

    What ``work`` raises ends it.
    """
    while await _begun(beating, stop):
        over = asyncio.Event()
        watched = asyncio.ensure_future(_watch(beating, stop, over))
        try:
            await work(over)
        finally:
            watched.cancel()


async def _begun(beating: Beating, stop: asyncio.Event) -> bool:
    """Wait until the beat ticks; False where the end came first."""
    since, told = monotonic(), False
    while not stop.is_set():
        if await _ticks(beating):
            return True
        if not told and monotonic() - since > LASTS_S:
            _tell()
            told = True
        await _rest(stop)
    return False


async def _watch(beating: Beating, stop: asyncio.Event, over: asyncio.Event) -> None:
    """Set ``over`` when the beat ticks no more, or at the end.

    A Redis that cannot be reached changes nothing: nobody can be woken through it either.
    """
    seen = monotonic()
    while not stop.is_set() and monotonic() - seen < GRACE_S:
        if await _ticks(beating) is not False:
            seen = monotonic()
        await _rest(stop)
    if not stop.is_set():
        _tell()
    over.set()


async def _ticks(beating: Beating) -> bool | None:
    """Does the beat tick? None where Redis cannot be reached."""
    try:
        return await asyncio.to_thread(beating.there)
    except Transient:
        return None


async def _rest(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), PATIENCE_S)


def _tell() -> None:
    log.warning("feed_waits", why="the beat of this stack does not tick; another stack's may")
