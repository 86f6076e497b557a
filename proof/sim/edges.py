"""The edges of a simulated process: real ones, and a point of fate before and after each effect."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.adapters.port import Capabilities
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.orders import BrokerOrder, Execution, Order
from app.io.buckets import Buckets
from app.io.locks import Lease, Leases
from app.io.store.database import Database
from app.io.streams import Message, Streams
from proof.sim.broker import MemoryBroker
from proof.sim.fate import Fate, Fault, Life

#: So much more often than anything else an order's request goes wrong.
POSTS = 3
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
        self._fate.reach(self._life, "before taking the lease", *ANY_TIME)
        lease = super().acquire(name, book, ttl_s)
        if lease:
            self.session_pid = lease.backend_pid
            self._taken(lease.fence)
        self._fate.reach(self._life, "after taking the lease", *ANY_TIME)
        return lease

    def release(self, lease: Lease) -> None:
        self._fate.reach(self._life, "before the release", *ANY_TIME)
        super().release(lease)
        self._fate.reach(self._life, "after the release", *ANY_TIME)


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


class Line:
    """The line to the broker: what is sent may not arrive, and what is answered may not either.

    ``arriving`` is called with each order as it reaches the broker, before the broker sees it.
    """

    def __init__(
        self, broker: MemoryBroker, life: Life, fate: Fate, arriving: Callable[[Order], None]
    ) -> None:
        self.broker, self._life, self._fate, self._arriving = broker, life, fate, arriving

    @property
    def name(self) -> str:
        return self.broker.name

    @property
    def capabilities(self) -> Capabilities:
        return self.broker.capabilities

    def submit(self, order: Order) -> BrokerOrder:
        may = (*ANY_TIME, Fault.DOWN, Fault.NEVER, Fault.REFUSED)
        name = order.client_id[:6]
        before = self._fate.reach(self._life, f"before the POST of {name}", *may, weight=POSTS)
        if before is Fault.DOWN:
            raise Transient("connection refused")
        if before is Fault.NEVER:
            raise OutcomeUnknown("the request got lost")
        if before is Fault.REFUSED:
            raise Rejected("40310000", "the broker's no")
        self._arriving(order)
        seen = self.broker.submit(order)
        may = (*ANY_TIME, Fault.LOST, Fault.LOST, Fault.LOST)
        if self._fate.reach(self._life, f"after the POST of {name}", *may, weight=POSTS):
            raise OutcomeUnknown("the answer got lost")
        return seen

    def cancel(self, broker_id: str) -> None:
        if self._fate.reach(self._life, f"before cancelling {broker_id}", *ANY_TIME, Fault.NEVER):
            raise OutcomeUnknown("the request got lost")
        self.broker.cancel(broker_id)
        if self._fate.reach(self._life, f"after cancelling {broker_id}", *ANY_TIME, Fault.LOST):
            raise OutcomeUnknown("the answer got lost")

    def order_by_client_id(self, client_id: str) -> BrokerOrder | None:
        may = (*ANY_TIME, Fault.DOWN, Fault.HIDDEN)
        fault = self._fate.reach(self._life, f"looking up {client_id[:6]}", *may)
        if fault is Fault.DOWN:
            raise DOWN
        return None if fault is Fault.HIDDEN else self.broker.order_by_client_id(client_id)

    def executions(self, since: datetime) -> Sequence[Execution]:
        """Return them as a broker may list them: late ones missing, some twice."""
        fault = self._fate.reach(self._life, "asking for fills", *ANY_TIME, Fault.HIDDEN)
        known = list(self.broker.executions(since))
        return known[:-1] if fault is Fault.HIDDEN else known + known[-1:]

    def __getattr__(self, name: str) -> Any:
        """Pass the other calls on; all of them only look."""
        if self._fate.reach(self._life, f"asking for {name}", *ANY_TIME, Fault.DOWN):
            raise DOWN
        return getattr(self.broker, name)
