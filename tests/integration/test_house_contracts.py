"""Each import contract and each of ruff's bans is seen to fail when it is broken on purpose."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS = [contract["name"] for contract in PROJECT["importlinter"]["contracts"]]
BANNED = PROJECT["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]

#: (contract, the file to break, the line that breaks it)
BREACHES = [
    ("Dependencies point down", "app/engine/errors.py", "import app.io.clock"),
    ("Dependencies point down", "app/io/clock.py", "import app.adapters.port"),
    ("Dependencies point down", "app/io/clock.py", "import app.config"),
    ("Dependencies point down", "app/pipeline/services.py", "import app.config"),
    ("Dependencies point down", "app/config/errors.py", "import app.jobs"),
    ("Dependencies point down", "app/api/__init__.py", "import app.jobs"),
    ("Dependencies point down", "app/jobs/__init__.py", "import app.cli"),
    ("Dependencies point down", "app/strange/__init__.py", "import app.engine"),
    ("The engine touches nothing", "app/engine/market.py", "import httpx"),
    ("The engine touches nothing", "app/engine/gates/cutoff.py", "import exchange_calendars"),
    ("The API never trades", "app/api/__init__.py", "import app.adapters.port"),
    (
        "Only the pipeline and the composition roots meet brokers",
        "app/sim/__init__.py",
        "import app.adapters.port",
    ),
    (
        "Only the pipeline and the composition roots meet brokers",
        "app/config/errors.py",
        "import app.adapters",
    ),
    (
        "Gates do not import each other",
        "app/engine/gates/cutoff.py",
        "import app.engine.gates.cooldown",
    ),
    (
        "Steps do not import brokers by name",
        "app/pipeline/services.py",
        "import app.adapters.alpaca",
    ),
]

#: What is banned, used.
USES = {
    "datetime.datetime.now": "import datetime\n\ndatetime.datetime.now(datetime.UTC)\n",
    "datetime.datetime.utcnow": "import datetime\n\ndatetime.datetime.utcnow()\n",
    "datetime.date.today": "from datetime import date\n\ndate.today()\n",
    "time.time": "import time\n\ntime.time()\n",
    "time.sleep": "from time import sleep\n\nsleep(1)\n",
    "uuid.uuid4": "import uuid\n\nuuid.uuid4()\n",
    "random": "import random\n\nrandom.random()\n",
    "unittest.mock": "from unittest.mock import Mock\n\nMock()\n",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package that may be broken."""
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> dict[str, bool]:
    """Return whether each contract is kept."""
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    kept = {name: f"{name} KEPT" in said for name in CONTRACTS}
    known = all(kept[name] or f"{name} BROKEN" in said for name in CONTRACTS)
    # An unlisted package is refused before the contracts are.
    assert known or "is not listed as a layer" in done.stdout + done.stderr, done
    assert (done.returncode == 0) is all(kept.values())
    return kept


def test_every_contract_is_kept(copy: Path) -> None:
    assert lint_imports(copy) == dict.fromkeys(CONTRACTS, True)


def test_every_contract_is_broken_below() -> None:
    assert {name for name, _, _ in BREACHES} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES)
def test_a_breach_is_seen(copy: Path, contract: str, file: str, line: str) -> None:
    path = copy / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as source:
        source.write(f"\n{line}\n")
    assert not lint_imports(copy)[contract]


def ruff(folder: Path, file: str, source: str) -> str:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    path.write_text(f'"""A file."""\n\n{source}')
    done = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--output-format", "concise", file],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_every_ban_is_broken_below() -> None:
    assert set(USES) == set(BANNED)


@pytest.mark.parametrize("api", USES)
def test_a_banned_call_is_seen(tmp_path: Path, api: str) -> None:
    assert f"TID251 `{api}` is banned" in ruff(tmp_path, "app/pipeline/step.py", USES[api])


def test_the_clock_alone_may_read_the_clock(tmp_path: Path) -> None:
    use = USES["time.sleep"]
    assert "TID251" not in ruff(tmp_path, "app/io/clock.py", use)
    assert "TID251" in ruff(tmp_path, "app/io/calendar.py", use)


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("T201", 'print("x")\n'),
        ("BLE001", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
        ("S110", "try:\n    x = 1\nexcept Exception:\n    pass\n"),
        ("DTZ005", "import datetime\n\ndatetime.datetime.now()\n"),
        (
            "C901",
            "def f(a):\n" + "".join(f"    if a == {n}:\n        return {n}\n" for n in range(9)),
        ),
        ("PLR0913", "def f(a, b, c, d, e, g, h, i, j):\n    return a\n"),
    ],
)
def test_the_styles_rules_are_on(tmp_path: Path, rule: str, source: str) -> None:
    assert f" {rule} " in ruff(tmp_path, "app/pipeline/step.py", source)
