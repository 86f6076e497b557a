"""Every command, statement and link in the documents: run where nothing need run, else checked."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.api.root import create_app
from app.cli.main import COMMANDS
from app.config import load
from app.io.store.database import Database

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")

#: Commands that need nothing running, with the exit code that they have then. The others start
#: something or ask a running stack: their words are checked against their own ``--help``.
RUN = {"config": 0, "version": 0, "down": 0, "status": 3}


@dataclass(frozen=True, slots=True)
class Written:
    """A line or a block of a document."""

    document: str
    text: str


def blocks(language: str) -> Iterator[Written]:
    for path in DOCUMENTS:
        for indent, found, body in FENCE.findall(path.read_text()):
            if found == language:
                lines = [line.removeprefix(indent) for line in body.splitlines()]
                yield Written(path.name, "\n".join(lines))


def commands() -> list[Written]:
    lines = [Written(b.document, line) for b in blocks("sh") for line in b.text.splitlines()]
    return [line for line in lines if line.text.strip() and not line.text.startswith("#")]


def identity(written: Written) -> str:
    return f"{written.document}: {written.text[:60]}"


def metronome(words: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    told = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [BIN / "metronome", *words], cwd=folder, env=told, capture_output=True, text=True
    )


def check_metronome(words: Sequence[str], folder: Path) -> None:
    name = words[0]
    assert name in COMMANDS
    if name in RUN:
        ended = metronome(words, folder)
        assert ended.returncode == RUN[name], ended.stderr
        return
    path = itertools.takewhile(lambda word: not word.startswith("-"), words)
    helped = metronome([*path, "--help"], folder)
    assert helped.returncode == 0, helped.stderr
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", helped.stdout), f"{name} has no {option}"


def check_make(words: Sequence[str], folder: Path) -> None:
    target = words[0]
    assert re.search(rf"^{target}:.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)
    planned = subprocess.run(
        ["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout


def check_curl(words: Sequence[str], folder: Path) -> None:
    [url] = [word for word in words if word.startswith("http")]
    default = load({}, folder / "no.env").api
    assert urlsplit(url).netloc == f"{default.host}:{default.port}"
    assert urlsplit(url).path in {"/openapi.json", *api_paths()}


@cache
def api_paths() -> frozenset[str]:
    app = create_app(load({}, Path("no.env")), Database("postgresql://nowhere/none", "test"))
    return frozenset(app.openapi()["paths"])


def check_disk(program: str, words: Sequence[str], folder: Path) -> None:
    (folder / ".metronome").mkdir()
    subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)


def check_export(words: Sequence[str], folder: Path) -> None:
    assert words == ["PATH=$PWD/.venv/bin:$PATH"]


CHECKS: dict[str, Callable[[Sequence[str], Path], None]] = {
    "metronome": check_metronome,
    "make": check_make,
    "curl": check_curl,
    "export": check_export,
    "df": partial(check_disk, "df"),
    "du": partial(check_disk, "du"),
}


@pytest.mark.parametrize("written", commands(), ids=identity)
def test_every_command_works(written: Written, tmp_path: Path) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    words = shlex.split(written.text, comments=True)
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    CHECKS[words[0]](words[1:], tmp_path)


def test_the_two_commands_are_written_down() -> None:
    assert {"make demo", "make test"} <= {written.text for written in commands()}


def test_every_command_line_in_running_text_names_a_command() -> None:
    for path in DOCUMENTS:
        for name in re.findall(r"`metronome ([a-z]+)", path.read_text()):
            assert name in COMMANDS, f"{path.name}: metronome {name}"


def test_every_statement_is_understood_by_the_database(database_url: str) -> None:
    statements = list(blocks("sql"))
    assert statements
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    for statement in statements:
        with engine.connect() as db:
            db.execute(sa.text(statement.text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in LINK.findall(path.read_text()):
        if "://" in target:
            continue
        leads_to = (path.parent / target).resolve() if target else path
        assert leads_to.exists(), target
        if anchor:
            assert anchor.removeprefix("#") in anchors(leads_to), anchor


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_folder_in_the_table_is_there_and_none_is_missing() -> None:
    named = set(re.findall(r"`(?:app/)([a-z]+)`", (ROOT / "README.md").read_text()))
    folders = {p.name for p in (ROOT / "app").iterdir() if (p / "__init__.py").exists()}
    assert named == folders


def test_settings_that_documents_name_exist() -> None:
    accepted = (ROOT / ".env.example").read_text()
    for path in DOCUMENTS:
        for name in re.findall(r"`([A-Z][A-Z]+_[A-Z_]+)(?:=[^`]*)?`", path.read_text()):
            assert f"#{name}=" in accepted or name in PROGRAMS_OWN, f"{path.name}: {name}"


#: Names in capitals that are not settings of ours.
PROGRAMS_OWN = {"REMAP_SIGTERM"}
