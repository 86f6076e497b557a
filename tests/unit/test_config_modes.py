"""PAPER and REAL: what each refuses (requirement E9), and how fast a market may run."""

from pathlib import Path

import pytest

from app.config import ConfigError, Settings, load
from app.engine.book import Mode

LOOPBACK = {
    "ALPACA_TRADING_URL": "http://127.0.0.1:7001",
    "ALPACA_DATA_URL": "http://[::1]:7001",
    "ALPACA_STREAM_URL": "ws://localhost:7001/stream",
}


def read(
    folder: Path, environ: dict[str, str], file: str = "", *, confirm_real: bool = False
) -> Settings:
    path = folder / ".env"
    path.write_text(file)
    return load(environ, path, confirm_real=confirm_real)


def refused(folder: Path, environ: dict[str, str], file: str = "", **kw: bool) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, environ, file, **kw)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize("value", ["LIVE", "paper", "Real", "PAPER,REAL", "0"])
def test_any_other_mode_is_refused(tmp_path: Path, value: str) -> None:
    said = refused(tmp_path, {"TRADING_MODE": value})
    assert said == f"TRADING_MODE: {value!r} (environment); accepted: PAPER or REAL"


REAL = {"TRADING_MODE": "REAL"}
REAL_FILE = "TRADING_MODE=REAL\n"


def test_real_needs_both_places_and_the_operator(tmp_path: Path) -> None:
    settings = read(tmp_path, REAL, REAL_FILE, confirm_real=True)
    assert settings.mode is Mode.REAL
    assert settings.books[0].mode is Mode.REAL
    assert settings.alpaca.trading_url == "https://api.alpaca.markets"
    assert settings.alpaca.stream_url == "wss://api.alpaca.markets/stream"


def test_real_in_the_environment_alone_is_refused(tmp_path: Path) -> None:
    assert "not in .env" in refused(tmp_path, REAL, confirm_real=True)
    assert "not in .env" in refused(tmp_path, REAL, "TRADING_MODE=PAPER", confirm_real=True)


def test_real_in_the_file_alone_is_refused(tmp_path: Path) -> None:
    assert "not in the environment" in refused(tmp_path, {}, REAL_FILE, confirm_real=True)


def test_paper_in_the_environment_beats_real_in_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, {"TRADING_MODE": "PAPER"}, REAL_FILE).mode is Mode.PAPER


def test_real_without_the_flag_is_refused(tmp_path: Path) -> None:
    assert "--confirm-real-trading" in refused(tmp_path, REAL, REAL_FILE)


def test_real_where_it_is_disabled_is_refused(tmp_path: Path) -> None:
    environ = REAL | {"DISABLE_REAL_TRADING": "1"}
    said = refused(tmp_path, environ, REAL_FILE, confirm_real=True)
    assert said.startswith("DISABLE_REAL_TRADING: 1 with TRADING_MODE=REAL")


def test_disabled_real_trading_does_not_hinder_paper(tmp_path: Path) -> None:
    assert read(tmp_path, {"DISABLE_REAL_TRADING": "1"}).real_disabled


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALPACA_API_KEY", "PK0123456789"),
        ("ALPACA_TRADING_URL", "https://paper-api.alpaca.markets"),
        ("ALPACA_STREAM_URL", "wss://paper-api.alpaca.markets/stream"),
    ],
)
def test_real_refuses_what_is_papers(tmp_path: Path, name: str, value: str) -> None:
    assert refused(tmp_path, REAL | {name: value}, REAL_FILE, confirm_real=True).startswith(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALPACA_API_KEY", "AK0123456789"),
        ("ALPACA_TRADING_URL", "https://api.alpaca.markets"),
        ("ALPACA_TRADING_URL", "https://API.alpaca.markets.:443/"),
        ("ALPACA_STREAM_URL", "wss://api.alpaca.markets/stream"),
    ],
)
def test_paper_refuses_what_is_real(tmp_path: Path, name: str, value: str) -> None:
    said = refused(tmp_path, {name: value})
    assert said.startswith(name)
    assert "AK0123456789" not in said


def test_paper_refuses_a_real_key_that_another_place_hides(tmp_path: Path) -> None:
    paper, real = {"ALPACA_API_KEY": "PK0123"}, "ALPACA_API_KEY=AK0123456789\n"
    said = refused(tmp_path, paper, real)
    assert said.startswith("ALPACA_API_KEY: a real account's (AK…, .env line 1)")
    assert "0123456789" not in said


def test_a_simulated_exchange_is_sent_no_hidden_key(tmp_path: Path) -> None:
    world = {"ALPACA_API_KEY": "sim", "ALPACA_SECRET_KEY": "sim", **LOOPBACK}
    assert read(tmp_path, world, "ALPACA_API_KEY=AK0123456789\n").mode is Mode.PAPER


def test_paper_takes_paper_keys(tmp_path: Path) -> None:
    settings = read(tmp_path, {"ALPACA_API_KEY": "PK0123", "ALPACA_SECRET_KEY": "x"})
    key, secret = settings.alpaca.keys()
    assert (key.reveal(), secret.reveal()) == ("PK0123", "x")


def test_missing_keys_are_named_when_they_are_needed(tmp_path: Path) -> None:
    settings = read(tmp_path, {"ALPACA_API_KEY": "PK0123"})
    with pytest.raises(ConfigError, match=r"^ALPACA_SECRET_KEY: not set"):
        settings.alpaca.keys()


def test_a_fast_market_on_this_machine(tmp_path: Path) -> None:
    assert read(tmp_path, LOOPBACK | {"MARKET_SPEED": "200"}).market_speed == 200


def test_the_streams_url_follows_the_trading_url(tmp_path: Path) -> None:
    told = {n: v for n, v in LOOPBACK.items() if n != "ALPACA_STREAM_URL"} | {"MARKET_SPEED": "2"}
    assert read(tmp_path, told).alpaca.stream_url == "ws://127.0.0.1:7001/stream"


@pytest.mark.parametrize("name", LOOPBACK)
def test_a_fast_market_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    scheme = "wss" if "STREAM" in name else "https"
    told = LOOPBACK | {"MARKET_SPEED": "2", name: f"{scheme}://127.0.0.1.example.com"}
    assert refused(tmp_path, told).startswith(f"MARKET_SPEED: 2 with {name};")


def test_a_fast_market_with_real_money_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, REAL | LOOPBACK | {"MARKET_SPEED": "2"}, REAL_FILE, confirm_real=True)
    assert said.startswith("MARKET_SPEED: 2 with TRADING_MODE=REAL")


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast"])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: str) -> None:
    assert refused(tmp_path, LOOPBACK | {"MARKET_SPEED": speed}).startswith("MARKET_SPEED")
