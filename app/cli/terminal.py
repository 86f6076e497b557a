"""Where tables are printed: as wide as the terminal, and the words of others are only words."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: A pipe has no width: wide enough for the longest reason.
PIPE_WIDTH = 180


def terminal() -> "Console":
    """Return a console in which no text is markup."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)
