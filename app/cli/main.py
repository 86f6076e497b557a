"""The command line: every command by name, and only the one that is asked for is imported."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

import typer

from app.config.errors import ConfigError
from app.engine.errors import AppError

#: Name → where it is, and its line in ``--help``. A target is a function or a group of commands.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("app.cli.demo:demo", "Run a whole simulated trading day and report on it."),
    "up": ("app.cli.up:up", "Start every process on this machine; Ctrl-C stops them all."),
    "down": ("app.cli.down:down", "Stop every process that `up` started."),
    "status": ("app.cli.status:status", "Show the processes and what they are doing."),
    "halt": ("app.cli.switch:halt", "Stop a book; with --flatten, sell everything too."),
    "reduce": ("app.cli.switch:reduce", "Stop a book's entries; exits and stops go on."),
    "resume": ("app.cli.switch:resume", "Let a halted or reducing book trade again."),
    "cancel": ("app.cli.switch:cancel", "Cancel one order; what has filled is kept."),
    "sync": ("app.cli.sync:sync", "Compare a book with its broker, and put right what differs."),
    "why": ("app.cli.why:why", "Say why a symbol did or did not trade."),
    "experiment": ("app.cli.experiment:experiment", "Change settings for a while, guarded."),
    "settle": ("app.cli.settle:settle", "Say what became of an order that is in doubt."),
    "replay": ("app.cli.replay:replay", "Decide a past day once more, and compare."),
    "whatif": ("app.cli.whatif:whatif", "Play a past day with other settings, and compare."),
    "backtest": ("app.cli.backtest:backtest", "Run a book over bars of the past."),
    "lookahead": ("app.cli.lookahead:lookahead", "Show that no decision depends on the future."),
    "sweep": ("app.cli.sweep:sweep", "Try combinations of settings over days on the tape."),
    "tape": ("app.cli.tape:tape", "List the days on the tape, or write one to a file."),
    "kpis": ("app.cli.kpis:kpis", "Show the key figures of a day, hour by hour."),
    "summary": ("app.cli.summary:summary", "Sum up settled days: profit, trades, drawdown, fees."),
    "funnel": ("app.cli.funnel:funnel", "Show a day from scores to fills, and what refused what."),
    "config": ("app.cli.config:config", "Show or check the settings."),
    "checklist": ("app.cli.checklist:checklist", "Verify what has to hold before real money."),
    "migrate": ("app.cli.migrate:migrate", "Bring the database to this version's tables."),
    "exchange": ("app.cli.exchange:exchange", "Serve the simulated exchange (Alpaca's protocol)."),
    "bench": ("app.cli.bench:bench", "Time a benchmark's strategy over a folder of bars."),
    "worker": ("app.cli.worker:worker", "Carry out tasks (Celery)."),
    "beat": ("app.cli.beat:beat", "Send the schedule's ticks."),
    "feed": ("app.cli.feed:feed", "Listen to the broker's and the market's streams."),
    "api": ("app.cli.api:api", "Serve the API."),
    "version": ("app.cli.version:version", "Print the version."),
}


def main() -> None:
    """Run the command that was typed; a user's mistake is one line on stderr, never a traceback."""
    try:
        build(wanted=next((a for a in sys.argv[1:] if not a.startswith("-")), None))(
            prog_name="metronome"
        )
    except ConfigError as error:
        _stop([str(problem) for problem in error.problems], code=2)
    except AppError as error:
        _stop([str(error)], code=1)
    except OSError as error:
        _stop([f"{error.filename or 'system'}: {error.strerror or error}"], code=1)
    except KeyboardInterrupt:
        sys.exit(130)


def build(wanted: str | None) -> typer.Typer:
    """Return the command line; commands other than ``wanted`` are there for ``--help`` only."""
    cli = typer.Typer(
        help="A self-hosted trading pipeline: no order twice or lost, a reason for every decision.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, (target, line) in COMMANDS.items():
        command = _load(name, target) if name == wanted else _listed
        if isinstance(command, typer.Typer):
            cli.add_typer(command, name=name, help=line)
        else:
            cli.command(name, help=None if name == wanted else line, short_help=line)(command)
    return cli


def _listed() -> None:
    """Stand in the list of commands."""


def _load(name: str, target: str) -> Callable[..., Any] | typer.Typer:
    module, _, attribute = target.partition(":")
    try:
        command: Callable[..., Any] | typer.Typer = getattr(
            importlib.import_module(module), attribute
        )
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise AppError(f"{name}: this build has no such command") from error
    return command


def _stop(lines: list[str], code: int) -> None:
    for line in lines:
        print(f"metronome: {line}", file=sys.stderr)
    sys.exit(code)
