"""Leases with fencing numbers, and session locks: who may act, decided where truth is written.

A lease is a row in PostgreSQL: its fence survives everything that Redis forgets, and the guard
stands in the same statement as the write it protects. The holder is a database session: every
process keeps one connection for its leases, and a lease is free again as soon as that session is
gone (kill -9 included), has released it, or has let it expire.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.engine.errors import Transient
from app.io.store.database import Database, operational_errors


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act for a book under a name; every new holder gets a higher fence."""

    name: str
    book: str
    owner: str
    fence: int
    backend_pid: int


# A start time that we may not see (another role's session) counts as alive. The view
# pg_stat_activity says the same, but planning its joins takes longer than all the rest.
_ACQUIRE = sa.text(
    """
    INSERT INTO leases AS l
           (book, name, owner, fence, backend_pid, backend_start, renewed_wall, expires_wall)
    VALUES (:book, :name, :owner, 1, pg_backend_pid(), :backend_start, clock_timestamp(),
            clock_timestamp() + :ttl_s * interval '1 second')
    ON CONFLICT (book, name) DO UPDATE
       SET owner = excluded.owner, fence = l.fence + 1, backend_pid = excluded.backend_pid,
           backend_start = excluded.backend_start, renewed_wall = excluded.renewed_wall,
           expires_wall = excluded.expires_wall
     WHERE l.expires_wall <= clock_timestamp()
        OR (l.backend_pid, l.backend_start) = (excluded.backend_pid, excluded.backend_start)
        OR NOT EXISTS (SELECT FROM pg_stat_get_activity(l.backend_pid) a
                        WHERE COALESCE(a.backend_start, l.backend_start) = l.backend_start)
    RETURNING fence, backend_pid
    """
)

_MINE = """
     WHERE book = :book AND name = :name AND owner = :owner AND fence = :fence
       AND expires_wall > clock_timestamp()
"""
# The process may have had to connect anew since it took the lease.
_RENEW = sa.text(
    f"""
    UPDATE leases
       SET backend_pid = pg_backend_pid(), backend_start = :backend_start,
           renewed_wall = clock_timestamp(),
           expires_wall = clock_timestamp() + :ttl_s * interval '1 second'
    {_MINE}
    """
)
_RELEASE = sa.text(f"UPDATE leases SET expires_wall = clock_timestamp() {_MINE}")

_HELD = sa.text(f"SELECT EXISTS (SELECT FROM leases {_MINE})")

# Asked once a connection.
_MY_START = sa.text("SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())")


def held(db: Connection, lease: Lease) -> bool:
    """Is the lease held, seen from inside a transaction?"""
    return bool(db.scalar(_HELD, _named(lease)))


@contextmanager
def alone(database: Database, key: str) -> Iterator[bool]:
    """Say whether nobody else runs ``key``; nobody else then does until the end of the block.

    The lock belongs to the session that ``database.keep`` holds: it goes with the process.
    """
    lock = {"key": key}
    with database.begin() as db:
        taken = bool(db.scalar(_TAKE, lock))
    try:
        yield taken
    finally:
        if taken:
            # A session that was lost meanwhile took its lock with it.
            with suppress(Transient), database.begin() as db:
                db.execute(_GIVE_BACK, lock)


_TAKE = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))")
_GIVE_BACK = sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))")


class _Holder:
    """One process's connection for leases, the lock that serialises it, and what is in use."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: Connection | None = None
        self.start = datetime.min.replace(tzinfo=UTC)
        self.in_use: set[tuple[str, str]] = set()


class Leases:
    """The leases of one process, under one owner's name."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._holders: dict[int, _Holder] = {}

    def acquire(self, name: str, book: str, ttl_s: float = 15.0) -> Lease | None:
        """Take the lease if it is free, expired, left behind, or this process's own; else None.

        Taking one's own again raises the fence: what was taken before is no longer held.
        """
        values = {"name": name, "book": book, "owner": self._owner, "ttl_s": ttl_s}
        with self._session() as (connection, start):
            row = connection.execute(_ACQUIRE, values | {"backend_start": start}).one_or_none()
        return Lease(name, book, self._owner, row.fence, row.backend_pid) if row else None

    def renew(self, lease: Lease, ttl_s: float = 15.0) -> bool:
        """Hold the lease for ``ttl_s`` from now; False when it is no longer held."""
        with self._session() as (connection, start):
            values = _named(lease) | {"backend_start": start, "ttl_s": ttl_s}
            return connection.execute(_RENEW, values).rowcount == 1

    def release(self, lease: Lease) -> None:
        """Give the lease back; its row stays, because the fence must never start again."""
        with self._session() as (connection, _):
            connection.execute(_RELEASE, _named(lease))

    @contextmanager
    def hold(self, name: str, book: str, ttl_s: float = 15.0) -> Iterator[Lease | None]:
        """Yield the lease, or None when another process or thread has it; release it at the end."""
        holder = self._holder()
        with holder.lock:
            busy = (book, name) in holder.in_use
            holder.in_use.add((book, name))
        if busy:
            yield None
            return
        try:
            lease = self.acquire(name, book, ttl_s)
            try:
                yield lease
            finally:
                if lease is not None:
                    self.release(lease)
        finally:
            holder.in_use.discard((book, name))

    def close(self) -> None:
        """End this process's session, and with it every lease it holds."""
        holder = self._holders.pop(os.getpid(), None)
        if holder is not None and holder.connection is not None:
            holder.connection.close()

    def _holder(self) -> _Holder:
        return self._holders.setdefault(os.getpid(), _Holder())

    @contextmanager
    def _session(self) -> Iterator[tuple[Connection, datetime]]:
        """Yield the process's lease connection, made anew where it was lost, and its start."""
        holder = self._holder()
        with holder.lock, operational_errors():
            if holder.connection is None or holder.connection.invalidated:
                # What a crash of the server forgets here are leases whose sessions it ended too; a
                # fence given twice then still has two owners' names, and both are compared.
                holder.connection = self._database.connect_raw("lease", synchronous_commit="off")
                with holder.connection.begin():
                    holder.start = holder.connection.execute(_MY_START).scalar_one()
            try:
                with holder.connection.begin():
                    yield holder.connection, holder.start
            except sa.exc.DBAPIError:
                holder.connection.close()
                holder.connection = None
                raise


def _named(lease: Lease) -> dict[str, object]:
    return {"book": lease.book, "name": lease.name, "owner": lease.owner, "fence": lease.fence}


class SessionLock:
    """An advisory lock that lives as long as its connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session = self._identity()

    def alive(self) -> bool:
        """Is the session that took the lock still there?"""
        try:
            return self._identity() == self._session
        except sa.exc.DBAPIError:
            return False

    def close(self) -> None:
        """Give the lock back."""
        self._connection.close()

    def _identity(self) -> tuple[object, ...]:
        me = "SELECT pid, backend_start FROM pg_stat_get_activity(pg_backend_pid())"
        with self._connection.begin():
            return tuple(self._connection.execute(sa.text(me)).one())


def beat_lock(database: Database, key: str = "beat") -> SessionLock | None:
    """Take the lock that lets one beat run; None when another process has it. Raises Transient."""
    connection = database.connect_raw("beat-lock")
    with operational_errors():
        number = sa.func.hashtextextended(key, 0)
        with connection.begin():
            taken = connection.scalar(sa.select(sa.func.pg_try_advisory_lock(number)))
        if taken:
            return SessionLock(connection)
    connection.close()
    return None
