"""The edges of a simulated process: real ones, and a point of fate before and after each effect."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.errors import Transient
from app.io.buckets import Buckets
from app.io.locks import Lease, Leases
from app.io.store.database import Database
from app.io.streams import Message, Streams
from proof.sim.fate import Fate, Fault, Life

#: So much more often than anything else this goes wrong.
LEASES = 2
ANY_TIME = (Fault.CRASH, Fault.PAUSE)
NO_FATE = Fate(Random(0), 0.0)
DOWN, LOST = Transient("it cannot be reached"), Transient("the connection was lost")


class Store(Database):
    """PostgreSQL, whose commits may not happen, or happen without anyone hearing of it."""

    def __init__(self, url: str, name: str, session: Mapping[str, str]) -> None:
        super().__init__(url, name, session)
        self._life, self._fate = Life(name), NO_FATE

    def live(self, life: Life, fate: Fate) -> None:
        """Serve a process that has just been started."""
        self._life, self._fate = life, fate

    def forget(self) -> None:
        """Do to the pooled sessions what the end of their process would: all they held is free."""
        with super().begin() as db, suppress(sa.exc.DBAPIError):
            db.exec_driver_sql("SELECT pg_advisory_unlock_all()")

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        if self._fate.reach(self._life, "before a transaction", *ANY_TIME, Fault.DOWN):
            raise DOWN
        with super().begin() as db:
            self._fate.reach(self._life, "in a transaction", Fault.PAUSE, weight=0.3)
            yield db
            if self._fate.reach(self._life, "before a commit", *ANY_TIME, Fault.DOWN):
                raise DOWN
        if self._fate.reach(self._life, "after a commit", *ANY_TIME, Fault.LOST):
            raise LOST


class Wire(Streams):
    """Redis, which may be away, and whose answers may get lost."""

    def __init__(self, url: str, book: str, name: str) -> None:
        super().__init__(url, book, name)
        self._life, self._fate = Life(name), NO_FATE

    def live(self, life: Life, fate: Fate) -> None:
        """Serve a process that has just been started."""
        self._life, self._fate = life, fate

    def publish(self, stream: str, data: Mapping[str, str]) -> str:
        with self._effect("publishing"):
            return super().publish(stream, data)

    def publish_many(self, entries: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        with self._effect("publishing"):
            super().publish_many(entries)

    def read_many(self, groups: Mapping[str, str], count: int = 100) -> list[Message]:
        with self._effect("reading streams"):
            return super().read_many(groups, count)

    def acknowledge(self, stream: str, group: str, *ids: str) -> None:
        with self._effect("acknowledging"):
            super().acknowledge(stream, group, *ids)

    def acknowledge_many(self, done: Sequence[tuple[str, str, str]]) -> None:
        with self._effect("acknowledging"):
            super().acknowledge_many(done)

    @contextmanager
    def _effect(self, what: str) -> Iterator[None]:
        if self._fate.reach(self._life, f"before {what}", *ANY_TIME, Fault.DOWN):
            raise DOWN
        yield
        if self._fate.reach(self._life, f"after {what}", *ANY_TIME, Fault.LOST):
            raise LOST


class Rights(Leases):
    """Leases, whose holder may be killed or fall asleep around each change of them."""

    def __init__(self, database: Store, name: str) -> None:
        super().__init__(database, name)
        self._life, self._fate = Life(name), NO_FATE
        self.session_pid: int | None = None
        self._taken: Callable[[int], None] = lambda fence: None

    def live(self, life: Life, fate: Fate, taken: Callable[[int], None]) -> None:
        """Serve a process that has just been started; ``taken`` learns of each fence."""
        self._life, self._fate, self._taken = life, fate, taken

    def acquire(self, name: str, book: str, ttl_s: float = 15.0) -> Lease | None:
        with self._effect("taking the lease"):
            lease = super().acquire(name, book, ttl_s)
            if lease:
                self.session_pid = lease.backend_pid
                self._taken(lease.fence)
        return lease

    def renew(self, lease: Lease, ttl_s: float = 15.0) -> bool:
        with self._effect("renewing the lease"):
            return super().renew(lease, ttl_s)

    def release(self, lease: Lease) -> None:
        with self._effect("the release"):
            super().release(lease)

    @contextmanager
    def _effect(self, what: str) -> Iterator[None]:
        may = (*ANY_TIME, Fault.DOWN)
        if self._fate.reach(self._life, f"before {what}", *may, weight=LEASES):
            raise DOWN
        yield
        may = (*ANY_TIME, Fault.LOST)
        if self._fate.reach(self._life, f"after {what}", *may, weight=LEASES):
            raise LOST


@dataclass(frozen=True)
class Sessions:
    """What a process has connected, for seed after seed: a new session is slow for a while."""

    store: Store
    wire: Wire
    rights: Rights
    buckets: Buckets

    def live(self, life: Life, fate: Fate, taken: Callable[[int], None]) -> None:
        """Serve a process that has just been started; ``taken`` learns of each fence."""
        self.store.live(life, fate)
        self.wire.live(life, fate)
        self.rights.live(life, fate, taken)

    def close(self) -> None:
        for edge in (self.wire, self.rights, self.buckets):
            edge.close()
        self.store.dispose()
