"""A sweep as it is printed: the best trials, and what may be believed of them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from app.engine.rounding import cents
from app.io.store.sweeps import Sweep
from app.lab.ratios import deflated_sharpe, sharpe
from app.lab.sweep import Swept, Trial

SHOWN = 10


def _named(changes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(changes.items()))


def body(sweep: Sweep, done: Swept) -> dict[str, Any]:
    """Return a sweep as JSON values; money in the account's currency."""
    forward = sum((step.gained for step in done.forward), Decimal(0))
    return {
        "sweep": sweep.id,
        "book": sweep.book,
        "days": [day.isoformat() for day in sweep.dates],
        "number_of_trials": len(done.trials),
        "trials": [
            {
                "changes": dict(trial.changes),
                "gained": str(cents(trial.gained)),
                "sharpe": sharpe(np.array(trial.returns)),
                "orders": trial.orders,
                "unanswered": trial.unanswered,
            }
            for trial in done.trials
        ],
        "best": done.best,
        "deflated_sharpe": _deflated(done),
        "walk_forward": {
            "gained": str(cents(forward)),
            "steps": [
                {"date": step.date.isoformat(), "trial": step.trial, "gained": str(step.gained)}
                for step in done.forward
            ],
        },
        "failed": [
            {"trial": one.trial, "date": one.date.isoformat(), "why": one.error}
            for one in done.failed
        ],
    }


def show(sweep: Sweep, done: Swept) -> None:
    """Print a sweep."""
    console = Console()
    days = f"{len(sweep.dates)} days from {sweep.dates[0]} to {sweep.dates[-1]}"
    console.print(f"{sweep.book}: {len(done.trials)} trials over {days}, sweep {sweep.id}")
    table = Table()
    for column in ("trial", "gained", "Sharpe", "orders", "unanswered"):
        table.add_column(column, justify="left" if column == "trial" else "right")
    for trial in sorted(done.trials, key=lambda each: -each.gained)[:SHOWN]:
        table.add_row(*_row(trial))
    console.print(table)
    deflated = _deflated(done)
    console.print(
        "deflated Sharpe ratio of the best, the probability that it is above 0 after"
        f" {len(done.trials)} trials: {'too few days' if deflated is None else f'{deflated:.2f}'}"
    )
    if done.forward:
        won = sum((step.gained for step in done.forward), Decimal(0))
        console.print(
            f"walk forward: on each day the best trial of the days before it: {cents(won):+,}"
            f" over {len(done.forward)} days"
        )
    for one in done.failed[:SHOWN]:
        console.print(f"FAILED: trial {one.trial} on {one.date}: {one.error}", markup=False)


def _row(trial: Trial) -> tuple[str, ...]:
    ratio = sharpe(np.array(trial.returns))
    return (
        _named(trial.changes),
        f"{cents(trial.gained):+,}",
        "" if ratio is None else f"{ratio:.2f}",
        f"{trial.orders:,}",
        f"{trial.unanswered:,}",
    )


def _deflated(done: Swept) -> float | None:
    a_day = [sharpe(np.array(trial.returns), a_year=1) for trial in done.trials]
    known = [ratio for ratio in a_day if ratio is not None]
    spread = float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
    return deflated_sharpe(np.array(done.trials[done.best].returns), len(done.trials), spread)
