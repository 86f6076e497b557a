"""What is looked at all the time: servers' answers, connections to PostgreSQL, pool children."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

import psycopg2
import redis

from app.io.clock import pause, wall
from app.local.postgres import libpq_url
from proof.chaos.victims import Victim

EVERY_S = 0.2
NAME = "chaos"
_CONNECTED = f"""
    SELECT application_name FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND application_name <> '{NAME}'
"""


@dataclass(slots=True)
class Seen:
    """The worst so far, when each server answered, and which children of the pool were there.

    Wall seconds, of the beginning of a question and of the end of a look.
    """

    answers: dict[str, list[float]] = field(default_factory=lambda: {"postgres": [], "redis": []})
    children: list[tuple[float, frozenset[int]]] = field(default_factory=list)
    most_of_one: int = 0
    most_of_all: int = 0
    samples: int = 0

    def back_after(self, server: str, at: float) -> float:
        """Return when the server answered first after ``at``; infinite where it never did."""
        return min((moment for moment in self.answers[server] if moment > at), default=inf)


class Watch:
    """Looks five times a second in a thread of its own, past the proxy, until it is stopped."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        living: Callable[[], Mapping[Victim, frozenset[int]]],
    ) -> None:
        self._database = libpq_url(database_url)
        self._redis = redis_url
        self._living = living
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._look, args=(look,), daemon=True)
            for look in (self._look_at_postgres, self._look_at_redis, self._look_at_children)
        ]
        self.seen = Seen()

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the looking."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look(self, look: Callable[[], None]) -> None:
        while not self._over.is_set():
            look()
            pause(EVERY_S)

    def _look_at_postgres(self) -> None:
        asked = wall().timestamp()
        try:
            connection = psycopg2.connect(self._database, connect_timeout=2, application_name=NAME)
        except psycopg2.OperationalError:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute(_CONNECTED)
                names = [row[0] for row in cursor.fetchall()]
        except psycopg2.Error:
            return
        finally:
            connection.close()
        self.seen.answers["postgres"].append(asked)
        living = frozenset().union(*self._living().values())
        self._note(Counter(pid for name in names if (pid := pid_in(name)) in living))

    def _note(self, connected: Counter[int]) -> None:
        """Keep the worst. A backend whose client has ended is about to notice that."""
        self.seen.samples += 1
        self.seen.most_of_one = max(self.seen.most_of_one, *connected.values(), 0)
        self.seen.most_of_all = max(self.seen.most_of_all, connected.total())

    def _look_at_redis(self) -> None:
        asked = wall().timestamp()
        client = redis.Redis.from_url(self._redis, socket_timeout=1, socket_connect_timeout=1)
        try:
            client.ping()
        except redis.RedisError:
            return
        finally:
            client.close()
        self.seen.answers["redis"].append(asked)

    def _look_at_children(self) -> None:
        children = self._living()[Victim.CHILD]
        self.seen.children.append((wall().timestamp(), children))


def pid_in(application_name: str) -> int:
    """Return the process id at the end of the name that a process of ours connects under."""
    number = application_name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
