"""The demo's day: a stack of its own is started, watched until the book is settled, and stopped."""

import contextlib
import json
import os
import secrets
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path

from app.cli.demo_result import Result, gather
from app.cli.demo_view import View
from app.cli.demo_watch import Watch
from app.config import load
from app.engine.errors import AppError, InvalidData
from app.io.clock import monotonic, wall
from app.local.control import state_path
from app.local.environment import simulated
from app.local.folder import StateFolder
from app.local.ownership import claim
from app.local.procfile import read_procfile
from app.local.stack import Stack

#: Wall seconds between two looks at the day, and until a day that does not settle is given up.
LOOK_S = 0.1
SETTLE_WITHIN_S = 45.0
DEFAULT_SEED = 7
#: What the simulated world gives of Alpha Vantage: as much as one asks for.
NEWS_CALLS_PER_DAY = 100_000
#: Market seconds that the model may take, and the bounds of that in wall seconds. It answers in a
#: few milliseconds; one that does not must not cost a fast day a quarter of an hour.
MODEL_PATIENCE_S, LEAST_PATIENCE_S, MOST_PATIENCE_S = 100.0, 0.5, 8.0
#: Wall seconds between two readings of the news and of the filings, at least.
READ_EVERY_S = 1.5
#: The simulated exchange hides an order for 0.7 wall seconds at most. A second longer is minutes of
#: a fast day, in which an order in doubt could hold a position past the close.
RESOLVE_DELAYS = "0.25,0.3,0.45"


@dataclass(frozen=True, slots=True)
class Wish:
    """The command's options."""

    bars: Path | None
    date: str | None
    synthetic: int | None
    speed: float
    faults: str | None
    json: Path | None
    keep: bool

    def world(self) -> list[str]:
        """Return the exchange's own options. Raises InvalidData for options that do not fit."""
        if self.bars is not None and self.synthetic is not None:
            raise InvalidData("--bars and --synthetic are two different markets: choose one")
        if self.bars is not None and self.date is None:
            raise InvalidData("--bars needs --date: which of the recorded days?")
        seed = DEFAULT_SEED if self.synthetic is None else self.synthetic
        market = ["--bars", str(self.bars.resolve())] if self.bars else ["--synthetic", str(seed)]
        date = ["--date", self.date] if self.date else []
        faults = ["--faults", self.faults] if self.faults else []
        return [*market, *date, *faults]


def run(wish: Wish) -> None:
    """Run the day and print it; raise AppError where it did not settle or broke an invariant."""
    started_at, started = wall(), monotonic()
    if not 0 < wish.speed <= 1000:
        raise InvalidData(f"--speed: {wish.speed:g}; accepted: above 0, at most 1000")
    if wish.json:
        _refuse_unwritable(wish.json)
    folder = state_path() / "demo"
    token = secrets.token_urlsafe(24)
    environment = _environment(wish.speed, token)
    book = load({**os.environ, **environment, **simulated(1, wish.speed)}).books[0]
    view = View()
    stack = Stack(
        folder,
        processes=_processes(wish),
        environment=environment,
        on_event=view.event,
        sim=True,
        speed=wish.speed,
        afresh=True,
    )
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stack.request_stop())
    with view, stack:
        view.introduce(wish.world(), stack.urls["api"], token)
        watch = Watch(stack.urls["database"], stack.urls["exchange"], book)
        _live(stack, watch, view)
        result = gather(watch, wish.speed, started_at, monotonic() - started)
    view.report(result, _save(folder.parent, result))
    if wish.json:
        wish.json.write_text(json.dumps(result.body, indent=2) + "\n")
    if wish.keep:
        view.say(f"Kept in {folder}: ask it with `metronome why SYMBOL [--at HH:MM]`")
    else:
        _remove(stack.folder)
    if result.breaches:
        raise AppError(f"{result.breaches} times an invariant did not hold: see the report")


def _refuse_unwritable(file: Path) -> None:
    """Raise InvalidData now for what would cost the day's numbers at its end."""
    if not file.parent.is_dir():
        raise InvalidData(f"--json: the folder {file.parent} does not exist; make it first")
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise InvalidData(f"--json: {file} cannot be written; name a file that can")


def _remove(folder: StateFolder) -> None:
    """Delete the folder, unless another demo has begun in it by now."""
    with contextlib.suppress(InvalidData):
        ownership = claim(folder.path)
        folder.remove()
        ownership.release()


def _environment(speed: float, token: str) -> dict[str, str]:
    """Return what a demo's processes are told: nothing of the user's accounts or servers."""
    patience = min(max(MODEL_PATIENCE_S / speed, LEAST_PATIENCE_S), MOST_PATIENCE_S)
    return {
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "TRADING_MODE": "PAPER",
        "AUTO_MODE": "1",
        "DISABLE_SLACK_ALERTS": "1",
        "API_TOKEN": token,
        "LOG_LEVEL": "WARNING",
        "RESOLVE_DELAYS_SECONDS": RESOLVE_DELAYS,
        "ALPHAVANTAGE_CALLS_PER_DAY": f"{NEWS_CALLS_PER_DAY}",
        "NEWS_EVERY_SECONDS": f"{max(60.0, READ_EVERY_S * speed):g}",
        "FILINGS_EVERY_SECONDS": f"{max(60.0, READ_EVERY_S * speed):g}",
        "LLM_TIMEOUT_SECONDS": f"{patience:g}",
    }


def _processes(wish: Wish) -> dict[str, str]:
    commands = dict(read_procfile())
    commands["exchange"] += f" {shlex.join(wish.world())}"
    return commands


def _live(stack: Stack, watch: Watch, view: View) -> None:
    """Show the day until the book is settled. Raises AppError where that takes too long."""
    closed_since: float | None = None
    while not stack.wait(LOOK_S):
        moment = watch.look()
        view.show(moment)
        if moment.settled:
            return
        if moment.is_over and closed_since is None:
            closed_since = monotonic()
        if closed_since is not None and monotonic() - closed_since > SETTLE_WITHIN_S:
            raise AppError(
                f"the day did not settle within {SETTLE_WITHIN_S:.0f} s of its close:"
                f" {moment.phase}, {moment.open_orders} open orders; see the logs in"
                f" {stack.folder.path / 'logs'}"
            )
    raise KeyboardInterrupt


def _save(folder: Path, result: Result) -> Path:
    """Write the report's page where it stays after the demo's own folder is gone."""
    page = folder / "reports" / f"{result.body['session_date']}-demo.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(result.html)
    return page
