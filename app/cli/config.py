"""`metronome config`: show or check the settings, those of a past moment too; document them."""

import os
import sys
from typing import Annotated

import typer

from app.cli.config_at import at

config = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
config.command()(at)


@config.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print each effective value and where it came from, secrets masked."""
    import json

    from app.config import explain, load

    settings = load(os.environ, confirm_real=True)
    print(json.dumps(explain.as_json(settings), indent=2) if as_json else explain.table(settings))


@config.command()
def check(
    confirm_real: Annotated[
        bool, typer.Option("--confirm-real-trading", help="Check as for real money.")
    ] = False,
) -> None:
    """Say in one line that the settings are right, or name every wrong one and exit with 2."""
    from app.config import fingerprint, load

    settings = load(os.environ, confirm_real=confirm_real)
    books = ", ".join(book.id for book in settings.books)
    print(f"settings are right: {settings.mode}, {books}, fingerprint {fingerprint(settings)}")


@config.command()
def example() -> None:
    """Print .env.example: every name, what it takes and its default."""
    from app.config import explain

    sys.stdout.write(explain.example())
