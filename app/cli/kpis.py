"""`metronome kpis`: the key figures of a day, hour by hour."""

import json as jsonlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.moments import date as read_date
from app.cli.reading import reading
from app.cli.terminal import terminal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from app.io.store.kpis import Row

#: So many reasons of each hour are named, the most frequent first.
TOP = 3


def kpis(
    date: Annotated[
        str | None,
        typer.Option(help="A date of the exchange such as 2026-03-20; else the newest one."),
    ] = None,
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the key figures of a day: signals, excursions, rate limits, the model."""
    from app.pipeline.key_figures import of_day

    day = None if date is None else read_date("--date", date)
    with reading(book, "kpis") as reader:
        day, found = of_day(reader.database, reader.book.id, reader.calendar, day)
    if json:
        from app.api.models import Kpis
        from app.api.running import figures_view

        told = Kpis(book=reader.book.id, date=day, hours=[figures_view(row) for row in found])
        print(jsonlib.dumps(told.model_dump(mode="json"), indent=2))
    elif not found:
        print(f"There are no key figures of {reader.book.id}{f' on {day}' if day else ' yet'}.")
    else:
        print(f"{reader.book.id} on {day}")
        _show(found, reader.calendar.zone)


def _show(found: Sequence["Row"], zone: "ZoneInfo") -> None:
    """Print a line for each figure and a column for each hour."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("until")
    for row in found:
        table.add_column(f"{row.at.astimezone(zone):%H:%M}", justify="right", overflow="fold")
    lines = [_lines(row.body) for row in found]
    for name in dict.fromkeys(name for each in lines for name in each):
        table.add_row(name, *(each.get(name, "-") for each in lines))
    terminal().print(table)


def _lines(body: Any) -> dict[str, str]:
    """Return an hour's figures as texts by what they are called; - is what is not known."""
    reasons = sorted(body["suppressed"].items(), key=lambda item: -item[1])
    tokens = body["tokens"] or {}
    return {
        "signals": str(body["generated"]),
        "suppressed": str(sum(body["suppressed"].values())),
        **{f"  {nth + 1}.": f"{name} {n}" for nth, (name, n) in enumerate(reasons[:TOP])},
        "strong": _percent(body["strong_rate"]),
        "flip-flops in 10 min": str(body["flip_flops"]),
        "direction-lock hits": str(body["direction_locks"]),
        "positions": str(body["positions"]),
        "median against (MAE)": _percent(body["mae_median"]),
        "median for (MFE)": _percent(body["mfe_median"]),
        "model calls": str(body["model_calls"]),
        "model cost, USD": body["model_usd"],
        **{f"overflow {name}": _percent(each["overflow"]) for name, each in tokens.items()},
    }


def _percent(share: float | str | None) -> str:
    return "-" if share is None else f"{100 * float(share):.2f} %"
