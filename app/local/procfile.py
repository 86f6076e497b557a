"""The one list of processes: read the Procfile, and order it by what must answer first."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from honcho.environ import parse_procfile

from app.engine.errors import InvalidData

PROCFILE = Path(__file__).parents[2] / "Procfile"
SERVERS = ("postgres", "redis")
STAGES = (SERVERS, ("exchange",))
"""Each stage answers before the next is started; whatever is not named comes last."""


def read_procfile(path: Path = PROCFILE) -> dict[str, str]:
    """Return name → command in the order of the file."""
    try:
        text = path.read_text()
    except OSError as error:
        raise InvalidData(f"{path} cannot be read: {error.strerror}.") from error
    try:
        commands = dict(parse_procfile(text).processes)
    except AssertionError as error:
        raise InvalidData(f"{path}: two processes bear one name.") from error
    if not commands:
        raise InvalidData(f"{path} names no process; a line reads 'name: command'.")
    return commands


def wanted(
    commands: Mapping[str, str], environment: Mapping[str, str], *, sim: bool
) -> dict[str, str]:
    """Leave out servers that were given by URL, and the exchange unless simulated."""
    given = {
        "postgres": bool(environment.get("DATABASE_URL")),
        "redis": bool(environment.get("REDIS_URL")),
        "exchange": not sim,
    }
    return {name: command for name, command in commands.items() if not given.get(name)}


def stages(names: Iterable[str]) -> list[list[str]]:
    """Return the names in the order of starting, stage by stage, without empty stages."""
    left = list(names)
    ordered = []
    for stage in STAGES:
        ordered.append([name for name in stage if name in left])
        left = [name for name in left if name not in stage]
    return [stage for stage in [*ordered, left] if stage]
