"""Token buckets in Redis, shared by every process: one atomic Lua call, on the market's clock."""

import logging
import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.engine.book import RateLimit
from app.engine.errors import InvalidData, Transient
from app.io.redis_clients import RedisClients, redis_errors

log = logging.getLogger(__name__)

#: A clock this far behind the bucket's was set back (another simulated day): start from there.
SET_BACK_S = 3600.0
_TINY = 1e-9

# KEYS: the bucket. ARGV: now, capacity, seconds per capacity, floor, cost, how far is set back.
# The arithmetic is that of ``spend`` below.
_TAKE = """
local now, capacity, per = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local floor, cost, set_back = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'blocked')
local tokens = math.min(tonumber(kept[1]) or capacity, capacity)
local at, blocked = tonumber(kept[2]) or now, tonumber(kept[3]) or 0
if at - now > set_back then at, blocked = now, 0 end
tokens = math.min(capacity, tokens + math.max(0, now - at) * capacity / per)
at = math.max(at, now)
local allowed, wait = 0, 0
if now < blocked then wait = blocked - now
elseif tokens - cost >= floor - 1e-9 then allowed, tokens = 1, tokens - cost
else wait = (floor + cost - tokens) * per / capacity + at - now end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens),
           'at', string.format('%.17g', at), 'blocked', string.format('%.17g', blocked))
redis.call('HINCRBY', KEYS[1], allowed == 1 and 'granted' or 'refused', 1)
return {allowed, string.format('%.17g', tokens), string.format('%.17g', wait)}
"""
_PENALISE = """
local kept = tonumber(redis.call('HGET', KEYS[1], 'blocked')) or 0
redis.call('HSET', KEYS[1], 'blocked', string.format('%.17g', math.max(kept, tonumber(ARGV[1]))))
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """A bucket's answer; ``retry_after_s`` is in the market's seconds, 0 where it was allowed.

    ``local`` says that Redis was away and this process answered from half of the limit.
    """

    allowed: bool
    tokens_left: float
    retry_after_s: float
    from_reserve: bool
    local: bool


@dataclass(frozen=True, slots=True)
class Fill:
    """Tokens at a moment, and until when the bucket is shut, in seconds of the market's clock."""

    tokens: float
    at: float
    blocked: float = 0.0


@dataclass(frozen=True, slots=True)
class Level:
    """What a bucket held when it was last asked, and how often it said yes and no."""

    name: str
    capacity: int
    reserve: int
    tokens: float
    granted: int
    refused: int
    blocked_until: datetime | None


def spend(fill: Fill, limit: RateLimit, now: float, cost: int, reserve: bool) -> tuple[Fill, Grant]:
    """Take ``cost`` tokens at ``now`` if they are there; the same arithmetic as the Lua call.

    The bucket's time never runs back; only a clock set back by more than an hour is believed.
    """
    capacity, per = limit.capacity, limit.per.total_seconds()
    at, blocked = fill.at, fill.blocked
    if at - now > SET_BACK_S:
        at, blocked = now, 0.0
    tokens = min(capacity, min(fill.tokens, capacity) + max(0.0, now - at) * capacity / per)
    at = max(at, now)
    floor = 0 if reserve else limit.reserve
    allowed, wait = False, 0.0
    if now < blocked:
        wait = blocked - now
    elif tokens - cost >= floor - _TINY:
        allowed, tokens = True, tokens - cost
    else:
        wait = (floor + cost - tokens) * per / capacity + at - now
    grant = Grant(allowed, tokens, wait, allowed and tokens < limit.reserve - _TINY, local=True)
    return Fill(tokens, at, blocked), grant


def halved(limit: RateLimit) -> RateLimit:
    """Return what one process may use while the others cannot be asked."""
    capacity = max(1, limit.capacity // 2)
    return replace(limit, capacity=capacity, reserve=min(limit.reserve, capacity - 1))


class Buckets:
    """The buckets of one book, by name."""

    def __init__(self, url: str, book: str, limits: Mapping[str, RateLimit]) -> None:
        self._clients = RedisClients(url)
        self._book = book
        self._limits = dict(limits)
        self._local: dict[tuple[int, str], Fill] = {}

    def limited(self, limits: Mapping[str, RateLimit]) -> "Buckets":
        """Return the same buckets under other limits; what was spent stays spent."""
        other = copy(self)
        other._limits = dict(limits)
        return other

    def take(self, name: str, at: datetime, cost: int = 1, reserve: bool = False) -> Grant:
        """Take ``cost`` tokens if they are there; the last ones only with ``reserve``.

        Without Redis this process answers from half of the limit, never without one. Raises
        InvalidData for a bucket that the book does not have and a cost that it can never hold.
        """
        limit = self._limit(name)
        floor = 0 if reserve else limit.reserve
        if not 1 <= cost <= limit.capacity - floor:
            most = limit.capacity - floor
            raise InvalidData(f"bucket {name} can never give {cost} tokens; it gives 1 to {most}")
        try:
            return self._shared(name, limit, at, cost, reserve)
        except Transient as error:
            log.warning("bucket %s answers by itself: %s", name, error)
            return self._by_itself(name, limit, at, cost, reserve)

    def penalise(self, name: str, until: datetime) -> None:
        """Refuse everything until then, because the other side asked for it."""
        limit = self._limit(name)
        key = (os.getpid(), name)
        mine = self._local.get(key, Fill(halved(limit).capacity, until.timestamp()))
        self._local[key] = replace(mine, blocked=max(mine.blocked, until.timestamp()))
        try:
            with redis_errors():
                self._clients.get().mutating.eval(_PENALISE, 1, self._key(name), until.timestamp())
        except Transient as error:
            log.warning("bucket %s is shut in this process only: %s", name, error)

    def levels(self) -> list[Level]:
        """Return every bucket's level, in the order of the settings. Raises Transient."""
        with redis_errors(), self._clients.get().reading.pipeline(transaction=False) as all_:
            for name in self._limits:
                all_.hgetall(self._key(name))
            kept = all_.execute()
        return [
            _level(name, limit, k)
            for (name, limit), k in zip(self._limits.items(), kept, strict=True)
        ]

    def close(self) -> None:
        """Close this process's connections."""
        self._clients.close()

    def _shared(self, name: str, limit: RateLimit, at: datetime, cost: int, reserve: bool) -> Grant:
        floor = 0 if reserve else limit.reserve
        numbers = (at.timestamp(), limit.capacity, limit.per.total_seconds(), floor, cost)
        with redis_errors():
            client = self._clients.get().mutating
            script = client.register_script(_TAKE)
            allowed, tokens, wait = script(keys=[self._key(name)], args=[*numbers, SET_BACK_S])
        left = float(tokens)
        drawn = bool(allowed) and left < limit.reserve - _TINY
        return Grant(bool(allowed), left, float(wait), drawn, local=False)

    def _by_itself(
        self, name: str, limit: RateLimit, at: datetime, cost: int, reserve: bool
    ) -> Grant:
        half, now = halved(limit), at.timestamp()
        key = (os.getpid(), name)
        fill = self._local.get(key, Fill(half.capacity, now))
        self._local[key], grant = spend(fill, half, now, cost, reserve)
        return grant

    def _limit(self, name: str) -> RateLimit:
        if name not in self._limits:
            known = ", ".join(self._limits) or "none"
            raise InvalidData(f"book {self._book} has no bucket {name!r}; it has {known}")
        return self._limits[name]

    def _key(self, name: str) -> str:
        return f"{self._book}:bucket:{name}"


def _level(name: str, limit: RateLimit, kept: Mapping[str, Any]) -> Level:
    blocked = float(kept.get("blocked", 0))
    return Level(
        name=name,
        capacity=limit.capacity,
        reserve=limit.reserve,
        tokens=float(kept.get("tokens", limit.capacity)),
        granted=int(kept.get("granted", 0)),
        refused=int(kept.get("refused", 0)),
        blocked_until=_EPOCH + timedelta(seconds=blocked) if blocked else None,
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
