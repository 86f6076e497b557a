"""`metronome up`: a stack that lasts until a signal, in the terminal or detached."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from app.config import load
from app.config.confirmation import confirmed
from app.engine.errors import InvalidData
from app.io.clock import pause
from app.local.account import server_account
from app.local.control import state_path
from app.local.environment import set_for_us, simulated
from app.local.folder import state_folder
from app.local.logs import last_words, rotate
from app.local.ownership import claim
from app.local.procfile import read_procfile
from app.local.stack import Event, Interrupted, Stack
from app.local.status import read_status

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COLOURS = (36, 33, 32, 35, 34, 96, 93)


def run_in_foreground(
    say: Callable[[str], None], procfile: Path, *, sim: bool, speed: float, world: Sequence[str]
) -> None:
    """Run the Procfile until a signal comes; ``world`` are the exchange's own options."""
    refuse_wrong_settings(sim=sim, speed=speed)
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


def refuse_wrong_settings(*, sim: bool, speed: float) -> None:
    """Raise ConfigError for what every process would refuse again and again."""
    world = simulated(1, speed) if sim else {}
    settings = load({**os.environ, **world}, confirm_real=confirmed())
    if not sim and any(book.broker == "alpaca" for book in settings.books):
        settings.alpaca.keys()


def start_afresh(say: Callable[[str], None], *, speed: float) -> None:
    """Delete what the state folder holds; raise InvalidData while somebody runs on it."""
    refuse_wrong_settings(sim=True, speed=speed)
    for name in ("DATABASE_URL", "REDIS_URL"):
        if set_for_us().get(name):
            raise InvalidData(
                f"{name} is set, and --fresh empties no servers but its own: leave {name} out, or "
                "empty that server and delete exchange.json in the state folder."
            )
    folder = state_folder(state_path(), server_account())
    folder.prepare()
    ownership = claim(folder.path)
    try:
        say(f"Deleting the data in {folder.path}: a new world starts.")
        folder.clear()
    finally:
        ownership.release()


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


def run_detached(say: Callable[[str], None], *, sim: bool, speed: float) -> None:
    """Start ourselves again without a terminal; return once everything runs."""
    refuse_wrong_settings(sim=sim, speed=speed)
    state = state_folder(state_path(), server_account())
    state.prepare()
    folder, log = state.path, state.logs / "up.log"
    rotate(log)
    # What --fresh asks for has been done by now.
    words = [word for word in sys.argv[1:] if word not in ("--detach", "--fresh")]
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
