"""Settings changed on a running book: what may be, what is refused, and what comes of it."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config import ConfigError, Settings, fingerprint, load
from app.config.book_names import NUMBERS
from app.config.changes import in_force

NO_FILE = Path("/nonexistent/.env")
BOOK = "us_baskets"
SETTINGS = load({"API_TOKEN": "s3cret-t0ken", "MAX_POSITIONS": "3"}, NO_FILE)


def problems(changes: dict[str, str], settings: Settings = SETTINGS, book: str = BOOK) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        in_force(settings, book, changes)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def two_books(tmp_path: Path) -> Settings:
    preset = (Path(__file__).parents[2] / "books" / "us_baskets.toml").read_text()
    (tmp_path / f"{BOOK}.toml").write_text(preset)
    own = preset.replace('broker = "alpaca"', 'broker = "paper"')
    (tmp_path / "second.toml").write_text(own)
    return load({"METRONOME_BOOKS": "us_baskets,second"}, NO_FILE, tmp_path)


def test_no_change_is_what_the_process_was_started_with() -> None:
    made = in_force(SETTINGS, BOOK, {})
    assert made.book == SETTINGS.book(BOOK)
    assert made.fingerprint == fingerprint(SETTINGS)
    assert (made.values["MAX_POSITIONS"], made.values["TRADING_MODE"]) == ("3", "PAPER")
    assert made.changes == {}


def test_a_change_is_as_if_the_process_had_been_told_it() -> None:
    made = in_force(SETTINGS, BOOK, {"CUTOFF_DELTA": " -0.03 ", "QUOTE_RESERVE_FALLBACK": "0"})
    told = load(
        {"MAX_POSITIONS": "3", "CUTOFF_DELTA": "-0.03", "QUOTE_RESERVE_FALLBACK": "0"}, NO_FILE
    )
    assert made.book == told.book(BOOK)
    assert made.book.rate_limits["quotes.reserve"].capacity == 0
    assert made.fingerprint == fingerprint(told) != fingerprint(SETTINGS)
    assert made.changes == {"CUTOFF_DELTA": "-0.03", "QUOTE_RESERVE_FALLBACK": "0"}
    assert made.values["CUTOFF_DELTA"] == "-0.03"


def test_no_secret_and_no_address_is_among_the_values() -> None:
    values = in_force(SETTINGS, BOOK, {}).values
    assert "s3cret" not in str(values)
    numbers = {name.name for name in NUMBERS}
    assert set(values) >= numbers
    others = {name for name in set(values) - numbers if not name.startswith(f"{BOOK}.")}
    assert others == {"TRADING_MODE", "AUTO_MODE", "TEST_MODE_ENABLED", "ALPACA_FEED"}


@pytest.mark.parametrize(
    "given", ["RTH_DAILY_CAP", "caps.total", "us_baskets.caps.total"], ids=["flat", "path", "label"]
)
def test_a_number_has_three_spellings_and_one_name(given: str) -> None:
    made = in_force(SETTINGS, BOOK, {given: "50"})
    assert made.changes == {"RTH_DAILY_CAP": "50"}
    assert made.book.caps.total == 50


def test_another_books_number_is_named_by_its_path(two_books: Settings) -> None:
    made = in_force(two_books, "second", {"second.risk.max_positions": "2"})
    assert made.book.risk.max_positions == 2
    assert made.values["second.risk.max_positions"] == "2"
    assert in_force(two_books, BOOK, {}).book.risk.max_positions == 4
    assert in_force(two_books, "second", {"MAX_POSITIONS": "2"}).book == made.book
    refused = problems({"us_baskets.risk.max_positions": "2"}, two_books, "second")
    assert "not a setting of a book" in refused[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"API_TOKEN": "anything-else"}, "API_TOKEN: read when processes start"),
        ({"TRADING_MODE": "REAL"}, "TRADING_MODE: read when processes start"),
        ({"AUTO_MODE": "0"}, "AUTO_MODE: read when processes start"),
        ({"QUOTES_EVERY_SECONDS": "60"}, "QUOTES_EVERY_SECONDS: read when processes start"),
        ({"broker": "paper"}, "broker: read when processes start"),
        ({"CUTOF_DELTA": "0"}, "Did you mean CUTOFF_DELTA?"),
        ({"CUTOFF_DELTA": "nan"}, "CUTOFF_DELTA: 'nan'; accepted: a number from -1 to 1"),
        ({"CUTOFF_DELTA": ""}, "CUTOFF_DELTA: ''; accepted"),
        ({"CUTOFF_DELTA": "-0.12"}, "cutoffs above 0 and below 1"),
        ({"RTH_CUTOFF": "0.13"}, "MIXER_THRESHOLD, RTH_CUTOFF"),
        ({"LLM_MODEL": "gpt-5"}, "'gpt-5' has no price among gpt-5-mini; accepted: a model of"),
        ({"LLM_CACHE_SECONDS": "600"}, "kept for 600 s, asked about for 900 s"),
        ({"TIER_A_TICKERS": "NVDA,AMZN"}, "AMZN is in two tiers"),
        ({"MAX_POSITIONS": "2", "risk.max_positions": "2"}, "named twice"),
    ],
)
def test_what_may_not_be_changed_is_named(changes: dict[str, str], said: str) -> None:
    [line] = [line for line in problems(changes) if said in line]
    assert "\n" not in line


def test_every_wrong_change_is_named_at_once() -> None:
    assert len(problems({"API_TOKEN": "x", "NO_SUCH": "1", "MAX_POSITIONS": "0"})) == 3


@given(
    name=st.sampled_from([name.name for name in NUMBERS]),
    text=st.one_of(st.text(max_size=30), st.floats().map(str), st.integers().map(str)),
)
def test_whatever_is_given_is_a_book_or_a_named_problem(name: str, text: str) -> None:
    made = None
    with suppress(ConfigError):
        made = in_force(SETTINGS, BOOK, {name: text})
    assert made is None or made.values[name] == text.strip()
