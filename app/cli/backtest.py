"""`metronome backtest`: a book over bars of the past, by the very steps that trade live."""

import json as jsonlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date as Date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.moments import date as date_of
from app.cli.pairs import changed
from app.cli.writing import check_places
from app.engine.errors import InvalidData

if TYPE_CHECKING:
    from app.lab.result import Result


def backtest(  # noqa: PLR0913 - a command has as many options as it has
    bars: Annotated[Path, typer.Option(help="Folder of bars, SYMBOL.parquet or SYMBOL.csv.")],
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="A planned strategy, in the place of a book.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first date; else all.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last date; else all.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A number of the book; may be repeated."),
    ] = None,
    capital: Annotated[float, typer.Option(min=1, help="The money to begin with.")] = 100_000,
    spread: Annotated[float, typer.Option(min=0, help="Half the spread, in basis points.")] = 1,
    slippage: Annotated[float, typer.Option(min=0, help="Slippage, in basis points.")] = 1,
    fee: Annotated[float, typer.Option(min=0, help="The fee a share.")] = 0,
    report: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a book over bars: every gate, costs on, fills in the bar after the decision.

    Interrupted, the same command goes on after the last session that it has finished.
    """
    check_places(report)
    if strategy and (book or set_):
        raise InvalidData("--strategy is run by itself: leave --book and --set out")
    terms, span = _terms(capital, spread, slippage, fee), (since, until)
    if strategy:
        result = _planned(bars, strategy, span, terms)
    else:
        result = _run(bars, book, span, set_ or [], terms)
    _tell(result, report, json)


def _tell(result: "Result", report: Path | None, json: bool) -> None:
    from app.cli.backtest_view import show

    if report:
        from app.lab.report import write

        write(result, report)
    if json:
        print(jsonlib.dumps(_body(result), indent=2))
    else:
        show(result, report)


def _terms(capital: float, spread: float, slippage: float, fee: float) -> Any:
    from app.lab.planned import Costs, Terms

    costs = Costs(fee_per_share=fee, half_spread_bps=spread, slippage_bps=slippage)
    return Terms(capital=capital, costs=costs)


def _planned(folder: Path, name: str, span: tuple[str | None, str | None], terms: Any) -> "Result":
    """Run a planned strategy, compiled; its days are those of the New York exchange."""
    from dataclasses import replace

    from app.engine.strategies import PLANNED
    from app.io.calendar import ExchangeCalendar
    from app.lab import backtest as lab
    from app.lab.bars import read_folder
    from app.lab.planned import run

    if name not in PLANNED:
        raise InvalidData(f"--strategy: {name[:40]!r}; accepted: {' or '.join(sorted(PLANNED))}")
    calendar, loaded = ExchangeCalendar("XNYS"), read_folder(folder)
    picked = lab.between(loaded, calendar, *_span(span))
    result = run(name, PLANNED[name], picked, terms).result
    return replace(result, zone=str(calendar.zone), warnings=(*loaded.warnings, *result.warnings))


def _span(span: tuple[str | None, str | None]) -> tuple[Date | None, Date | None]:
    since = None if span[0] is None else date_of("--from", span[0])
    return since, None if span[1] is None else date_of("--to", span[1])


def _run(
    folder: Path,
    book_id: str | None,
    span: tuple[str | None, str | None],
    pairs: Sequence[str],
    terms: Any,
) -> "Result":
    from app.config import changes, load
    from app.io.calendar import ExchangeCalendar
    from app.lab import backtest as lab
    from app.lab.bars import read_folder
    from app.lab.walked import CheckpointFile

    settings = load(os.environ, confirm_real=True)
    chosen = settings.book(book_id) if book_id else settings.books[0]
    given = changed(pairs)
    made = changes.in_force(settings, chosen.id, given)
    calendar = ExchangeCalendar(made.book.calendar)
    loaded = read_folder(folder)
    picked = lab.between(loaded, calendar, *_span(span))
    named = (made.fingerprint, made.changes)
    name = lab.name_of(made.fingerprint, picked, terms)
    kept = CheckpointFile(settings.state / "backtests" / f"{name}.json.gz")
    with _progress(picked.at.size) as done:
        told = (done, loaded.warnings, kept)
        result = lab.run(made.book, named, picked, calendar, terms, *told)
    kept.forget()
    return result


@contextmanager
def _progress(bars: int) -> Iterator[Callable[[int], None]]:
    """Show how far a run is, where somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("bars"), BarColumn(), TextColumn("{task.percentage:.0f}%"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=bars)
        yield lambda place: progress.update(task, completed=place + 1)


def _body(result: "Result") -> dict[str, Any]:
    from app.cli.backtest_view import figures

    return {
        "book": result.book,
        "strategy": result.strategy,
        "settings": result.settings,
        "changes": dict(result.changes),
        "from": result.began.isoformat(),
        "to": result.ended.isoformat(),
        "bars": int(result.at.size),
        "figures": dict(figures(result)),
        "funnel": [
            {
                "step": stage.step,
                "kind": stage.kind,
                "taken": stage.taken,
                "passed": stage.passed,
                "refused": {each.gate: each.count for each in stage.refused},
            }
            for stage in result.funnel
        ],
        "warnings": list(result.warnings),
    }
