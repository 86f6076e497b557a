"""A stage for the simulation, on the servers that the tests have anyway."""

import os
from collections.abc import Iterator

import pytest

from app.local.servers import Servers
from proof.databases import copy
from proof.sim.play import stage_on
from proof.sim.stage import Stage


@pytest.fixture(scope="session")
def stage(servers: Servers, template: str) -> Iterator[Stage]:
    """One stage for all seeds that this process plays."""
    url = copy(servers.cluster.url("postgres"), f"simulation_{os.getpid()}")
    with stage_on(url, f"{servers.redis_url}?db=9") as made:
        yield made
