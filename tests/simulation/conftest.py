"""A stage for the simulation, on the servers that the tests have anyway."""

import os
from collections.abc import Iterator

import psycopg2
import pytest

from app.local.postgres import libpq_url
from app.local.servers import Servers
from proof.sim.play import stage_on
from proof.sim.stage import Stage


@pytest.fixture(scope="session")
def stage(servers: Servers, _template: str) -> Iterator[Stage]:
    """One stage for all seeds that this process plays."""
    name = f"simulation_{os.getpid()}"
    connection = psycopg2.connect(libpq_url(servers.cluster.url("postgres")))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {_template}")
    connection.close()
    with stage_on(servers.cluster.url(name), f"{servers.redis_url}?db=9") as made:
        yield made
