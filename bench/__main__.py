"""`make bench`: print each figure beside the floors measured in the same run."""

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import ParamSpec, TypeVar

from rich.console import Console
from rich.table import Table

from bench import latency, peers, route_risk, score, verdicts

P, T = ParamSpec("P"), TypeVar("T")


def main() -> None:
    """Measure, print, and write JSON if asked."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--orders", type=int, default=500, help="orders to send (default 500)")
    options.add_argument("--slots", type=int, default=60, help="of a day's 780 (default 60)")
    options.add_argument("--json", type=Path, help="also write the figures to this file")
    options.add_argument("--signals", type=int, default=20_000, help="signals to route")
    options.add_argument("--peers", action="store_true", help="beside other engines, nothing else")
    options.add_argument("--bars", type=Path, help="with --peers: bars (default: drawn, and kept)")
    wanted = options.parse_args()
    if wanted.peers:
        peers.report(wanted.bars, wanted.json)
        return
    scored = apart(score.measure, 10_000, 200)
    print(score.in_words(scored))
    measured = apart(latency.measure, max(wanted.orders, 10))
    rows = {
        "signal written → order accepted": percentiles(measured.orders),
        "floor: a bare Celery hop": percentiles(measured.hop),
        "floor: a one-row commit": percentiles(measured.commit),
        "floor: an HTTP call to the exchange": percentiles(measured.http),
    }
    show(rows)
    routed = apart(route_risk.measure, max(wanted.signals, 1000))
    Console().print(
        f"router and risk: {routed.signals_per_s:,.0f} signals/s with"
        f" {routed.verdicts_per_s:,.0f} verdicts/s in PostgreSQL,"
        f" {routed.copied_per_s / routed.verdicts_per_s:.1f} times as long as COPY alone"
    )
    room = apart(verdicts.measure, 10_000, max(wanted.slots, 2))
    print(verdicts.in_words(room))
    if wanted.json:
        figures = {
            "score": asdict(scored),
            "router and risk": asdict(routed),
            "below noise": asdict(room),
        }
        wanted.json.write_text(json.dumps(rows | figures, indent=2) + "\n")


def apart(measure: Callable[P, T], *of: P.args, **named: P.kwargs) -> T:
    """Measure in a process of its own: what a process has wired to servers, it keeps."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure, *of, **named).result()


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return count, median and 99th percentile."""
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return {"count": len(milliseconds), "p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}


def show(rows: dict[str, dict[str, float]]) -> None:
    """Print the table; ratios are to the sum of the floors' medians on the way of one order."""
    table = Table(title=f"latency on {platform.machine()}, Python {platform.python_version()}")
    for column in ("what", "count", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, figures in rows.items():
        table.add_row(what, *(f"{value:g}" for value in figures.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
