"""--confirm-real-trading: what it means, and the ten seconds in which it can be taken back."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.config import Settings

#: Wall seconds in which Ctrl-C ends it with nothing started.
COUNTDOWN_S = 10

Confirm = Annotated[
    bool,
    typer.Option("--confirm-real-trading", help="Needed with TRADING_MODE=REAL; counts down 10 s."),
]


def ask(given: bool) -> None:
    """Where real money is meant, count down before anything starts.

    Without the option nothing is confirmed, and the settings refuse REAL. A process whose parent
    has counted down does not do it again. Raises ConfigError for settings that nothing could start
    with, before the first second.
    """
    from app.config import load
    from app.config.confirmation import confirm, confirmed
    from app.engine.book import Mode
    from app.io.clock import pause

    if not given:
        return
    settings = load(os.environ, confirm_real=True)
    if settings.mode is not Mode.REAL:
        _say(f"TRADING_MODE is {settings.mode}: there is no real trading to confirm.")
        return
    if not confirmed():
        count_down(settings, _say, pause)
    confirm()


def count_down(
    settings: "Settings", say: Callable[[str], None], pause: Callable[[float], None]
) -> None:
    """Say what is about to happen, then each second that is left."""
    books = ", ".join(book.id for book in settings.books)
    say(
        f"REAL MONEY: {books} at {settings.alpaca.trading_url}. "
        f"Ctrl-C within {COUNTDOWN_S} s, and nothing is started."
    )
    for left in range(COUNTDOWN_S, 0, -1):
        say(f"Real trading starts in {left} s")
        pause(1)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
