"""The servers of a state folder, for commands: those that run, or a database started for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.engine.errors import InvalidData
from app.local.account import server_account
from app.local.environment import without_password
from app.local.folder import state_folder
from app.local.postgres import Cluster
from app.local.servers import Servers
from app.local.status import read_status


@contextmanager
def open_database(path: Path) -> Iterator[str]:
    """Yield the URL, password included, of the embedded database of ``path`` or of its demo.

    What runs comes first; a database that was stopped is started for the length of the block.
    Raises InvalidData where there is none, or where the running stack was given another one.
    """
    places = (path, path / "demo")
    for place in places:
        if (url := _running(place)) is not None:
            yield url
            return
    for place in places:
        if (state_folder(place, server_account()).postgres / "data" / "PG_VERSION").exists():
            with Servers(place) as servers:
                yield servers.database_url
            return
    raise InvalidData(
        f"There is no database in {path}: `metronome up` makes one, METRONOME_STATE chooses "
        "another folder, DATABASE_URL names a database."
    )


@contextmanager
def open_servers(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the URLs of the embedded database and Redis of ``path`` or of its demo.

    As ``open_database``; both are started where nothing runs.
    """
    for place in (path, path / "demo"):
        url, redis = _running(place), running_redis(place)
        if url is not None and redis is not None:
            yield url, redis
            return
    for place in (path, path / "demo"):
        if (state_folder(place, server_account()).postgres / "data" / "PG_VERSION").exists():
            with Servers(place) as servers:
                yield servers.database_url, servers.redis_url
            return
    with open_database(path) as url:
        raise InvalidData(f"no Redis beside {without_password(url)}: set REDIS_URL")


def running_redis(path: Path) -> str | None:
    """Return the URL of the Redis of what runs on ``path`` or on its demo; None without one."""
    for place in (path, path / "demo"):
        urls = read_status(state_folder(place, server_account()).path)["urls"]
        if url := urls.get("redis"):
            return str(url)
    return None


def _running(path: Path) -> str | None:
    folder = state_folder(path, server_account())
    status = read_status(folder.path)
    if status["supervisor"] is None:
        return None
    url = Cluster(folder).url()
    if status["urls"].get("database") != without_password(url):
        raise InvalidData(
            f"The stack on {folder.path} was given its database: set DATABASE_URL to the same."
        )
    return url
