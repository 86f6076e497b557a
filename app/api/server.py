"""Serving: on loopback unless there is a token, and one clear line where the port is taken."""

import errno
import socket
from ipaddress import ip_address

import structlog
import uvicorn

from app.api.root import create_app
from app.config import Api, ConfigError, Problem, Settings
from app.engine.errors import InvalidData
from app.io.logging import configure
from app.io.store.database import Database

SHUTDOWN_S = 3


def serve(settings: Settings) -> None:
    """Answer requests until a signal comes. Raises ConfigError and InvalidData as ``listen``."""
    configure(settings.log_level, settings.secrets())
    app = create_app(settings, Database(settings.store_url(), "metronome-api"))
    with listen(settings.api) as listener:
        host, port = listener.getsockname()[:2]
        structlog.get_logger("metronome").info("api_listens", host=host, port=port)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


def listen(api: Api) -> socket.socket:
    """Return the listening socket.

    Raises ConfigError for an address other than loopback without a token, and InvalidData where the
    address cannot be used.
    """
    refuse_exposure(api)
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    try:
        return socket.create_server((api.host, api.port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InvalidData(
                f"API_PORT: port {api.port} of {api.host} is taken by another program; "
                "stop it or set another port"
            ) from error
        raise InvalidData(
            f"API_HOST, API_PORT: cannot listen on {api.host} port {api.port} "
            f"({error.strerror or error})"
        ) from error


def refuse_exposure(api: Api) -> None:
    """Raise ConfigError unless only this machine can reach the API, or a token protects it."""
    if api.token is None and not _is_loopback(api.host):
        accepted = "127.0.0.1 or ::1 while API_TOKEN is not set"
        raise ConfigError([Problem("API_HOST", repr(api.host), accepted, "Set API_TOKEN")])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
