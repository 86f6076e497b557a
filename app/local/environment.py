"""What the processes are told, by environment only: addresses, ports, keys of the simulation."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from app.config import dotenv
from app.config.errors import ConfigError
from app.engine.errors import InvalidData

HOST = "127.0.0.1"
API_PORT = 8000
PORTS_TO_TRY = 100
OURS = ("DATABASE_URL", "REDIS_URL", "API_HOST", "API_PORT", "METRONOME_STATE")


def set_for_us(file: Path = Path(".env")) -> dict[str, str]:
    """Return what .env and, over it, our environment say to the supervisor itself.

    No other name is taken from the file: TRADING_MODE=REAL, say, must not reach the processes'
    environment because it stands in the file.
    """
    entries, problems = dotenv.read(file)
    if problems:
        raise ConfigError(problems)
    said = {name: entry.value for name, entry in entries.items()} | dict(os.environ)
    return {name: said[name] for name in OURS if said.get(name)}


def merged(given: Mapping[str, str]) -> dict[str, str]:
    """Return our own environment with ``given`` over it, and our programs first on PATH."""
    environment = {**os.environ, **given}
    programs = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([programs, environment.get("PATH", os.defpath)])
    environment["PYTHONUNBUFFERED"] = "1"
    # Celery's warm shutdown waits for a task's end; the soft one puts it back and goes.
    environment["REMAP_SIGTERM"] = "SIGQUIT"
    return environment


def simulated(port: int, speed: float) -> dict[str, str]:
    """Return what makes the simulated exchange the broker and its market the market."""
    address = f"{HOST}:{port}"
    return {
        "EXCHANGE_PORT": str(port),
        "ALPACA_TRADING_URL": f"http://{address}",
        "ALPACA_DATA_URL": f"http://{address}",
        "ALPACA_STREAM_URL": f"ws://{address}/stream",
        "ALPACA_DATA_STREAM_URL": f"ws://{address}/v2/iex",
        "ALPHAVANTAGE_URL": f"http://{address}",
        "ALPHAVANTAGE_API_KEY": "sim",
        "EDGAR_URL": f"http://{address}",
        "EDGAR_USER_AGENT": "Simulated World world@example.com",
        "OPENAI_BASE_URL": f"http://{address}/v1",
        "OPENAI_API_KEY": "sim",
        "ALPACA_API_KEY": "sim",
        "ALPACA_SECRET_KEY": "sim",
        "MARKET_SPEED": f"{speed:g}",
        # Whatever else is set: what a simulated exchange trades is never real.
        "TRADING_MODE": "PAPER",
    }


def api_port(environment: Mapping[str, str], is_free: Callable[[int], bool]) -> int:
    """Return the API's port: the one that was set, else the first free one from the default on."""
    said = environment.get("API_PORT")
    if not said:
        for port in range(API_PORT, API_PORT + PORTS_TO_TRY):
            if is_free(port):
                return port
        raise InvalidData(
            f"No port is free from {API_PORT} to {API_PORT + PORTS_TO_TRY - 1}: "
            "set API_PORT to one that is."
        )
    if not said.isdecimal() or int(said) > 65535:
        raise InvalidData(f"API_PORT: {said!r}; accepted: a number from 0 to 65535.")
    if int(said) == 0:
        return any_free_port()
    if not is_free(int(said)):
        raise InvalidData(
            f"API_PORT: port {said} is taken by another program; stop it, set another port, "
            "or leave API_PORT out and a free one is chosen."
        )
    return int(said)


def port_is_free(port: int, host: str = HOST) -> bool:
    """Say whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def without_password(url: str) -> str:
    """Return a URL with its password, if any, replaced by stars."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return "an address that cannot be read"
    return url if not password else url.replace(f":{password}@", ":***@", 1)
