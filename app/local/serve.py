"""Become an embedded server: ``python -m app.local.serve postgres|redis``, as the Procfile does."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from app.engine.errors import InvalidData
from app.local.account import server_account
from app.local.folder import DEFAULT, state_folder
from app.local.postgres import Cluster
from app.local.valkey import Cache


def main() -> None:
    """Prepare the data, then turn into the server; a mistake is one line."""
    folder = state_folder(Path(os.environ.get("METRONOME_STATE") or DEFAULT), server_account())
    servers: dict[str, Callable[[], NoReturn]] = {
        "postgres": Cluster(folder, os.environ.get("EMBEDDED_POSTGRES")).become,
        "redis": Cache(folder).become,
    }
    try:
        folder.prepare()
        servers[sys.argv[1]]()
    except InvalidData as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
