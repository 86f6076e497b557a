"""A piece of work that falls asleep in its middle and goes on when it is woken."""

import threading
from collections.abc import Callable


class Fiber:
    """Carries out work in a thread that never runs beside the one that started or woke it.

    Whoever starts or wakes it waits until it sleeps again or is over: what happens when follows
    from the seed and from nothing that a scheduler decides.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._killer: BaseException | None = None
        self._raised: BaseException | None = None
        self._thread = threading.Thread(target=self._carry_out, daemon=True)
        self.over = False

    def start(self) -> None:
        """Begin. Raises what the work raises before it sleeps."""
        self._thread.start()
        self._wait()

    def sleep(self) -> None:
        """Hand the turn back, from inside the work, until somebody wakes it."""
        self._back.release()
        self._turn.acquire()
        if self._killer is not None:
            raise self._killer

    def wake(self, killer: BaseException | None = None) -> None:
        """Let it go on; with a killer, that is what it wakes up to."""
        self._killer = killer
        self._turn.release()
        self._wait()

    def _wait(self) -> None:
        self._back.acquire()
        if self.over:
            self._thread.join()
        if self._raised is not None:
            raise self._raised

    def _carry_out(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it in their own thread
            self._raised = error
        finally:
            self.over = True
            self._back.release()
