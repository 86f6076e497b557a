"""The house's own rules about files, functions and names, checked on the source."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
APP = sorted((ROOT / "app").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}

#: Files and functions that may be longer, and why.
LONG_FOR_A_REASON = {
    "app/io/store/schema.py": "every table, in one place",
    "app/io/store/migrations/versions/v0003_orders.py:_orders": "one table, a line a column",
    "app/jobs/celery_app.py:make_app": "one mapping, a line a setting",
    "app/sim/orders.py:to_json": "one answer of the broker, a line a field",
    "app/cli/exchange.py:exchange": "one signature, a line an option",
    "app/cli/up.py:up": "one signature, a line an option",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{name_of(path)}:{node.name}", node.end_lineno - node.lineno + 1


@cache
def too_long() -> dict[str, int]:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in APP + TESTS}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE}
    for path in APP:
        long |= {name: lines for name, lines in functions(path) if lines > LONGEST_FUNCTION}
    return long


def test_files_and_functions_are_short() -> None:
    assert {n: lines for n, lines in too_long().items() if n not in LONG_FOR_A_REASON} == {}


def test_no_exception_is_kept_for_what_is_short_now() -> None:
    assert set(LONG_FOR_A_REASON) - set(too_long()) == set()


def test_one_sentence_describes_a_file() -> None:
    described = {name_of(p): ast.get_docstring(tree(p)) for p in APP + TESTS}
    assert [name for name, text in described.items() if not text] == []


def test_a_name_says_what_is_inside() -> None:
    words = {name_of(p): set(re.split(r"[/_]", name_of(p).removesuffix(".py"))) for p in APP}
    assert [name for name, parts in words.items() if parts & EMPTY_NAMES] == []


def test_tests_have_names_of_their_own() -> None:
    names = [path.name for path in TESTS if path.name not in ("conftest.py", "__init__.py")]
    assert sorted(set(names)) == sorted(names)


def test_the_source_was_found() -> None:
    assert len(APP) > 50
    assert len(TESTS) > 10
