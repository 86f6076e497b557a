"""The URLs that Celery, redis-py and SQLAlchemy are given."""

from pathlib import Path

import pytest

from app.config import ConfigError, load

NO_FILE = Path("/nonexistent/.env")


@pytest.mark.parametrize(
    ("told", "broker", "app"),
    [
        ("redis://h:6379", "redis://h:6379/0", "redis://h:6379/1"),
        ("redis://h:6379/", "redis://h:6379/0", "redis://h:6379/1"),
        ("redis://u:p%2F0@h/0", "redis://u:p%2F0@h/0", "redis://u:p%2F0@h/1"),
        ("rediss://h", "rediss://h/0", "rediss://h/1"),
        (
            "unix:///run/r.sock",
            "redis+socket:///run/r.sock?virtual_host=0",
            "unix:///run/r.sock?db=1",
        ),
        (
            "unix:///run/r.sock?db=0",
            "redis+socket:///run/r.sock?virtual_host=0",
            "unix:///run/r.sock?db=1",
        ),
    ],
)
def test_celery_and_the_streams_have_a_database_each(told: str, broker: str, app: str) -> None:
    settings = load({"REDIS_URL": told}, NO_FILE)
    assert settings.broker_url() == broker
    assert settings.app_redis_url() == app


@pytest.mark.parametrize(
    "told", ["h:6379", "redis://", "redis://h/3", "unix://", "unix:///s?db=2", "redis://h:port"]
)
def test_what_is_no_such_url_is_refused(told: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL"):
        load({"REDIS_URL": told}, NO_FILE)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_sqlalchemy_is_told_its_driver(scheme: str) -> None:
    settings = load({"DATABASE_URL": f"{scheme}://u:p@/d?host=/run/pg"}, NO_FILE)
    assert settings.store_url() == "postgresql+psycopg2://u:p@/d?host=/run/pg"


def test_another_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        load({"DATABASE_URL": "mysql://h/d"}, NO_FILE)


def test_a_server_that_is_needed_and_not_set_is_named() -> None:
    settings = load({}, NO_FILE)
    for name, needed in (
        ("DATABASE_URL", settings.store_url),
        ("REDIS_URL", settings.broker_url),
        ("REDIS_URL", settings.app_redis_url),
    ):
        with pytest.raises(ConfigError, match=rf"^{name}: not set.*metronome up"):
            needed()


@pytest.mark.parametrize("told", ["2,5,15,60", "0.5", "1, 1"])
def test_delays(told: str) -> None:
    delays = load({"RESOLVE_DELAYS_SECONDS": told}, NO_FILE).resolve_delays_s
    assert delays == tuple(float(word) for word in told.split(","))


@pytest.mark.parametrize("told", ["0", "5,2", "2,", "-1,2", "nan", "2,5000"])
def test_delays_that_are_none(told: str) -> None:
    with pytest.raises(ConfigError, match="RESOLVE_DELAYS_SECONDS"):
        load({"RESOLVE_DELAYS_SECONDS": told}, NO_FILE)
