"""`make sim`: play seeds, and show each that broke a rule with all that happened in it."""

import argparse
import sys
from contextlib import ExitStack

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.io.clock import monotonic
from proof.sim.play import Tally, servers, share_out
from proof.sim.world import Played

#: So many failed seeds are shown in full; the others are named.
SHOWN = 3


def main() -> int:
    """Play, print, and return 1 where any seed failed."""
    options = argparse.ArgumentParser(prog="python -m proof.sim", description=__doc__)
    options.add_argument("--seeds", type=_positive, default=2000, help="how many (default 2000)")
    options.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    options.add_argument("--processes", type=_positive, default=2, help="default 2")
    wanted = options.parse_args()
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    console, began = Console(), monotonic()
    with ExitStack() as until_the_end:
        started = until_the_end.enter_context(servers())
        bar = until_the_end.enter_context(_bar(console))
        task = bar.add_task("seeds", total=len(seeds), failed=0)

        def done(tally: Tally) -> None:
            bar.update(task, completed=tally.seeds, failed=len(tally.failed))

        tally = share_out(started, seeds, min(wanted.processes, len(seeds)), done)
    _show(console, tally, monotonic() - began)
    for played in tally.failed[:SHOWN]:
        _tell(console, played)
    return 1 if tally.failed else 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    failed = TextColumn("{task.fields[failed]} failed")
    return Progress(*columns, failed, TimeRemainingColumn(), console=console, transient=True)


def _show(console: Console, tally: Tally, seconds: float) -> None:
    table = Table(show_header=False, title="simulation")
    table.add_column(justify="left")
    table.add_column(justify="right")
    for what, count in (
        ("seeds", tally.seeds),
        ("failed", len(tally.failed)),
        ("orders at the broker", tally.orders.total()),
        *((f"  {purpose}", count) for purpose, count in sorted(tally.orders.items())),
        ("fills", tally.fills),
        *((f"fault: {fault}", count) for fault, count in sorted(tally.faults.items())),
    ):
        table.add_row(what, f"{count:,}")
    table.add_row("seconds", f"{seconds:,.0f}")
    console.print(table)


def _tell(console: Console, played: Played) -> None:
    console.print(f"\n[bold red]seed {played.seed} failed[/]")
    for line in played.trace:
        console.print(f"  {line}", markup=False, highlight=False)
    for breach in played.breaches:
        console.print(f"  BREACH: {breach}", markup=False, highlight=False)
    console.print(f"  again: make sim SEEDS=1 START={played.seed}")


if __name__ == "__main__":
    sys.exit(main())
