"""Which process is sending an order this very moment: asked of PostgreSQL, past the proxy."""

import select

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ

from app.io.clock import monotonic
from app.local.postgres import libpq_url

#: An answer that takes longer comes from a server that is down or stopped.
ANSWER_WITHIN_S = 0.2
#: One that stays so for longer than a request may take was left so by a process that died.
_SENDING = """
    SELECT l.owner FROM orders o JOIN leases l ON l.book = o.book AND l.fence = o.fence
     WHERE o.state = 'SUBMITTING' AND l.expires_wall > clock_timestamp()
       AND o.submitting_wall > clock_timestamp() - interval '6 seconds'
"""


class Aim:
    """One connection that looks for a sender. It never waits long: who asks wakes the stopped."""

    def __init__(self, database_url: str) -> None:
        self._database = libpq_url(database_url)
        self._connection: psycopg2.extensions.connection | None = None

    @property
    def backend(self) -> int | None:
        """The process that serves this very connection; it must not be stopped."""
        return self._connection.get_backend_pid() if self._connection else None

    def sender(self) -> int | None:
        """Return the process that has an order under way; None, too, where nothing answers."""
        try:
            return self._ask()
        except (psycopg2.Error, TimeoutError):
            self.close()
            return None

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _ask(self) -> int | None:
        deadline = monotonic() + ANSWER_WITHIN_S
        if self._connection is None:
            self._connection = psycopg2.connect(
                self._database, async_=1, application_name="chaos aim"
            )
            _wait(self._connection, deadline)
        with self._connection.cursor() as cursor:
            cursor.execute(_SENDING)
            _wait(self._connection, deadline)
            row = cursor.fetchone()
        return int(row[0].rpartition(":")[2]) if row else None


def _wait(connection: psycopg2.extensions.connection, deadline: float) -> None:
    """Wait for what the connection does. Raises TimeoutError at the deadline."""
    while (state := connection.poll()) != POLL_OK:
        if (left := deadline - monotonic()) <= 0:
            raise TimeoutError
        ends = [connection.fileno()]
        reading = state == POLL_READ
        select.select(ends if reading else [], [] if reading else ends, [], left)
