"""What regressions are proved on: a book over real servers, and the processes themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from jobs_processes import Stage, exchange, stage, the_book
from pipeline_world import World, world_of

from app.config.fingerprint import fingerprint
from app.config.loading import load
from app.io.clock import wall
from app.io.store import book_states
from app.io.store.database import Database


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path, stops=True) as made:
        made.open()
        yield made


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with exchange(tmp_path_factory.mktemp("exchange"), 1.0) as settings:
        yield settings


@pytest.fixture
def workers(
    tmp_path: Path, database_url: str, redis_url: str, broker: dict[str, str]
) -> Iterator[Stage]:
    """A stage for workers of a book that beat has begun."""
    database = Database(database_url, "test")
    settings = load({}, Path("/nowhere/.env"))
    with database.begin() as db:
        book_states.ensure(db, the_book(), fingerprint(settings), wall())
    database.dispose()
    with stage(tmp_path, (database_url, redis_url), broker) as made:
        yield made


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis[bytes]"]:
    with redis.Redis.from_url(redis_url) as made:
        yield made
