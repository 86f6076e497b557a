"""How the demo looks in a terminal: the day's bar, each order as it happens, the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.cli.demo_result import Result, note
from app.cli.demo_watch import Moment
from app.engine.orders import Order, OrderState
from app.engine.rounding import plain
from app.local.stack import Event

NEW_YORK = ZoneInfo("America/New_York")
COLOURS = {
    OrderState.FILLED: "green",
    OrderState.REJECTED: "red",
    OrderState.UNKNOWN: "yellow",
    OrderState.CANCELLED: "yellow",
    OrderState.EXPIRED: "yellow",
}
#: States worth a line; the ones between them pass in milliseconds.
TOLD = {*COLOURS, OrderState.SUBMITTED}


class View:
    """Writes to the terminal; on anything else the bar is left out and the lines stay."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.fields[clock]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._told: dict[str, OrderState] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        self._task = self._progress.add_task("", total=1.0, clock="starting", counts="")
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, line: str) -> None:
        """Print a line as it is."""
        self._console.print(line, markup=False, soft_wrap=True)

    def event(self, event: Event) -> None:
        """Tell of a process that ended and of what hinders; what is logged stays in its files."""
        if not event.is_log and ("starts again" in event.text or event.name == "supervisor"):
            self.say(f"{event.name}: {event.text}")

    def introduce(self, world: Sequence[str], api: str, token: str) -> None:
        """Say which market this is and where to look while it runs."""
        market = "synthetic" if "--synthetic" in world else "recorded"
        self.say(f"A {market} day ({' '.join(world)}); nothing here is real money.")
        self.say(f"API while it runs: curl -H 'Authorization: Bearer {token}' {api}/positions")

    def show(self, moment: Moment) -> None:
        """Move the bar and print what is new about each order."""
        at = moment.at.astimezone(NEW_YORK)
        for order in moment.orders:
            if order.state in TOLD and self._told.get(order.client_id) != order.state:
                self._told[order.client_id] = order.state
                self._order(at.strftime("%H:%M:%S"), order)
        if self._task is not None:
            self._progress.update(
                self._task,
                completed=moment.progress,
                clock=f"{at:%H:%M} New York · {moment.phase}",
                counts=_so_far(moment),
            )

    def _order(self, at: str, order: Order) -> None:
        price = f" at {order.average_price:.4f}" if order.average_price else ""
        colour = COLOURS.get(order.state, "default")
        self._console.print(
            f"{at}  {order.purpose:<10} {order.side:<4} {plain(order.quantity):>6}"
            f" {order.symbol:<5} [{colour}]{order.state}[/{colour}]{price}"
        )

    def report(self, result: Result, page: Path) -> None:
        """Print the day."""
        body = result.body
        table = Table(title=f"{body['book']} · {body['session_date']}")
        table.add_column("what")
        table.add_column("value", justify="right")
        latency = body["latency_ms"]["signal_to_accept"]
        for what, value in (
            ("equity at the open", body["equity_open"]),
            ("equity at the close", body["equity_close"]),
            ("equity at the exchange", body["broker"]["equity"]),
            ("cash settled · difference from the broker's", _settled(body["settlement"])),
            ("realised", body["realised_pnl"]),
            ("signals · intents · orders · fills", _counts(result)),
            ("signal to accept, p50 / p99 ms", f"{latency['p50']} / {latency['p99']}"),
            ("news · filings · volume spikes", _texts(result)),
            ("calls to the model", _limited(body["model"], "calls", "")),
            ("cost of the model", _limited(body["model"], "usd", "$")),
            ("different reasons of a refusal", body["reasons"]),
            ("first order after", f"{body['seconds_to_first_order']} s"),
            ("the day took", f"{body['wall_seconds']} s at {body['speed']:g} times"),
            ("decisions made again from the tape", _again(body)),
            ("positions at the close", ", ".join(body["positions_at_close"]) or "none"),
            *((name.replace("_", " "), str(n)) for name, n in body["invariants"].items()),
        ):
            table.add_row(what, str(value))
        self._console.print(table)
        self.say(note(body))
        self._console.print(_reasons(result))
        self.say(f"Report: {page}")


def _again(body: Mapping[str, Any]) -> str:
    return f"{body['replay']['decisions']} · digest {body['replay']['digest']}"


def _settled(of: Mapping[str, Any]) -> str:
    return f"{of['cash_close']} · {of['difference']}"


def _counts(result: Result) -> str:
    body = result.body
    return f"{body['signals']} · {body['intents']} · {len(body['orders'])} · {body['fills']}"


def _so_far(moment: Moment) -> str:
    figures = moment.figures
    texts = f"{figures.news} news · {figures.filings} filings · {figures.model_calls} model calls"
    return f"{texts} · {moment.signals} signals · {len(moment.orders)} orders"


def _texts(result: Result) -> str:
    texts = result.body["texts"]
    return f"{texts['news']} · {texts['filings']} · {texts['spikes']}"


def _limited(model: Mapping[str, Any], what: str, unit: str) -> str:
    return f"{unit}{model[what]} of {unit}{model[f'most_{what}']}"


def _reasons(result: Result) -> Table:
    table = Table(title="what the gates said")
    table.add_column("verdict")
    table.add_column("times", justify="right")
    counted = sorted(result.body["verdicts"].items(), key=lambda item: -item[1])
    for reason, times in counted:
        table.add_row(reason.replace("_", " "), str(times))
    return table
