"""`metronome up` and `down`: a stack that lasts until a signal, in the terminal or detached."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from app.engine.errors import InvalidData
from app.io.clock import pause
from app.local.environment import set_for_us
from app.local.folder import DEFAULT
from app.local.logs import last_words, rotate
from app.local.ownership import holder_of
from app.local.procfile import read_procfile
from app.local.stack import Event, Interrupted, Stack
from app.local.status import read_status

STOPPED_WITHIN_S = 15.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COLOURS = (36, 33, 32, 35, 34, 96, 93)


def state_path() -> Path:
    """Return the state folder that the environment or .env names."""
    return Path(set_for_us().get("METRONOME_STATE", DEFAULT)).expanduser().resolve()


def run_in_foreground(
    say: Callable[[str], None], procfile: Path, *, sim: bool, speed: float, world: Sequence[str]
) -> None:
    """Run the Procfile until a signal comes; ``world`` are the exchange's own options."""
    commands = read_procfile(procfile)
    if world and "exchange" in commands:
        commands["exchange"] += f" {shlex.join(world)}"
    stack = Stack(
        state_path(),
        processes=commands,
        environment=set_for_us(),
        on_event=Printer(list(commands), say),
        sim=sim,
        speed=speed,
    )
    for sign in SIGNALS:
        signal.signal(sign, lambda *_: stack.request_stop())
    try:
        with stack:
            _introduce(stack, say)
            stack.wait()
    except Interrupted:
        return


def _introduce(stack: Stack, say: Callable[[str], None]) -> None:
    say(f"Metronome runs on {stack.folder.path}; Ctrl-C or `metronome down` stops it.")
    for name in ("api", "exchange"):
        if name in stack.urls:
            say(f"{name}: {stack.urls[name]}")


class Printer:
    """Says events with the name of their process before them, in colour on a terminal."""

    def __init__(self, names: Sequence[str], say: Callable[[str], None]) -> None:
        coloured = sys.stdout.isatty()
        self._colours = dict(zip(names, COLOURS, strict=False)) if coloured else {}
        self._width = max(map(len, names))
        self._say = say

    def __call__(self, event: Event) -> None:
        name = event.name.ljust(self._width)
        colour = self._colours.get(event.name)
        head = f"\x1b[{colour}m{name} |\x1b[0m" if colour else f"{name} |"
        try:
            self._say(f"{head} {event.text}")
        except OSError:
            # The terminal or whoever read our output has gone; the processes have not.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_detached(say: Callable[[str], None]) -> None:
    """Start ourselves again without a terminal; return once everything runs."""
    folder = state_path()
    (folder / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "logs" / "up.log"
    rotate(log)
    words = [word for word in sys.argv[1:] if word != "--detach"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from app.cli.main import main; main()", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while process.poll() is None:
        found = read_status(folder)
        if found["ready"] and found["supervisor"] == process.pid:
            say(f"Metronome runs on {folder} (process {process.pid}).")
            for name, url in found["urls"].items():
                say(f"{name}: {url}")
            return
        pause(0.1)
    raise InvalidData(last_words(log).removeprefix("metronome: "))


def stop_running(folder: Path) -> int | None:
    """Stop the supervisor of the folder and with it everything; return its process id."""
    holder = holder_of(folder)
    if holder is None:
        return None
    try:
        holder.terminate()
        holder.wait(STOPPED_WITHIN_S)
    except psutil.NoSuchProcess:
        return holder.pid
    except psutil.AccessDenied:
        raise InvalidData(
            f"Process {holder.pid} on {folder} belongs to another user: stop it as that user."
        ) from None
    except psutil.TimeoutExpired:
        raise InvalidData(
            f"Process {holder.pid} did not stop within {STOPPED_WITHIN_S:.0f} s: "
            f"see {folder / 'logs'}, or end it with kill -9 {holder.pid}."
        ) from None
    return holder.pid
