"""A backtest as it is printed: figures, the funnel, and why there were no trades."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from app.lab.result import Result


def figures(result: "Result") -> Iterator[tuple[str, Any]]:
    """Yield what a run came to, by name; money in its currency, shares as shares."""
    from app.engine.performance import Standing, max_drawdown, profit_factor, win_rate
    from app.engine.rounding import decimal

    gained = [decimal(float(each)) for each in result.trades.gained]
    begun = decimal(result.capital)
    curve = (decimal(float(each)) for each in result.equity)
    fall = max_drawdown(Standing(equity - begun, equity) for equity in curve)
    end = float(result.equity[-1]) if result.equity.size else result.capital
    yield "trades", len(result.trades)
    yield "equity", round(end, 2)
    yield "profit or loss", round(end - result.capital, 2)
    yield "return", round(end / result.capital - 1, 6)
    yield "deepest fall", round(fall.share, 6)
    yield "win rate", _rounded(win_rate(gained))
    yield "profit factor", _rounded(profit_factor(gained))
    yield "fees", round(float(result.trades.fees.sum()), 2)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def show(result: "Result", report: Path | None) -> None:
    """Print a run."""
    console = Console()
    for line in result.warnings:
        console.print(f"WARNING: {line}", style="bold yellow", markup=False)
    console.print(
        f"{result.name} from {result.began:%Y-%m-%d} to {result.ended:%Y-%m-%d},"
        f" {result.at.size:,} bars, {result.strategy} with the settings {result.settings}",
        markup=False,
    )
    table = Table(show_header=False)
    for name, value in figures(result):
        table.add_row(name, "none" if value is None else f"{value:,}")
    console.print(table)
    console.print(_funnel(result))
    if not len(result.trades):
        console.print(_why_not(result), style="bold", markup=False)
    if report:
        console.print(f"Report: {report}", markup=False)


def _funnel(result: "Result") -> Table:
    table = Table(title="from scores to fills", title_justify="left")
    for column in ("stage", "came in", "passed", "refused most"):
        table.add_column(column, justify="right" if column in ("came in", "passed") else "left")
    for stage in result.funnel:
        most = sorted(stage.refused, key=lambda each: -each.count)[:3]
        refused = ", ".join(f"{each.gate} {each.count:,}" for each in most)
        table.add_row(stage.what, f"{stage.taken:,}", f"{stage.passed:,}", refused)
    return table


def _why_not(result: "Result") -> str:
    """Say which gate stopped the most at the first stage that let nothing through."""
    for stage in result.funnel:
        if stage.passed == 0 and stage.refused:
            most = max(stage.refused, key=lambda each: each.count)
            return (
                f"No trade: of {stage.taken:,} {stage.what} none passed;"
                f" {most.gate} refused {most.count:,} ({most.reason.replace('_', ' ')})."
            )
    return "No trade ended: what was bought is still held."
