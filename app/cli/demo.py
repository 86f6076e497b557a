"""`metronome demo`: a whole simulated trading day, from the first tick to the report."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    bars: Annotated[
        Path | None, typer.Option(help="Folder of recorded one-minute bars; needs --date.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="The trading day, YYYY-MM-DD.")] = None,
    synthetic: Annotated[
        int | None, typer.Option(metavar="SEED", help="Seed of a synthetic market (the default).")
    ] = None,
    speed: Annotated[float, typer.Option(help="Market seconds per second.")] = 100.0,
    faults: Annotated[
        str | None, typer.Option(help="Faults of the exchange: kind@probability, all@0.05, a file.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the day in numbers to this file.")
    ] = None,
    keep: Annotated[
        bool, typer.Option(help="Keep the day's database, for `metronome why` and `up`.")
    ] = False,
) -> None:
    """Run a whole trading day on the simulated exchange, no key needed, and report on it."""
    from app.cli.demo_day import Wish, run

    run(Wish(bars, date, synthetic, speed, faults, json, keep))
