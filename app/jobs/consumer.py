"""The worker's connection to Redis: lost, it is tried again every second or two, for ever."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

#: Wall seconds before the first try, and between two.
FIRST_S, STEP_S, LONGEST_S = 0.25, 0.25, 2.0


class EagerConsumer(Consumer):
    """Celery's consumer, whose own pauses grow by two seconds a try up to half a minute.

    Redis comes back in a moment: work must not wait for the end of a long pause then. Nothing is
    spared by waiting either, there is one worker on a machine.
    """

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(
            conn.ensure_connection,
            interval_start=FIRST_S,
            interval_step=STEP_S,
            interval_max=LONGEST_S,
        )
        return super().ensure_connected(conn)
