"""The door to PostgreSQL: bounded connections a process, one transaction a block, named errors."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Self

import numpy as np
import psycopg2.extensions as driver
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import NullPool

from app.engine.errors import InvalidData, Transient
from app.io.store import tape, taping
from app.io.store.jsonable import dumps

#: Every statement and every wait has an end.
_SESSION = {
    "timezone": "UTC",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
}
_NETWORK = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

# The driver would write a numpy number as its repr, "np.float64(0.5)".
driver.register_adapter(np.float64, lambda number: driver.Float(float(number)))
driver.register_adapter(np.int64, lambda number: driver.Int(int(number)))


def database_url(text: str, name: str = "DATABASE_URL") -> URL:
    """Read a PostgreSQL URL, whatever driver it names.

    Raises InvalidData, which says by what name the URL was given and does not repeat it.
    """
    try:
        url = make_url(text.replace("postgres://", "postgresql://", 1))
    except (sa.exc.ArgumentError, ValueError):
        url = URL.create("")
    if url.get_backend_name() != "postgresql":
        raise InvalidData(
            f"{name} is not a PostgreSQL URL; write postgresql+psycopg2://USER:PASSWORD@HOST/NAME"
        )
    return url.set(drivername="postgresql+psycopg2")


def connect_arguments(application_name: str, session: dict[str, str]) -> dict[str, object]:
    """Return what psycopg2 is told for a connection: its name, time-outs and session settings."""
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    return {**_NETWORK, "application_name": application_name, "options": options}


def first_line(error: BaseException) -> str:
    """Return the first line of what the driver said, without SQL, parameters or URL."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


@contextmanager
def operational_errors() -> Iterator[None]:
    """Turn lost connections, deadlocks, time-outs and a full pool into Transient; others pass.

    A connection lost during COMMIT may have committed: every write here can be repeated, because it
    inserts once or checks the state that it changes.
    """
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise Transient(f"database: {first_line(error)}") from error
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise Transient(f"database: {first_line(error)}") from error


class Database:
    """Connections to one database: at most three per process, made on first use.

    Engines are kept per process id: a forked child never touches what its parent opened.
    """

    def __init__(
        self, url: str, application_name: str, session: Mapping[str, str] | None = None
    ) -> None:
        """``session`` are settings of PostgreSQL for every connection, beside the time-outs."""
        self._url = database_url(url)
        self._name = application_name
        self._session = _SESSION | dict(session or {})
        self._engines: dict[int, Engine] = {}
        self._unpooled: dict[tuple[object, ...], Engine] = {}
        self._kept = threading.local()
        self._book: str | None = None

    def of(self, book_id: str) -> Self:
        """Return the same door, for the turns of one book: its tape hears of them."""
        mine = copy(self)
        mine._book = book_id
        return mine

    @contextmanager
    def keep(self) -> Iterator[None]:
        """Let every ``begin`` of this thread use one connection until the end of the block.

        A task of several short transactions then pays for one checkout instead of one each.
        """
        if getattr(self._kept, "connection", None) is not None:
            yield
            return
        with operational_errors(), self._engine().connect() as connection:
            self._kept.connection = connection
            try:
                yield
            finally:
                self._kept.connection = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection in one transaction: committed at the end, rolled back by an error.

        Raises Transient where the database cannot be reached or gave up; see operational_errors.
        """
        kept: Connection | None = getattr(self._kept, "connection", None)
        with operational_errors():
            if kept is None:
                with self._engine().begin() as connection, self._heard(connection):
                    yield connection
            else:
                with kept.begin(), self._heard(kept):
                    yield kept

    @contextmanager
    def _heard(self, connection: Connection) -> Iterator[None]:
        """Put what a transaction of a book changed on the tape, as a part of it."""
        if self._book is None:
            yield
            return
        with taping.turn(connection, self._book) as turn:
            yield
            tape.keep(connection, turn)

    @contextmanager
    def hold(self, application_name: str | None = None) -> Iterator[Connection]:
        """Yield a connection of its own, outside the pool; see connect_raw."""
        connection = self.connect_raw(application_name)
        try:
            yield connection
        finally:
            connection.close()

    def connect_raw(self, application_name: str | None = None, **session: str) -> Connection:
        """Return a connection of its own in autocommit, for what lasts as long as a session.

        ``session`` are settings of PostgreSQL for it alone. The caller closes it. Raises Transient.
        """
        name = application_name or self._name
        # An engine learns the server with its first connection, which takes longer than connecting.
        key = os.getpid(), name, *sorted(session.items())
        engine = self._unpooled.get(key)
        if engine is None:
            engine = self._unpooled[key] = sa.create_engine(
                self._url,
                poolclass=NullPool,
                isolation_level="AUTOCOMMIT",
                connect_args=self._arguments(name, session),
            )
        with operational_errors():
            return engine.connect()

    def dispose(self, close: bool = True) -> None:
        """Forget the pooled connections; after a fork ``close=False`` leaves the parent's alone."""
        while self._engines:
            pid, engine = self._engines.popitem()
            engine.dispose(close=close and pid == os.getpid())

    def _engine(self) -> Engine:
        pid = os.getpid()
        known = self._engines.get(pid)
        # Two threads may both make one: setdefault keeps a single one, and an engine that was
        # never used has opened nothing.
        return known or self._engines.setdefault(pid, self._make_engine())

    def _make_engine(self) -> Engine:
        return sa.create_engine(
            self._url,
            pool_size=2,
            max_overflow=1,
            pool_timeout=5,
            pool_pre_ping=True,
            pool_recycle=1800,
            json_serializer=dumps,
            connect_args=self._arguments(self._name, {}),
        )

    def _arguments(self, name: str, session: dict[str, str]) -> dict[str, object]:
        return connect_arguments(f"{name}-{os.getpid()}", self._session | session)
