"""Connections to Redis: one client for what may be repeated, one for what must not be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from redis.retry import Retry

from app.engine.errors import InvalidData, Transient

#: RESP2 gives every reply one shape, whatever the client library makes of newer protocols.
_COMMON: dict[str, Any] = {
    "decode_responses": True,
    "protocol": 2,
    "socket_connect_timeout": 2,
    "health_check_interval": 30,
}


@dataclass(frozen=True, slots=True)
class Clients:
    """``reading`` repeats what failed; ``mutating`` sends each command once. Typed Any: the
    library's annotations mix its blocking and its asynchronous answers."""

    reading: Any
    mutating: Any


class RedisClients:
    """Both clients of one database, made on first use in each process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[int, Clients] = {}

    def get(self) -> Clients:
        """Return this process's clients. Raises InvalidData for a URL that is none."""
        pid = os.getpid()
        return self._clients.get(pid) or self._clients.setdefault(pid, self._make())

    def close(self) -> None:
        """Close this process's connections; after a fork the parent's are left alone."""
        clients = self._clients.pop(os.getpid(), None)
        if clients is not None:
            clients.reading.close()
            clients.mutating.close()

    def _make(self) -> Clients:
        once = Retry(NoBackoff(), 0)
        # The library's own default tries for a minute, longer than any step here may take.
        again = Retry(ExponentialBackoff(cap=0.5, base=0.05), 3)
        try:
            return Clients(
                redis.Redis.from_url(self._url, **_COMMON, socket_timeout=5, retry=again),
                redis.Redis.from_url(self._url, **_COMMON, socket_timeout=2, retry=once),
            )
        except ValueError as error:
            raise InvalidData(
                "REDIS_URL is not a Redis URL; write redis://HOST:PORT/1 or unix:///PATH?db=1"
            ) from error


def persistence(url: str) -> tuple[bool, str]:
    """Return whether a server appends to a file, and what it does when its memory is full."""
    clients = RedisClients(url)
    try:
        with redis_errors():
            told = clients.get().reading.info()
    finally:
        clients.close()
    return told.get("aof_enabled") == 1, str(told.get("maxmemory_policy"))


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn the library's errors into ours: a refused login is for a person, the rest is Transient.

    A command whose reply was lost may have been carried out: readers drop what they have seen.
    """
    try:
        yield
    except (AuthenticationError, NoPermissionError) as error:
        raise InvalidData(f"Redis refused the login: {error}; check REDIS_URL") from error
    except RedisError as error:
        raise Transient(f"Redis: {str(error) or type(error).__name__}") from error
