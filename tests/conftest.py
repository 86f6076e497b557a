"""Servers of our own for the tests: PostgreSQL and Valkey in a private temporary folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from kept_database import Kept

from app.local.servers import Servers
from proof.databases import make_template

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


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """A migrated database from which others are copied."""
    return make_template(servers)


@pytest.fixture(scope="session")
def _kept(servers: Servers, template: str) -> Kept:
    return Kept(servers)


@pytest.fixture
def database_url(_kept: Kept) -> Iterator[str]:
    """The SQLAlchemy URL of an empty, migrated database that nobody else uses meanwhile."""
    yield _kept.url
    _kept.clear()


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The redis-py URL of database 0; every database is empty."""
    client = redis.Redis.from_url(servers.redis_url)
    client.flushall()
    client.close()
    return f"{servers.redis_url}?db=0"
