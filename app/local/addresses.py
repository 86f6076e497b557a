"""Where everything is reached: given by URL and checked, or ours and chosen."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.local.environment import (
    HOST,
    any_free_port,
    api_port,
    port_is_free,
    simulated,
    without_password,
)
from app.local.external import check_postgres, check_redis
from app.local.postgres import Cluster
from app.local.valkey import Cache

PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """The environment of every process, from which the addresses are read."""

    environment: Mapping[str, str]
    names: Mapping[str, str]

    def urls(self) -> dict[str, str]:
        """Return name → URL, passwords included."""
        return {name: self.environment[key] for name, key in self.names.items()}

    def shown(self) -> dict[str, str]:
        """Return name → URL as it may be printed."""
        return {name: without_password(url) for name, url in self.urls().items()}


def resolve(
    commands: Mapping[str, str],
    environment: Mapping[str, str],
    cluster: Cluster,
    cache: Cache,
    speed: float | None,
) -> Addresses:
    """Check what was given, choose the rest. ``speed`` is None unless simulated."""
    told = {**environment, "METRONOME_STATE": str(cluster.folder.path)}
    names = {"database": "DATABASE_URL", "redis": "REDIS_URL"}
    if told.get("DATABASE_URL"):
        check_postgres(told["DATABASE_URL"])
    else:
        told["DATABASE_URL"] = cluster.url()
    if told.get("REDIS_URL"):
        check_redis(told["REDIS_URL"])
    else:
        told["REDIS_URL"] = cache.url()
    if speed is not None:
        told.update(simulated(any_free_port(), speed))
        names["exchange"] = "ALPACA_TRADING_URL"
    if "api" in commands:
        host = told.get("API_HOST") or HOST
        told["API_PORT"] = str(api_port(told, lambda port: port_is_free(port, host)))
        told["API_URL"] = f"http://{host}:{told['API_PORT']}"
        names["api"] = "API_URL"
    return Addresses(told, names)


def exchange_answers(url: str) -> bool:
    """Say whether the simulated exchange tells the time."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    keys = {"APCA-API-KEY-ID": "sim", "APCA-API-SECRET-KEY": "sim"}
    try:
        connection.request("GET", "/v2/clock", headers=keys)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
