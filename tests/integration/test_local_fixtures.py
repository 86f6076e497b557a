"""The fixtures every integration test stands on."""

import psycopg2
import pytest
import redis

from app.local.postgres import libpq_url


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_database_of_its_own(database_url: str, turn: int) -> None:
    connection = psycopg2.connect(libpq_url(database_url))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE once (turn int)")
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)
        cursor.execute("SHOW data_checksums")
        assert cursor.fetchone() == ("on",)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_redis(redis_url: str, turn: int) -> None:
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("turn", turn)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    client.close()
