"""Loading: precedence, provenance, and every wrong setting at once."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.config import ConfigError, fingerprint, load
from app.config.explain import shown
from app.engine.book import Mode

NO_FILE = Path("/nonexistent/.env")


def env_file(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text)
    return path


def problems(environ: dict[str, str], file: Path = NO_FILE) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(environ, file)
    return [str(problem) for problem in caught.value.problems]


def test_nothing_told_is_the_preset_on_paper() -> None:
    settings = load({}, NO_FILE)
    (book,) = settings.books
    assert settings.mode is Mode.PAPER
    assert settings.auto
    assert settings.alpaca.trading_url == "https://paper-api.alpaca.markets"
    assert settings.alpaca.stream_url == "wss://paper-api.alpaca.markets/stream"
    assert book.signals.mixer_threshold == 0.12
    assert book.risk.risk_per_trade == Decimal("0.005")


def test_environment_before_file_before_preset(tmp_path: Path) -> None:
    file = env_file(tmp_path, "MAX_POSITIONS=3 # fewer\nSTOP_LOSS_PCT=0.02\n")
    settings = load({"MAX_POSITIONS": "2"}, file)
    risk = settings.books[0].risk
    assert (risk.max_positions, risk.stop_loss) == (2, Decimal("0.02"))
    assert risk.min_slots == 3
    origin = {line.name: line.origin for line in shown(settings)}
    assert origin["MAX_POSITIONS"] == "environment"
    assert origin["STOP_LOSS_PCT"] == ".env line 2"
    assert origin["MIN_SLOTS"] == "books/us_baskets.toml"
    assert origin["LOG_LEVEL"] == "default"
    assert origin["DATABASE_URL"] == "not set"


def test_an_empty_value_is_not_set(tmp_path: Path) -> None:
    settings = load({"MAX_POSITIONS": ""}, env_file(tmp_path, "MAX_POSITIONS=\nAPI_TOKEN=\n"))
    assert settings.books[0].risk.max_positions == 4
    assert settings.api.token is None


def test_an_inline_comment_neither_crashes_nor_corrupts(tmp_path: Path) -> None:
    file = env_file(tmp_path, "MIXER_THRESHOLD=0.12  # comment\nRTH_CUTOFF=0.12 # 'the same'\n")
    assert load({}, file).books[0].signals.mixer_threshold == 0.12


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    file = env_file(
        tmp_path,
        "API_PORT=http\nMIXER_TRESHOLD=0.12\nLOG_LEVEL=loud\nLOG_LEVEL=INFO\nnonsense\n",
    )
    said = problems({"MAX_POSITIONS": "four", "TIER_A_TICKERS": "nvda", "AUTO_MODE": "maybe"}, file)
    expected = [
        "LOG_LEVEL: set twice in .env, lines 3 and 4",
        ".env line 5: not understood",
        "MIXER_TRESHOLD: not a setting (.env line 2); accepted: the names in .env.example."
        " Did you mean MIXER_THRESHOLD?",
        "AUTO_MODE: 'maybe' (environment); accepted: 0 or 1",
        "API_PORT: 'http' (.env line 1); accepted: a whole number from 0 to 65535",
        "LOG_LEVEL: 'loud' (.env line 3); accepted: DEBUG or INFO",
        "TIER_A_TICKERS: 'nvda' (environment); accepted: tickers",
        "MAX_POSITIONS: 'four' (environment); accepted: a whole number from 1",
    ]
    assert len(said) == len(expected)
    for line, start in zip(said, expected, strict=True):
        assert line.startswith(start)


def test_what_is_overridden_must_be_right_too(tmp_path: Path) -> None:
    file = env_file(tmp_path, "API_PORT=x\n")
    assert problems({"API_PORT": "80"}, file) == [
        "API_PORT: 'x' (.env line 1); accepted: a whole number from 0 to 65535"
    ]


def test_other_peoples_variables_are_ignored() -> None:
    assert load({"PATH": "/bin", "AUTO_MOD": "1", "METRONOME_UNRELATED_THING": "x"}, NO_FILE).auto


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("METRONOME_STAT", "METRONOME_STATE"), ("METRONOME_BOKS", "METRONOME_BOOKS")],
)
def test_a_misspelt_variable_of_ours_is_refused(wrong: str, right: str) -> None:
    (line,) = problems({wrong: "x"})
    assert line.startswith(f"{wrong}: not a setting (environment)")
    assert line.endswith(f"Did you mean {right}?")


@pytest.mark.parametrize("name", ["QUOTE_CALLS", "trading_mode", "POSTGRES_PASSWORD"])
def test_a_name_without_an_effect_is_refused_in_the_file(name: str, tmp_path: Path) -> None:
    (line,) = problems({}, env_file(tmp_path, f"{name}=s3cret\n"))
    assert line.startswith(f"{name}: not a setting (.env line 1)")
    assert "s3cret" not in line


def test_a_wrong_secret_is_not_shown() -> None:
    (line,) = problems({"REDIS_URL": "http://:hunter2@host"})
    assert line.startswith("REDIS_URL: **** (environment); accepted: redis://")
    assert "hunter2" not in line


def test_a_book_that_is_not_there_is_named() -> None:
    (line,) = problems({"METRONOME_BOOKS": "us_baskets,eu"})
    assert line == "METRONOME_BOOKS: no book 'eu'; accepted: us_baskets"


def test_test_mode_takes_the_smaller_numbers() -> None:
    (book,) = load({"TEST_MODE_ENABLED": "1"}, NO_FILE).books
    assert book.risk.risk_per_trade == Decimal("0.002")
    assert book.risk.max_concurrent_risk == Decimal("0.01")
    for basket in book.routing.baskets:
        assert (basket.min_signals, basket.min_negative_share) == (1, 0.2)
        assert basket.max_mean == -0.05
    assert book.risk.stop_loss == Decimal("0.015")


def test_what_is_set_by_hand_beats_test_mode() -> None:
    settings = load({"TEST_MODE_ENABLED": "1", "RISK_PER_TRADE": "0.001"}, NO_FILE)
    assert settings.books[0].risk.risk_per_trade == Decimal("0.001")
    origin = {line.name: line.origin for line in shown(settings)}
    assert origin["MAX_CONCURRENT_RISK"] == "books/us_baskets.toml [test]"


@pytest.mark.parametrize(
    "change",
    [
        {"MIN_SLOTS": "4"},
        {"AUTO_MODE": "0"},
        {"TEST_MODE_ENABLED": "1"},
        {"ALPACA_FEED": "sip"},
        {"SIGNAL_WEIGHTS": "trend:0.5,momentum:0.5"},
        {"BASKET_TICKS": "3"},
        {"TIER_A_CALLS": "7"},
    ],
)
def test_the_fingerprint_follows_whatever_changes_a_decision(change: dict[str, str]) -> None:
    assert fingerprint(load(change, NO_FILE)) != fingerprint(load({}, NO_FILE))


@pytest.mark.parametrize(
    "same",
    [
        {"ALPACA_API_KEY": "PKAAAA", "ALPACA_SECRET_KEY": "s"},
        {"DATABASE_URL": "postgresql://u:p@h/d", "API_PORT": "81", "LOG_LEVEL": "DEBUG"},
        {"MAX_EXPOSURE": "0.8000", "MIXER_COOLDOWN_SECONDS": "180.0"},
    ],
)
def test_the_fingerprint_ignores_the_rest(same: dict[str, str]) -> None:
    assert fingerprint(load(same, NO_FILE)) == fingerprint(load({}, NO_FILE))
