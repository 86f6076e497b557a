"""The confirmation of real trading: whom it is believed, and the seconds in which it is undone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.real import count_down
from app.config import load
from app.config.confirmation import CONFIRMED_BY, confirm, confirmed
from app.config.names import PROCESS

BOOT = "5954-1ee3"


def machine(folder: Path, boot: str = BOOT, **processes: tuple[int, int, int]) -> Path:
    """A /proc with some processes: of each its number, its parent's, and the tick it began at."""
    (folder / "sys/kernel/random").mkdir(parents=True)
    (folder / "sys/kernel/random/boot_id").write_text(f"{boot}\n")
    for name, (number, parent, began) in processes.items():
        for place in {name.removeprefix("p"), str(number)}:
            (folder / place).mkdir(exist_ok=True)
            told = f"{number} (a) b (c) S {parent} {'0 ' * 17}{began} 0 0\n"
            (folder / place / "stat").write_text(told)
    return folder


def test_a_process_believes_itself_and_the_one_that_started_it() -> None:
    told: dict[str, str] = {}
    assert not confirmed(told)
    confirm(told)
    assert told[CONFIRMED_BY].startswith(f"{os.getpid()}:")
    assert confirmed(told)
    script = "from app.config.confirmation import confirmed; print(confirmed())"
    child = [sys.executable, "-c", script]
    grandchild = ["/bin/sh", "-c", f'"{sys.executable}" -c "{script}"; true']
    believed = [
        subprocess.run(words, env={**os.environ, **told}, capture_output=True, text=True).stdout
        for words in (child, grandchild)
    ]
    assert believed == ["True\n", "False\n"]


@pytest.mark.parametrize("value", ["", "1", "true", "yes", "REAL", "-1", "99999999", "1:", "::"])
@pytest.mark.parametrize("own", [(1, 0, 7), (40, 1, 900)], ids=["in a container", "of init"])
def test_nothing_that_a_profile_could_hold_confirms(
    value: str, own: tuple[int, int, int], tmp_path: Path
) -> None:
    told = {CONFIRMED_BY: value}
    assert not confirmed(told)
    assert not confirmed(told, machine(tmp_path, pself=own, p1=(1, 0, 7)))


def test_what_the_first_process_was_told_ends_with_it(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    confirm(told, machine(tmp_path / "before", pself=(1, 0, 7)))
    assert confirmed(told, machine(tmp_path / "its child", pself=(40, 1, 900), p1=(1, 0, 7)))
    assert not confirmed(told, machine(tmp_path / "started again", pself=(1, 0, 8)))
    assert not confirmed(told, machine(tmp_path / "rebooted", "another", pself=(1, 0, 7)))


def test_without_a_list_of_processes_nobody_confirms(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    confirm(told, tmp_path)
    assert not confirmed(told, tmp_path)


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
