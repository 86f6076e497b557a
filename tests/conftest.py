"""Servers of our own for the tests: PostgreSQL and Valkey in a private temporary folder."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from hypothesis import HealthCheck, settings

from app.io.store.migrate import migrate
from app.local.postgres import libpq_url
from app.local.servers import Servers

TEMPLATE = "template_metronome"

# No test fails because a machine is slow.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Both servers, started once; nothing of them is left at the end."""
    with tempfile.TemporaryDirectory(prefix="metronome-test-") as place:
        # PostgreSQL's own account has to walk through when the tests run as root.
        Path(place).chmod(0o711)
        started = Servers(Path(place) / "state")
        try:
            with started:
                yield started
        finally:
            started.folder.remove()


def _execute(servers: Servers, statement: str) -> None:
    connection = psycopg2.connect(libpq_url(servers.cluster.url("postgres")))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.fixture(scope="session")
def _template(servers: Servers) -> str:
    """A migrated database from which each test's own is copied."""
    _execute(servers, f"CREATE DATABASE {TEMPLATE}")
    migrate(servers.cluster.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(servers: Servers, _template: str) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh, migrated database that only this test uses."""
    name = f"test_{os.getpid()}"
    _execute(servers, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _execute(servers, f"CREATE DATABASE {name} TEMPLATE {_template}")
    yield servers.cluster.url(name)
    _execute(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The redis-py URL of database 0; every database is empty."""
    client = redis.Redis.from_url(servers.redis_url)
    client.flushall()
    client.close()
    return f"{servers.redis_url}?db=0"
