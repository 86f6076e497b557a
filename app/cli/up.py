"""`metronome up`: start every process on this machine and keep it running."""

from pathlib import Path
from typing import Annotated

import typer

from app.engine.errors import InvalidData


def up(
    sim: Annotated[bool, typer.Option(help="Trade on the simulated exchange.")] = False,
    speed: Annotated[
        float | None, typer.Option(help="Market seconds per wall second, with --sim.")
    ] = None,
    bars: Annotated[
        Path | None, typer.Option(help="Recorded bars for the simulated market.")
    ] = None,
    synthetic: Annotated[
        int | None, typer.Option(help="Seed of a synthetic market (without --bars: 1).")
    ] = None,
    date: Annotated[str | None, typer.Option(help="The simulated session, YYYY-MM-DD.")] = None,
    faults: Annotated[
        str | None, typer.Option(help="Faults of the simulated exchange, as its own option.")
    ] = None,
    procfile: Annotated[Path | None, typer.Option(help="Another list of processes.")] = None,
    detach: Annotated[bool, typer.Option(help="Return once everything runs.")] = False,
) -> None:
    """Start every process on this machine; Ctrl-C stops them all."""
    from app.local.foreground import run_detached, run_in_foreground
    from app.local.procfile import PROCFILE

    if sim and bars is None and synthetic is None:
        synthetic = 1
    world = {
        "--bars": bars and str(bars.absolute()),
        "--synthetic": None if synthetic is None else str(synthetic),
        "--date": date,
        "--faults": faults,
    }
    options = [word for name, value in world.items() if value for word in (name, value)]
    if not sim and (options or speed is not None):
        given = options[0] if options else "--speed"
        raise InvalidData(f"{given} is about the simulated exchange: add --sim.")
    if speed is not None and not 0.01 <= speed <= 10_000:
        raise InvalidData(f"--speed: {speed:g}; accepted: a number from 0.01 to 10000.")
    if detach:
        run_detached(typer.echo, sim=sim, speed=speed or 1.0)
    else:
        run_in_foreground(
            typer.echo, procfile or PROCFILE, sim=sim, speed=speed or 1.0, world=options
        )
