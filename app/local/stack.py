"""A whole stack on one machine: started in order, kept alive, stopped in the reverse order."""

import contextlib
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.engine.errors import AppError, InvalidData
from app.io.clock import monotonic, pause
from app.local.account import server_account
from app.local.addresses import Addresses, exchange_answers, resolve
from app.local.child import Warden
from app.local.environment import merged
from app.local.folder import StateFolder, state_folder
from app.local.logs import last_words
from app.local.ownership import Ownership, claim
from app.local.postgres import Cluster
from app.local.procfile import SERVERS, read_procfile, stages, wanted
from app.local.status import write_status
from app.local.supervised import Description, Supervised
from app.local.valkey import Cache

READY_WITHIN_S = 60.0
BEAT_S = 0.1
STOP_BY_S = {"postgres": 9.7, "redis": 9.7, "exchange": 8.3}
"""Seconds after the request to stop at which patience with a process ends."""
#: A busy worker's soft shutdown takes 5 seconds and a little.
OTHERS_STOP_BY_S = 7.5
#: How a command of ours begins the line that names its user's mistake.
OUR_WORDS = "metronome: "


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a process, or a line that it wrote (``is_log``)."""

    name: str
    text: str
    is_log: bool = False


class Interrupted(AppError):
    """Stopping was asked for before everything had started."""


def migrate_store(url: str) -> None:
    """Bring the tables of the database up to date."""
    from app.io.store.migrate import migrate

    migrate(url)


class Stack:
    """Processes over one state folder; ``processes`` is name → command, else the Procfile.

    ``environment`` goes over our own; an empty DATABASE_URL or REDIS_URL there means embedded.
    ``afresh`` deletes what an earlier stack left in the folder.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        processes: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        sim: bool = False,
        speed: float = 1.0,
        afresh: bool = False,
        prepare_database: Callable[[str], None] = migrate_store,
    ) -> None:
        self.folder: StateFolder = state_folder(state_dir, server_account())
        self._environment = merged(environment or {})
        commands = read_procfile() if processes is None else processes
        self._commands = wanted(commands, self._environment, sim=sim)
        self._speed = speed if sim else None
        self._afresh = afresh
        self._on_event = on_event
        self._prepare_database = prepare_database
        self._cluster = Cluster(self.folder, self._environment.get("EMBEDDED_POSTGRES"))
        self._cache = Cache(self.folder)
        self._addresses: Addresses | None = None
        self._supervised: dict[str, Supervised] = {}
        self._ownership: Ownership | None = None
        self._warden: Warden | None = None
        self._thread: threading.Thread | None = None
        self._guard = threading.RLock()
        self._asked_to_stop = False
        self._ready = False
        self._trouble = ""

    # -- what others ask ------------------------------------------------------------------------

    @property
    def urls(self) -> dict[str, str]:
        """Name → address, passwords included; empty before the start."""
        return dict(self._addresses.urls) if self._addresses else {}

    def processes(self) -> list[Description]:
        """Return what each process is doing, in the order of starting."""
        with self._guard:
            return [process.describe() for process in self._supervised.values()]

    def request_stop(self) -> None:
        """Make a running start() or wait() return soon; a signal handler may call it."""
        # A plain flag: an Event's lock may be held by the very code that the signal interrupted.
        self._asked_to_stop = True

    def wait(self, timeout_s: float = math.inf) -> bool:
        """Wait until stopping is asked for; say whether it was."""
        deadline = monotonic() + timeout_s
        while not self._asked_to_stop and monotonic() < deadline:
            pause(BEAT_S)
        return self._asked_to_stop

    # -- starting -------------------------------------------------------------------------------

    def start(self) -> None:
        """Start stage by stage; raise AppError, with everything stopped again, where one fails."""
        self.folder.prepare()
        self._ownership = claim(self.folder.path)
        try:
            if self._afresh:
                # Only now: until the folder is claimed its data may be another stack's.
                self.folder.clear()
                self.folder.prepare()
            self._start(Warden(self._ownership.file.fileno()))
        except BaseException:
            self.stop()
            raise

    def _start(self, warden: Warden) -> None:
        self._warden = warden
        self._addresses = resolve(
            self._commands, self._environment, self._cluster, self._cache, self._speed
        )
        if "postgres" in self._commands and self.folder.account is not None:
            self._tell(
                "postgres",
                f"PostgreSQL refuses root: it runs as user {self.folder.account.name}, "
                f"its data in {self.folder.postgres}",
            )
        ordered = stages(self._commands)
        for name in (name for stage in ordered for name in stage):
            log = self.folder.logs / f"{name}.log"
            self._supervised[name] = Supervised(name, self._commands[name], log)
        for stage in ordered:
            if not set(stage) <= set(SERVERS):
                self._migrate_once()
            self._start_stage(stage)
        self._ready = True
        self._publish()
        self._thread = threading.Thread(target=self._supervise, name="supervisor")
        self._thread.start()

    def _migrate_once(self) -> None:
        """Prepare the database before the first process that is not a server."""
        prepare, self._prepare_database = self._prepare_database, lambda url: None
        prepare(self.urls["database"])

    def _start_stage(self, names: list[str]) -> None:
        for name in names:
            self._spawn(self._supervised[name])
        questions: dict[str, Callable[[], bool]] = {
            "postgres": self._cluster.ready,
            "redis": self._cache.ready,
            "exchange": lambda: exchange_answers(self.urls["exchange"]),
        }
        for name in names:
            if name in questions:
                self._wait_for(self._supervised[name], questions[name])

    def _wait_for(self, process: Supervised, ready: Callable[[], bool]) -> None:
        deadline = monotonic() + READY_WITHIN_S
        while not ready():
            self._pass_on_logs()
            if self.wait(BEAT_S / 2):
                raise Interrupted("stopped before everything had started")
            if process.died() is not None:
                said = last_words(process.log)
                if said.startswith(OUR_WORDS):
                    raise InvalidData(f"{process.name}: {said.removeprefix(OUR_WORDS)}")
                raise InvalidData(f"{process.name} did not start ({process.last_exit}): {said}")
            if monotonic() > deadline:
                raise InvalidData(
                    f"{process.name} does not answer after {READY_WITHIN_S:.0f} s: "
                    f"see {process.log}"
                )

    def _spawn(self, process: Supervised) -> None:
        if self._addresses is None or self._warden is None:
            raise InvalidData("The stack is not running.")
        process.start(self._addresses.environment, self._warden)
        self._tell(process.name, f"started, process {process.child and process.child.pid}")
        self._publish()

    # -- keeping alive --------------------------------------------------------------------------

    def _supervise(self) -> None:
        while not self._asked_to_stop:
            try:
                self._pass_on_logs()
                with self._guard:
                    self._look_after()
                trouble = self.folder.shortage()
                if trouble != self._trouble:
                    self._publish()
            except OSError as error:
                # A full disk must not end the one who restarts what a full disk has ended.
                trouble = f"{error.filename or 'system'}: {error.strerror or error}"
            self._complain(trouble)
            pause(BEAT_S)

    def _pass_on_logs(self) -> None:
        for process in self._supervised.values():
            for line in process.new_lines():
                self._on_event(Event(process.name, line, is_log=True))

    def _look_after(self) -> None:
        if self._warden is not None and self._warden.replace_if_dead():
            self._tell("supervisor", "the warden was killed, another one watches")
        for process in self._supervised.values():
            obituary = process.died()
            if obituary:
                self._tell(process.name, obituary)
                self._publish()
            elif process.is_due():
                process.restarts += 1
                self._spawn(process)

    def _complain(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._tell("supervisor", trouble)
        self._trouble = trouble

    def _tell(self, name: str, text: str) -> None:
        self._on_event(Event(name, text))

    def _publish(self) -> None:
        write_status(
            self.folder.path,
            self.processes(),
            self._addresses.shown() if self._addresses else {},
            ready=self._ready,
        )

    # -- stopping -------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop everything within 10 seconds; nothing is left running."""
        self.request_stop()
        self._ready = False
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        asked = monotonic()
        for names in reversed(stages(self._supervised)):
            leaving = [self._supervised[name] for name in reversed(names)]
            leaving = [process for process in leaving if process.since]
            for process in leaving:
                process.ask_to_stop()
            for process in leaving:
                until = asked + STOP_BY_S.get(process.name, OTHERS_STOP_BY_S)
                process.stopped(max(until - monotonic(), 0.0))
            self._pass_on_logs()
            for process in leaving:
                self._tell(process.name, f"stopped, {process.last_exit}")
        self._let_go()

    def _let_go(self) -> None:
        if self._warden is not None:
            self._warden.close()
            self._warden = None
        if self._ownership is not None:
            # On a full disk the last word stays unwritten; a folder without owner says enough.
            with contextlib.suppress(OSError):
                self._publish()
            self._ownership.release()
            self._ownership = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
