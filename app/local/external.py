"""Servers given by URL: reachable and new enough, or one line that says what to do."""

from urllib.parse import urlsplit

import psycopg2
import redis

from app.engine.errors import InvalidData
from app.io.store.migrate import check_version
from app.local.environment import without_password
from app.local.postgres import libpq_url

OLDEST_REDIS = (7, 0)
"""Since 7.0 XAUTOCLAIM tells which entries were deleted, which is how lost data are noticed."""
PATIENCE_S = 5


def check_postgres(url: str) -> None:
    """Raise InvalidData unless PostgreSQL answers at ``url`` and is new enough."""
    shown = without_password(url)
    try:
        connection = psycopg2.connect(libpq_url(url), connect_timeout=PATIENCE_S)
    except (psycopg2.Error, ValueError) as error:
        raise InvalidData(
            f"DATABASE_URL: no PostgreSQL answers at {shown} ({_reason(error, url)}). "
            "Start it or correct the address, or leave DATABASE_URL out for the embedded one."
        ) from None
    version = connection.server_version
    connection.close()
    check_version(version)


def check_redis(url: str) -> None:
    """Raise InvalidData unless Redis or Valkey answers at ``url`` and is new enough."""
    shown = without_password(url)
    try:
        # Protocol 2: the handshake of protocol 3 is a command that old servers do not know.
        client = redis.Redis.from_url(
            url, protocol=2, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        )
        try:
            version = str(client.info("server")["redis_version"])
        finally:
            client.close()
    except (redis.RedisError, ValueError) as error:
        raise InvalidData(
            f"REDIS_URL: no Redis answers at {shown} ({_reason(error, url)}). "
            "Start it or correct the address, or leave REDIS_URL out for the embedded one."
        ) from None
    refuse_old_redis(shown, version)


def refuse_old_redis(shown: str, version: str) -> None:
    """Raise InvalidData where ``version``, as Redis writes it, is too old."""
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise InvalidData(
            f"REDIS_URL: {shown} is Redis {version}, {OLDEST_REDIS[0]}.{OLDEST_REDIS[1]} or newer "
            "(or any Valkey) is needed. Upgrade it, or leave REDIS_URL out."
        )


def _reason(error: Exception, url: str) -> str:
    first = (str(error).strip().splitlines() or ["no answer"])[0]
    try:
        password = urlsplit(url).password
    except ValueError as unreadable:
        return str(unreadable)
    return first.replace(password, "***") if password else first
