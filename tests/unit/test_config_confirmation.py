"""The confirmation of real trading: whom it is believed, and the seconds in which it is undone."""

import os
from pathlib import Path

import pytest

from app.cli.real import count_down
from app.config import load
from app.config.confirmation import CONFIRMED_BY, confirm, confirmed
from app.config.names import PROCESS


def test_a_process_believes_itself_and_the_one_that_started_it() -> None:
    told: dict[str, str] = {}
    assert not confirmed(told)
    confirm(told)
    assert told == {CONFIRMED_BY: str(os.getpid())}
    assert confirmed(told)
    assert confirmed({CONFIRMED_BY: str(os.getppid())})


@pytest.mark.parametrize("value", ["", "1", "true", "yes", "REAL", "-1", "99999999"])
def test_nothing_that_a_profile_could_hold_confirms(value: str) -> None:
    assert not confirmed({CONFIRMED_BY: value})


def test_no_file_can_confirm() -> None:
    assert CONFIRMED_BY not in {name.name for name in PROCESS}


def test_each_second_is_said_before_it_is_waited(tmp_path: Path) -> None:
    heard: list[str | float] = []
    file = tmp_path / ".env"
    file.write_text("TRADING_MODE=REAL\n")
    settings = load({"TRADING_MODE": "REAL"}, file, confirm_real=True)
    count_down(settings, heard.append, heard.append)
    assert heard[0] == (
        "REAL MONEY: us_baskets at https://api.alpaca.markets. "
        "Ctrl-C within 10 s, and nothing is started."
    )
    said = [f"Real trading starts in {left} s" for left in range(10, 0, -1)]
    assert heard[1:] == [word for line in said for word in (line, 1)]
