"""Where a running stack's own database is, for commands that only look at it."""

from pathlib import Path

from app.engine.errors import InvalidData
from app.local.account import server_account
from app.local.environment import without_password
from app.local.folder import state_folder
from app.local.postgres import Cluster
from app.local.status import read_status


def running_database(path: Path) -> str:
    """Return the URL, password included, of the embedded database that runs on ``path``.

    Raises InvalidData where nothing runs there, or where the stack was given another database.
    """
    folder = state_folder(path, server_account())
    status = read_status(folder.path)
    if status["supervisor"] is None:
        raise InvalidData(
            f"Nothing runs on {folder.path}: `metronome up` starts it, METRONOME_STATE chooses "
            "another folder, DATABASE_URL names a database."
        )
    url = Cluster(folder).url()
    if status["urls"].get("database") != without_password(url):
        raise InvalidData(
            f"The stack on {folder.path} was given its database: set DATABASE_URL to the same."
        )
    return url
