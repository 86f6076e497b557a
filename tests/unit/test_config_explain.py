"""What people are told: masks, the table, and an .env.example that is complete both ways."""

import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from app.config import dotenv, explain, load
from app.config.book_names import BOOK
from app.config.loading import ACCEPTED
from app.config.settings import Setting

ROOT = Path(__file__).parents[2]
NO_FILE = Path("/nonexistent/.env")
KEY, SECRET, TOKEN = "PKABCDEFGHIJKLMNOPQR", "s3cret/+abcdefghijklmnop", "t0ken-123"
TOLD = {
    "ALPACA_API_KEY": KEY,
    "ALPACA_SECRET_KEY": SECRET,
    "API_TOKEN": TOKEN,
    "DATABASE_URL": "postgresql://me:h%40nter2@db.example:5433/metronome?sslmode=require",
    "REDIS_URL": "redis://:pa55word@cache.example:6379/0",
}


def test_secrets_are_in_nothing_that_is_printed() -> None:
    settings = load(TOLD, NO_FILE)
    printed = explain.table(settings) + json.dumps(explain.as_json(settings)) + repr(settings)
    printed += f"{settings.alpaca.key} {settings.alpaca.key:>9} {settings.api!r}"
    for secret in (KEY, SECRET, TOKEN, "h%40nter2", "h@nter2", "pa55word"):
        assert secret not in printed
    assert set(settings.secrets()) == {KEY, SECRET, TOKEN, "h%40nter2", "h@nter2", "pa55word"}


def test_of_a_long_secret_the_end_is_shown() -> None:
    lines = {line.name: line.value for line in explain.shown(load(TOLD, NO_FILE))}
    assert lines["ALPACA_API_KEY"] == "****OPQR"
    assert lines["API_TOKEN"] == "****"
    assert lines["DATABASE_URL"] == (
        "postgresql://me:****@db.example:5433/metronome?sslmode=require"
    )
    assert lines["REDIS_URL"] == "redis://:****@cache.example:6379/0"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@/d?host=/run/pg", "postgresql://me@/d?host=/run/pg"),
        ("postgresql://h/d?user=me&password=x", "postgresql://h/d?user=me&password=****"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_only_passwords_are_taken_out_of_urls(url: str, shown: str) -> None:
    assert explain.masked(Setting("DATABASE_URL", url, "environment", secret=True)) == shown


def test_every_value_is_shown_with_its_origin() -> None:
    settings = load({}, NO_FILE)
    lines = explain.shown(settings)
    in_file = {f"us_baskets.{name.path}" for name in BOOK if not name.name}
    assert {line.name for line in lines} == set(ACCEPTED) | in_file
    assert all(line.origin for line in lines)
    values = {line.name: (line.value, line.origin) for line in lines}
    assert values["TIER_A_TICKERS"] == ("NVDA,AAPL,MSFT,TSLA", "books/us_baskets.toml")
    assert values["ALPACA_TRADING_URL"] == (
        "https://paper-api.alpaca.markets",
        "from TRADING_MODE",
    )


def test_the_example_file_is_the_generated_one() -> None:
    assert (ROOT / ".env.example").read_text() == explain.example(), (
        "run: metronome config example > .env.example"
    )


def test_the_example_names_every_setting_once_and_nothing_else() -> None:
    text = (ROOT / ".env.example").read_text()
    named = re.findall(r"^#([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(named) == sorted(ACCEPTED)


def test_the_example_states_the_defaults(tmp_path: Path) -> None:
    uncommented = re.sub(r"^#(?=[A-Z_]+=)", "", (ROOT / ".env.example").read_text(), flags=re.M)
    entries, problems = dotenv.parse(uncommented)
    assert problems == []
    assert set(entries) == set(ACCEPTED)
    path = tmp_path / ".env"
    path.write_text(uncommented)
    told, untold = load({}, path), load({}, NO_FILE)
    for field in fields(untold):
        if field.name != "origins":
            assert getattr(told, field.name) == getattr(untold, field.name), field.name


def test_as_it_ships_the_example_changes_nothing() -> None:
    entries, problems = dotenv.read(ROOT / ".env.example")
    assert (entries, problems) == ({}, [])


def test_every_number_of_a_book_comes_from_a_name() -> None:
    """A field of the book's values that no setting reaches would be a number in the code."""
    (book,) = load({}, NO_FILE).books
    paths = {name.path.removesuffix("_seconds").removesuffix("_minutes") for name in BOOK}
    for section in fields(book):
        value = getattr(book, section.name)
        if is_dataclass(value):
            for field in fields(value):
                assert f"{section.name}.{field.name}" in paths


def test_the_state_folder_may_be_in_the_home() -> None:
    assert load({"METRONOME_STATE": "~/state"}, NO_FILE).state == Path.home() / "state"
