"""Whose beat ticks: a mark in a stack's own Redis, which only the beat that holds the lock leaves.

A stack is whoever shares a Redis: that is where ticks and nudges go. The lock in PostgreSQL says
which stack's beat ticks; by this mark its other processes know that it is theirs.
"""

from app.io.redis_clients import RedisClients, redis_errors

#: Wall seconds after which the mark is gone unless it was left again.
LASTS_S = 5
_KEY = "beating"


class Beating:
    """The mark of one stack. Raises Transient where its Redis cannot be reached."""

    def __init__(self, url: str) -> None:
        self._clients = RedisClients(url)

    def leave(self) -> None:
        """Say that this stack's beat ticks, for some seconds from now."""
        with redis_errors():
            self._clients.get().mutating.set(_KEY, "1", ex=LASTS_S)

    def there(self) -> bool:
        """Does this stack's beat tick?"""
        with redis_errors():
            return bool(self._clients.get().mutating.exists(_KEY))

    def close(self) -> None:
        """Close this process's connections."""
        self._clients.close()
