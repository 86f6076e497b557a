"""Where a stack keeps its truth: all that a command which takes leave away needs of the settings.

The switch has to work where the settings do not: a shell without TRADING_MODE, a number that
somebody is just editing. What is read here is read by the same rules; all else may be wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.config import dotenv
from app.config.errors import ConfigError, Problem
from app.config.names import PROCESS

#: What has to be right: another database would be another stack.
NEEDED = ("DATABASE_URL", "METRONOME_STATE")
#: Only wakes the worker, which looks by itself too.
_WAKES = "REDIS_URL"
_NAMES = {name.name: name for name in PROCESS if name.name in (*NEEDED, _WAKES)}


@dataclass(frozen=True, slots=True)
class Reach:
    """The URLs as they are set, None where embedded servers of the state folder serve."""

    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    state: Path


def reach(environ: Mapping[str, str], env_file: Path = Path(".env")) -> Reach:
    """Return how to reach a stack. Raises ConfigError where what is needed for that is wrong."""
    entries, problems = dotenv.read(env_file)
    needed = [name for name in NEEDED if not environ.get(name, "").strip()]
    unknown = [p for p in problems if {p.name, p.about} & set(needed)]
    if needed and not entries:  # a file that cannot be read may name the database
        unknown += [p for p in problems if p.name == str(env_file)]
    values: dict[str, Any] = {}
    for name in _NAMES.values():
        entry = entries.get(name.name)
        text = environ.get(name.name, "").strip() or (entry.value if entry else "") or name.default
        try:
            values[name.name] = name.kind.parse(text) if text else None
        except ValueError:
            values[name.name] = None
            if name.name in NEEDED:
                shown = "****" if name.secret else repr(text)
                unknown.append(Problem(name.name, shown, name.kind.accepted))
    if unknown:
        raise ConfigError(unknown)
    return Reach(values["DATABASE_URL"], values["REDIS_URL"], values["METRONOME_STATE"])
