"""`metronome up`: start every process on this machine and keep it running."""

import os
import shlex
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from app.cli import real
from app.engine.errors import InvalidData


def up(  # noqa: PLR0913 - a command has as many options as it has
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
    fresh: Annotated[
        bool, typer.Option(help="Delete the folder's data and start a new world, with --sim.")
    ] = False,
    procfile: Annotated[Path | None, typer.Option(help="Another list of processes.")] = None,
    detach: Annotated[bool, typer.Option(help="Return once everything runs.")] = False,
    confirm_real_trading: real.Confirm = False,
) -> None:
    """Start every process on this machine; Ctrl-C stops them all."""
    from app.local.foreground import run_detached, run_in_foreground, start_afresh
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
    if not sim and (options or speed is not None or fresh):
        given = options[0] if options else "--fresh" if fresh else "--speed"
        raise InvalidData(f"{given} is about the simulated exchange: add --sim.")
    if speed is not None and not 0.01 <= speed <= 10_000:
        raise InvalidData(f"--speed: {speed:g}; accepted: a number from 0.01 to 10000.")
    if sim:
        _refuse_other_world(procfile or PROCFILE, options, speed or 1.0, look=not fresh)
    if sim and confirm_real_trading:
        raise InvalidData("--confirm-real-trading: a simulated exchange has no real money.")
    real.ask(confirm_real_trading)
    if fresh:
        start_afresh(typer.echo, speed=speed or 1.0)
    if detach:
        run_detached(typer.echo, sim=sim, speed=speed or 1.0)
    else:
        run_in_foreground(
            typer.echo, procfile or PROCFILE, sim=sim, speed=speed or 1.0, world=options
        )


def _refuse_other_world(procfile: Path, options: list[str], speed: float, *, look: bool) -> None:
    """Raise InvalidData now for what the exchange would refuse when it starts.

    ``look``: compare the world with the one that the exchange remembers, too.
    """
    from app.cli.exchange import exchange
    from app.local.control import state_path
    from app.local.procfile import read_procfile
    from app.sim import memory
    from app.sim.wish import Wish, check

    command = shlex.split(read_procfile(procfile).get("exchange", ""))
    if command[:2] != ["metronome", "exchange"]:
        return
    own = {"EXCHANGE_PORT": 1, "MARKET_SPEED": f"{speed:g}", "METRONOME_STATE": state_path()}
    told: dict[str, object] = {**os.environ, **own}
    reader = typer.Typer(add_completion=False)
    reader.command()(exchange)
    words = [Template(word).safe_substitute(told) for word in [*command[2:], *options]]
    context = typer.main.get_command(reader).make_context("exchange", words)
    wish = Wish(**context.params)
    check(wish)
    if look and wish.memory is not None:
        memory.read(wish.memory, wish.world())
