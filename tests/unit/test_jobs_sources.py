"""A source is wired where the settings have its key or its name, and only there."""

from pathlib import Path

import pytest

from app.config.loading import load
from app.config.settings import Settings
from app.jobs.sources import event_sources

KEYS = {"ALPACA_API_KEY": "PKxxxx", "ALPACA_SECRET_KEY": "the-secret"}
NEWS = ["alphavantage.fed", "alphavantage.earnings", "alphavantage.market"]


def settings(**values: str) -> Settings:
    return load(values, Path("/nowhere/.env"))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, []),
        (KEYS, ["alpaca"]),
        ({"ALPHAVANTAGE_API_KEY": "a-key-of-ours"}, NEWS),
        ({"EDGAR_USER_AGENT": "Jane Doe jane@example.com"}, ["edgar"]),
        (
            KEYS
            | {"ALPHAVANTAGE_API_KEY": "a-key", "EDGAR_USER_AGENT": "Jane Doe jane@example.com"},
            [*NEWS, "alpaca", "edgar"],
        ),
    ],
)
def test_what_has_no_key_is_not_asked(values: dict[str, str], names: list[str]) -> None:
    told = settings(**values)
    [book] = told.books
    made = event_sources(told)
    assert list(made) == names
    assert {source.bucket for source in made.values()} <= set(book.rate_limits)
    assert "a-key" not in repr(made)
