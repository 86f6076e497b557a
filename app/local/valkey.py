"""The embedded Valkey: its data, its arguments, its address."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import redis

from app.local.binaries import find_valkey
from app.local.folder import StateFolder
from app.local.leftovers import stop_leftovers

SOCKET = "redis.sock"
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}


@dataclass(frozen=True, slots=True)
class Cache:
    """One Valkey of a state folder."""

    folder: StateFolder

    @property
    def data(self) -> Path:
        return self.folder.redis / "data"

    def _sockets(self) -> Path:
        return self.folder.sockets(self.folder.redis, SOCKET)

    def url(self) -> str:
        """Return the redis-py URL; it names no database."""
        return f"unix://{quote(str(self._sockets() / SOCKET))}"

    def prepare(self) -> list[str]:
        """Clear what a kill left; return the arguments."""
        program = find_valkey()
        stop_leftovers(self.data, signal.SIGTERM)
        socket = self._sockets() / SOCKET
        socket.unlink(missing_ok=True)
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        return [str(program), "--dir", str(self.data), "--unixsocket", str(socket), *settings]

    def become(self) -> NoReturn:
        """Turn this process into the server."""
        argv = self.prepare()
        os.chdir(self.data)
        os.execve(argv[0], argv, {"PATH": os.defpath})

    def ready(self) -> bool:
        """Say whether it answers and has read its data."""
        client = redis.Redis.from_url(self.url(), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
