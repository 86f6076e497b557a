"""Where everything is reached: given by URL and checked, or ours and chosen."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.engine.errors import InvalidData
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
    """What every process is told, and name → URL of what can be reached, passwords included."""

    environment: Mapping[str, str]
    urls: Mapping[str, str]

    def shown(self) -> dict[str, str]:
        """Return name → URL as it may be printed."""
        return {name: without_password(url) for name, url in self.urls.items()}


def resolve(
    commands: Mapping[str, str],
    environment: Mapping[str, str],
    cluster: Cluster,
    cache: Cache,
    speed: float | None,
) -> Addresses:
    """Check what was given, choose the rest. ``speed`` is None unless simulated."""
    told = {**environment, "METRONOME_STATE": str(cluster.folder.path)}
    if told.get("DATABASE_URL"):
        check_postgres(told["DATABASE_URL"])
    else:
        told["DATABASE_URL"] = cluster.url()
    if told.get("REDIS_URL"):
        check_redis(told["REDIS_URL"])
    else:
        told["REDIS_URL"] = cache.url()
    urls = {"database": told["DATABASE_URL"], "redis": told["REDIS_URL"]}
    if speed is not None:
        told.update(simulated(any_free_port(), speed))
        urls["exchange"] = told["ALPACA_TRADING_URL"]
    if "api" in commands:
        host = told.get("API_HOST") or HOST
        if not port_is_free(0, host):
            raise InvalidData(
                f"API_HOST: {host} is no address of this machine; set one that is, or leave "
                f"API_HOST out for {HOST}."
            )
        told["API_PORT"] = str(api_port(told, lambda port: port_is_free(port, host)))
        urls["api"] = f"http://{host}:{told['API_PORT']}"
    return Addresses(told, urls)


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
