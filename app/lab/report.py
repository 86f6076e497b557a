"""Report of research: a run over the past as one HTML page that opens without a network."""

from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from app.lab import formats, tables, whole_file
from app.lab.daily import daily
from app.lab.figures import Searched, figures
from app.lab.result import Result

#: So many trades are listed.
LISTED = 500
#: Below a quarter of a year, what is annualised is said to mean little.
FEW = 63


def write(result: Result, path: Path, searched: Searched | None = None) -> None:
    """Write a run's report to a file, all of it or nothing.

    ``searched`` says of how many trials the run is the best. Raises InvalidData for a place that
    cannot be written to and for money that is no number.
    """
    whole_file.write(path, render(result, searched).encode(errors="replace"))


def render(result: Result, searched: Searched | None = None) -> str:
    """Return a run's report as one page without anything from elsewhere."""
    zone, among = ZoneInfo(result.zone), searched or Searched()
    found = figures(result, among)
    return _page().render(
        run=result,
        began=formats.moment(result.began, zone),
        ended=formats.moment(result.ended, zone),
        capital=formats.money(result.capital),
        trials=among.trials,
        few=found.days if found.days < FEW else 0,
        groups=tables.figure_groups(found, result.currency, zone, among.trials),
        months=tables.month_rows(daily(result.at, result.equity, result.capital, zone)),
        stopped=tables.nothing_happened(result.funnel),
        opened=tables.reasons(result.trades, result.trades.opened_by),
        closed=tables.reasons(result.trades, result.trades.closed_by),
        listed=list(tables.trade_rows(result, LISTED)),
        percent=formats.percent,
        **_drawn(result),
    )


@cache
def _page() -> jinja2.Template:
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("app.lab", "pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return pages.get_template("research.html")


def _drawn(of: Result) -> dict[str, Any]:
    from app.lab import pictures  # Plotly is loaded by those who draw

    found = {
        "course": pictures.course(of),
        "excursions": pictures.excursions(of),
        "symbols": pictures.symbols(of),
    }
    return found | {"library": pictures.library() if any(found.values()) else ""}
