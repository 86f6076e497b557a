"""What callers may ask, what reasons are in words, and where the API may listen."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.api.questions import OrderQuestion, VerdictQuestion, moment
from app.api.server import refuse_exposure
from app.api.words import WORDS, in_words
from app.config import Api, ConfigError, Secret
from app.engine.verdicts import Reason


@given(
    st.integers(0, 97 * 365 * 24 * 3600),
    st.integers(-23 * 60, 23 * 60),
    st.booleans(),
)
def test_a_moment_with_a_zone_is_read_exactly(seconds: int, minutes: int, bare: bool) -> None:
    at = datetime(2001, 1, 2, tzinfo=UTC) + timedelta(seconds=seconds)
    spelt = at.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert moment(spelt.replace("+", " ") if bare else spelt) == at


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-03-20",
        "2026-03-20T14:31:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1774016000",
        "2026-03-20T14:31:00Z\0",
        "NaN",
    ],
)
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        moment(text)


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "9" * 400, "1e3", "NaN", "", "1;--"])
def test_limits_are_bounded(limit: str) -> None:
    with pytest.raises(ValidationError):
        OrderQuestion.model_validate({"limit": limit})


@pytest.mark.parametrize(
    "symbol", ["", "sqqq", "A" * 13, "A\0", "A\n", "' OR 1=1", "ＡＡＰＬ", "%"]
)
def test_symbols_are_short_and_plain(symbol: str) -> None:
    for question in (OrderQuestion, VerdictQuestion):
        with pytest.raises(ValidationError):
            question.model_validate({"symbol": symbol})


def test_a_misspelt_parameter_is_refused() -> None:
    with pytest.raises(ValidationError):
        OrderQuestion.model_validate({"simbol": "SQQQ"})


def test_every_reason_is_said_in_words() -> None:
    assert set(WORDS) == set(Reason)
    assert len(set(WORDS.values())) == len(WORDS)
    assert in_words("stale_price") == WORDS[Reason.STALE_PRICE]


def test_a_reason_of_another_version_is_said_in_its_own_words() -> None:
    assert in_words("moon_in_the_way") == "moon in the way"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.9", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    refuse_exposure(Api(host, 8000, None))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.nip.io"]
)
def test_any_other_address_needs_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match="Set API_TOKEN") as refused:
        refuse_exposure(Api(host, 8000, None))
    assert len(str(refused.value).splitlines()) == 1
    refuse_exposure(Api(host, 8000, Secret("a-token-of-the-test")))
