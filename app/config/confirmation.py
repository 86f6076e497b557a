"""The operator's --confirm-real-trading: handed on to one's own children, and never by a file."""

import os
from collections.abc import MutableMapping

#: Its value is the process that was asked; nobody but that process and its children believe it, so
#: that it means nothing in a profile, an environment file or a shell that is used again.
CONFIRMED_BY = "REAL_TRADING_CONFIRMED_BY"


def confirm(environ: MutableMapping[str, str] = os.environ) -> None:
    """Note that this process was told --confirm-real-trading and has counted down."""
    environ[CONFIRMED_BY] = str(os.getpid())


def confirmed(environ: MutableMapping[str, str] = os.environ) -> bool:
    """Say whether this process, or the one that started it, was told so."""
    return environ.get(CONFIRMED_BY, "") in (str(os.getpid()), str(os.getppid()))
