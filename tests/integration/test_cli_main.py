"""The command line as a person meets it: help, mistakes, interrupts, and what is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import COMMANDS

METRONOME = Path(sys.executable).parent / "metronome"
#: What a command that needs none of them must not wait for.
HEAVY = ["numpy", "pandas", "sqlalchemy", "celery", "redis", "fastapi", "alpaca", "httpx", "rich"]


def run(
    folder: Path, *words: str, program: list[str] | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*(program or [str(METRONOME)]), *words],
        cwd=folder,
        env=kept | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run_made_up(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose body is given, through the real ``main``."""
    (folder / "made_up.py").write_text(f"def command() -> None:\n    {body}\n")
    start = (
        "from app.cli import main; main.COMMANDS['made-up'] = ('made_up:command', 'x'); main.main()"
    )
    program = [sys.executable, "-c", start]
    return run(folder, "made-up", program=program, PYTHONPATH=str(folder))


def test_help_names_every_command(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert line in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["version"], ["config", "--help"]])
def test_nothing_heavy_is_imported_for_it(tmp_path: Path, words: list[str]) -> None:
    start = (
        "import sys\nfrom app.cli import main\n"
        "try:\n    main.main()\n"
        f"finally:\n    print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = run(tmp_path, *words, program=[sys.executable, "-c", start])
    assert done.returncode == 0
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, name, "--help")
    assert done.stderr == ""
    assert done.returncode == 0
    assert f"Usage: metronome {name}" in done.stdout


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert run(tmp_path, "version").stdout.strip().count(".") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verison"], "No such command 'verison'. Did you mean 'version'?"),
        (["version", "--loud"], "No such option: --loud"),
        (["version", "extra"], "unexpected extra argument"),
        (["--loud"], "No such option: --loud"),
        (["config", "shwo"], "No such command 'shwo'"),
    ],
)
def test_a_mistyped_command_is_named(tmp_path: Path, words: list[str], said: str) -> None:
    done = run(tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (
            "from app.engine.errors import InvalidData; raise InvalidData('bars: row 3: NaN')",
            1,
            "metronome: bars: row 3: NaN\n",
        ),
        (
            "from app.engine.errors import Transient; raise Transient('the database: no answer')",
            1,
            "metronome: the database: no answer\n",
        ),
        ("open('no/such/file')", 1, "metronome: no/such/file: No such file or directory\n"),
        (
            "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))",
            1,
            "metronome: system: No space left on device\n",
        ),
        (
            "from app.config import ConfigError, Problem as P;"
            " raise ConfigError([P('A', '1', '2'), P('B', '3', '4', 'Ask')])",
            2,
            "metronome: A: 1; accepted: 2\nmetronome: B: 3; accepted: 4. Ask\n",
        ),
        ("raise KeyboardInterrupt", 130, ""),
        ("import typer; raise typer.Exit(7)", 7, ""),
    ],
)
def test_how_a_command_ends(tmp_path: Path, body: str, code: int, said: str) -> None:
    done = run_made_up(tmp_path, body)
    assert (done.returncode, done.stderr, done.stdout) == (code, said, "")


def test_a_fault_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    done = run_made_up(tmp_path, "1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_a_command_that_is_not_built_leaves_the_others_alone(tmp_path: Path) -> None:
    start = (
        "from app.cli import main; main.COMMANDS['later'] = ('app.cli.later:later', 'x');"
        " main.main()"
    )
    program = [sys.executable, "-c", start]
    assert run(tmp_path, "--help", program=program).returncode == 0
    done = run(tmp_path, "later", program=program)
    assert (done.returncode, done.stderr) == (
        1,
        "metronome: later: this build has no such command\n",
    )


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(
        "def command() -> None:\n    for n in range(100_000):\n        print(n)\n"
    )
    start = (
        "from app.cli import main; main.COMMANDS['made-up'] = ('made_up:command', 'x'); main.main()"
    )
    pipe = f'"{sys.executable}" -c "{start}" made-up | head -n 1'
    done = run(tmp_path, program=["bash", "-c", pipe], PYTHONPATH=str(tmp_path))
    assert (done.stdout, done.stderr) == ("0\n", "")
