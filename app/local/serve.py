"""Become an embedded server: ``python -m app.local.serve postgres|redis``, as the Procfile does."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from app.engine.errors import AppError
from app.local.account import server_account
from app.local.control import state_path
from app.local.folder import state_folder
from app.local.postgres import Cluster
from app.local.valkey import Cache


def main() -> None:
    """Prepare the data, then turn into the server; a mistake is one line."""
    folder = state_folder(state_path(), server_account())
    servers: dict[str, Callable[[], NoReturn]] = {
        "postgres": Cluster(folder, os.environ.get("EMBEDDED_POSTGRES")).become,
        "redis": Cache(folder).become,
    }
    try:
        folder.prepare()
        servers[sys.argv[1]]()
    except AppError as error:
        sys.exit(f"{error}")
    except OSError as error:
        sys.exit(f"{error.filename or 'system'}: {error.strerror}")


if __name__ == "__main__":
    main()
