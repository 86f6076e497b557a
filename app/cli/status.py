"""`metronome status`: what runs, since when, how often it was restarted, what it uses."""

import json as jsonlib
from typing import Annotated

import typer


def status(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every process of this state folder; exit 3 where nothing runs."""
    from app.local.control import state_path
    from app.local.status import read_status, render

    folder = state_path()
    found = read_status(folder)
    print(jsonlib.dumps(found, indent=2) if json else render(found, folder))
    if found["supervisor"] is None:
        raise typer.Exit(3)
