"""Settings that are changed on a running book: which may be, and the book that they make."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from app.config import books
from app.config.book_checks import check_book
from app.config.book_names import BOOK, FLAT_BOOK, NUMBERS
from app.config.errors import ConfigError, Problem
from app.config.fingerprint import fingerprint
from app.config.names import PROCESS, Name
from app.config.settings import Settings
from app.engine.book import Book, Mode
from app.engine.errors import InvalidData
from app.engine.in_force import InForce

#: Beat reads these when it starts; slots that two processes count differently would run twice.
_OF_BEAT = "schedule."
#: Of what concerns all books, what can change a decision (see ``fingerprint``), as it was written.
_OF_ALL_BOOKS = ("TRADING_MODE", "AUTO_MODE", "TEST_MODE_ENABLED", "ALPACA_FEED")
_PROCESS = frozenset(name.name for name in PROCESS)
_BY_PATH = {name.path: name for name in BOOK}
_BY_NAME = {name.name: name for name in NUMBERS}


def label(book_id: str, name: Name) -> str:
    """Return what `config show` calls a book's number."""
    return name.name if book_id == FLAT_BOOK and name.name else f"{book_id}.{name.path}"


def in_force(settings: Settings, book_id: str, changes: Mapping[str, str]) -> InForce:
    """Return a book with some of its numbers changed, checked as at a start.

    A number is named as `config show` does, by its flat name, or by its path in the book's file.
    Raises ConfigError, which names every change that cannot be made and why.
    """
    told = settings.book(book_id)
    wanted, problems = _canonical(book_id, changes)
    texts = {setting.name: setting.text for setting in settings.origins}
    shown = {name: texts[name] for name in _OF_ALL_BOOKS} | _market(settings)
    shown |= _changed(book_id, texts, wanted)
    values, wrong = _parsed(book_id, shown)
    problems = [*problems, *wrong] or check_book(book_id, values)
    if problems:
        raise ConfigError(problems)
    book = books.build(book_id, values, mode=told.mode, auto=told.auto)
    return InForce(book, fingerprint(_with(settings, book)), shown, wanted)


def as_shown(book_id: str, shown: Mapping[str, str], *, mode: Mode, auto: bool) -> Book:
    """Return the book that the texts of ``InForce.values`` made.

    A number that was no setting then has what the preset ships with. Raises InvalidData for a text
    that is none of this version's.
    """
    values, problems = _parsed(book_id, _with_shipped(book_id, shown))
    if problems:
        raise InvalidData(f"written by another version, which alone can read it: {problems[0]}")
    return books.build(book_id, values, mode=mode, auto=auto)


def wished(
    book: Book, shown: Mapping[str, str], changes: Mapping[str, str], without: frozenset[str]
) -> Book:
    """Return a book of the past with some of its numbers changed, and without some gates.

    Numbers are named as in ``in_force``. Raises ConfigError, which names every wrong change.
    """
    wanted, problems = _canonical(book.id, changes)
    values, wrong = _parsed(book.id, _changed(book.id, _with_shipped(book.id, shown), wanted))
    problems = [*problems, *wrong] or check_book(book.id, values)
    if problems:
        raise ConfigError(problems)
    made = books.build(book.id, values, mode=book.mode, auto=book.auto)
    return replace(made, gates_off=without)


def _with_shipped(book_id: str, shown: Mapping[str, str]) -> dict[str, str]:
    shipped, _ = books.read(books.PRESETS / f"{FLAT_BOOK}.toml", test=False)
    texts = {label(book_id, name): shipped[name.path][0] for name in BOOK}
    return texts | dict(shown)


def _changed(book_id: str, texts: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return a book's texts as they are shown, with those that are wanted by flat name."""
    return {
        label(book_id, name): wanted.get(name.name, texts[label(book_id, name)]) for name in BOOK
    }


def _parsed(book_id: str, shown: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """Return a book's values by path, and a problem for each text that is none."""
    values: dict[str, Any] = {}
    problems = []
    for name in BOOK:
        text = shown[label(book_id, name)]
        try:
            values[name.path] = name.kind.parse(text)
        except ValueError:
            problems.append(Problem(label(book_id, name), repr(text[:80]), name.kind.accepted))
    return values, problems


def _market(settings: Settings) -> dict[str, str]:
    """Say which market it is that decisions are made on: by host, for an address may hold a key."""
    return {
        "ALPACA_TRADING_URL": urlsplit(settings.alpaca.trading_url).hostname or "",
        "ALPACA_DATA_URL": urlsplit(settings.alpaca.data_url).hostname or "",
        "MARKET_SPEED": f"{settings.market_speed:g}",
    }


def _with(settings: Settings, book: Book) -> Settings:
    others = (book if each.id == book.id else each for each in settings.books)
    return replace(settings, books=tuple(others))


def _canonical(book_id: str, changes: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Return the changes by flat name, and a problem for each that may not be made."""
    wanted: dict[str, str] = {}
    problems = []
    for given, text in changes.items():
        name = _BY_NAME.get(given) or _BY_PATH.get(given.removeprefix(f"{book_id}."))
        if name is None:
            problems.append(_not_a_number(given))
        elif not name.name or name.path.startswith(_OF_BEAT):
            problems.append(_needs_a_start(given))
        elif name.name in wanted:
            problems.append(Problem(given, "named twice", "each setting once"))
        else:
            wanted[name.name] = text.strip()
    return wanted, problems


def _needs_a_start(given: str) -> Problem:
    hint = "Change it in .env or the book's file and start again"
    return Problem(given, "read when processes start", "a number of a book", hint)


def _not_a_number(given: str) -> Problem:
    if given in _PROCESS:
        return _needs_a_start(given)
    near = get_close_matches(given.upper(), _BY_NAME, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}?" if near else ""
    return Problem(given[:80], "not a setting of a book", "the names of `config show`", hint)
