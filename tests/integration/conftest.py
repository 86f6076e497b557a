"""The store over a real PostgreSQL, for one test."""

from collections.abc import Iterator

import pytest

from app.io.store.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url, "test")
    yield opened
    opened.dispose()
