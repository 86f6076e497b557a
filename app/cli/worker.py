"""`metronome worker`."""

from typing import Annotated

import typer

from app.cli import real


def worker(
    research: Annotated[
        bool, typer.Option("--research", help="Play trials of sweeps, and trade nothing.")
    ] = False,
    confirm_real_trading: real.Confirm = False,
) -> None:
    """Carry out tasks until stopped."""
    from app.jobs import worker

    if research:
        worker.research()
        return
    real.ask(confirm_real_trading)
    worker.run()
