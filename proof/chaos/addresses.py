"""Where the servers of a stack really are, and the same addresses with a proxy in between."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import make_url

from app.local.environment import HOST, simulated

SERVERS = ("database", "redis", "exchange")


@dataclass(frozen=True, slots=True)
class Place:
    """A unix socket, or a port of this machine."""

    path: str | None = None
    port: int = 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection. Raises OSError."""
        if self.path is not None:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(HOST, self.port)


def places(environment: Mapping[str, str]) -> dict[str, Place]:
    """Return where a stack with embedded servers has them, by what its processes are told."""
    folder = make_url(environment["DATABASE_URL"]).query["host"]
    return {
        "database": Place(f"{folder}/.s.PGSQL.5432"),
        "redis": Place(unquote(urlsplit(environment["REDIS_URL"]).path)),
        "exchange": Place(port=int(environment["EXCHANGE_PORT"])),
    }


def behind(environment: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """Return the environment of a process that reaches its servers through the proxy's ports."""
    url = make_url(environment["DATABASE_URL"])
    through = url.set(host=HOST, port=ports["database"], query={})
    speed = float(environment["MARKET_SPEED"])
    return {
        **environment,
        **simulated(ports["exchange"], speed),
        "DATABASE_URL": through.render_as_string(hide_password=False),
        "REDIS_URL": f"redis://{HOST}:{ports['redis']}",
    }
