"""What TRADING_MODE allows: where it is said, whose keys and hosts go with it, and the speed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.config.errors import Problem
from app.config.kinds import is_loopback

Values = Mapping[str, Any]
LIVE_HOST, PAPER_HOST = "api.alpaca.markets", "paper-api.alpaca.markets"
LIVE_KEY, PAPER_KEY = "AK", "PK"


@dataclass(frozen=True, slots=True)
class Told:
    """Where TRADING_MODE was set to what, and whether the operator confirmed real trading.

    ``keys`` are (ALPACA_API_KEY, where it is set), those that a stronger place hides included.
    """

    in_environment: str
    in_file: str
    confirmed: bool
    keys: tuple[tuple[str, str], ...]


def check_process(values: Values, told: Told) -> list[Problem]:
    """Return what is wrong with the mode, the keys and the speed (requirement E9)."""
    problems = [*_real_said_once(told)]
    if values["TRADING_MODE"] == "REAL":
        problems += _real(values, told)
    if values["TRADING_MODE"] == "PAPER":
        problems += _paper(values, told)
    return [*problems, *_speed(values)]


def _real_said_once(told: Told) -> Iterator[Problem]:
    said = (told.in_environment, told.in_file)
    if "REAL" in said and set(said) != {"REAL"} and told.in_environment in ("", "REAL"):
        missing = ".env" if told.in_environment == "REAL" else "the environment"
        yield Problem(
            "TRADING_MODE",
            f"REAL, but not in {missing}",
            "REAL in the environment and in .env alike",
            "Set it there too; PAPER only where no real money is meant",
        )


def _real(values: Values, told: Told) -> Iterator[Problem]:
    if not told.confirmed:
        yield Problem("TRADING_MODE", "REAL, not confirmed", "REAL with --confirm-real-trading")
    if values["DISABLE_REAL_TRADING"]:
        yield Problem("DISABLE_REAL_TRADING", "1 with TRADING_MODE=REAL", "0 where REAL")
    if (values["ALPACA_API_KEY"] or "").startswith(PAPER_KEY):
        yield Problem(
            "ALPACA_API_KEY", "a paper account's (PK…)", "a real account's key where REAL"
        )
    for name in ("ALPACA_TRADING_URL", "ALPACA_STREAM_URL"):
        if _host(values[name]) == PAPER_HOST:
            yield Problem(name, "the paper account's host", f"https://{LIVE_HOST} where REAL")


def _paper(values: Values, told: Told) -> Iterator[Problem]:
    # A hidden key counts too, but where everything is sent to this machine.
    here = is_loopback(values["ALPACA_TRADING_URL"] or "")
    for key, where in told.keys[:1] if here else told.keys:
        if key.upper().startswith(LIVE_KEY):
            yield Problem(
                "ALPACA_API_KEY",
                f"a real account's (AK…, {where})",
                "a paper account's key, which starts with PK, where TRADING_MODE=PAPER",
            )
    for name in ("ALPACA_TRADING_URL", "ALPACA_STREAM_URL"):
        if _host(values[name]) == LIVE_HOST:
            yield Problem(name, "the real account's host", f"https://{PAPER_HOST} where PAPER")


def _host(url: str | None) -> str:
    return (urlsplit(url or "").hostname or "").rstrip(".")


def _speed(values: Values) -> Iterator[Problem]:
    names = ("ALPACA_TRADING_URL", "ALPACA_DATA_URL", "ALPACA_STREAM_URL")
    if values["MARKET_SPEED"] in (None, 1.0):
        return
    away = [n for n in names[:2] if not is_loopback(values[n] or "")]
    away += [n for n in names[2:] if values[n] and not is_loopback(values[n])]
    if away or values["TRADING_MODE"] != "PAPER":
        yield Problem(
            "MARKET_SPEED",
            f"{values['MARKET_SPEED']:g} with {', '.join(away) or 'TRADING_MODE=REAL'}",
            "1, or PAPER on an exchange on this machine",
            "`metronome up --sim` sets all of them",
        )
