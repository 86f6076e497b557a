"""The page about decisions names every gate and reason there is, and no setting there is not."""

import re
from pathlib import Path

import pytest

from app.api.words import WORDS
from app.config import books
from app.config.book_names import BOOK, FLAT_BOOK
from app.config.names import PROCESS
from app.engine.exits import EXITS
from app.engine.gates import GATES
from app.engine.risk import ENTRY_GATES, EXIT_GATES
from app.engine.verdicts import BELOW_NOISE, Reason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "decisions-explained.md").read_text()
#: Title → text of a part of the page.
PARTS = dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
SETTING = re.compile(r"`([A-Z][A-Z0-9_]+)`(?: = ([^\s,|;]+(?:,\d+)*))?")


def part(title: str) -> str:
    [text] = [text for name, text in PARTS.items() if name.startswith(title)]
    return text


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of a part's tables."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row] for row in cells]


def first_cells(title: str) -> set[str]:
    return {name for row in rows(part(title)) for name in re.findall(r"`(\w+)`", row[0])}


@pytest.mark.parametrize(
    ("title", "registry"),
    [("Signals", GATES), ("Risk", ENTRY_GATES), ("Risk", EXIT_GATES), ("Exits", EXITS)],
)
def test_every_gate_has_a_row(title: str, registry: tuple[object, ...]) -> None:
    names = {getattr(gate, "__name__", "") for gate in registry}
    assert names - first_cells(title) == set()


@pytest.mark.parametrize(
    ("title", "registry"),
    [("Signals", GATES), ("Risk", ENTRY_GATES), ("Exits", EXITS)],
)
def test_gates_stand_in_the_order_in_which_they_are_asked(
    title: str, registry: tuple[object, ...]
) -> None:
    names = [getattr(gate, "__name__", "") for gate in registry]
    shown = [name for row in rows(part(title)) for name in re.findall(r"`(\w+)`", row[0])]
    assert list(dict.fromkeys(name for name in shown if name in names)) == names


def test_every_reason_is_given_somewhere() -> None:
    code = "".join(
        path.read_text() for path in (ROOT / "app").rglob("*.py") if path.name != "words.py"
    )
    assert [r for r in Reason if f"Reason.{r.name}" not in code] == []


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_row_with_its_words(reason: Reason) -> None:
    assert f"`{reason}`" in PAGE
    if reason in (Reason.PASSED, Reason.BAD_DATA):
        return
    seen = [row[-1] for row in rows(PAGE) if f"`{reason}`" in " ".join(row[1:-1])]
    assert any(WORDS[reason] in line for line in seen), f"no example says {WORDS[reason]!r}"


def test_noise_is_named_in_full() -> None:
    [sentence] = re.findall(r"\*\*below noise\*\*: ([^.]*)\.", PAGE)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(BELOW_NOISE)


def test_every_setting_exists_with_the_default_that_is_said() -> None:
    preset, _ = books.read(books.PRESETS / f"{FLAT_BOOK}.toml", test=False)
    known = {n.name: preset[n.path][0] if n.path else n.default for n in (*PROCESS, *BOOK)}
    said = [(name, value.rstrip(".)")) for name, value in SETTING.findall(PAGE)]
    assert {name for name, _ in said} - set(known) == set()
    wrong = {name: (value, known[name]) for name, value in said if value not in ("", known[name])}
    assert wrong == {}
    assert len(said) > 60
