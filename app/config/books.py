"""Books as files: a TOML preset becomes texts by path, and values by path become a Book."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.config.book_names import BOOK
from app.config.errors import Problem
from app.engine.book import (
    Basket,
    Book,
    CapPolicy,
    EventPolicy,
    ExitPolicy,
    MixPolicy,
    Mode,
    ModelPolicy,
    RateLimit,
    RiskPolicy,
    RoutePolicy,
    SchedulePolicy,
    SessionPolicy,
    SignalPolicy,
    Universe,
)

#: The presets that ship with the project, beside the package.
PRESETS = Path(__file__).parents[2] / "books"
_TEST = "test."
_BY_MINUTE = ("history", "news", "filings", "model")
_PATHS = frozenset(name.path for name in BOOK)


def read(path: Path, *, test: bool) -> tuple[dict[str, tuple[str, str]], list[Problem]]:
    """Return (text, origin) by path from a book's file, and what is wrong with it.

    With ``test`` the values of the [test] tables take the place of the others.
    """
    source = f"{path.parent.name}/{path.name}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=str)
    except FileNotFoundError:
        books = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml"))) or "none is there"
        return {}, [Problem("METRONOME_BOOKS", f"no book {path.stem!r}", books)]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return {}, [Problem(source, str(error), "a readable TOML file")]
    leaves = dict(_leaves(table))
    overlay = {p.removeprefix(_TEST): text for p, text in leaves.items() if p.startswith(_TEST)}
    plain = {path: text for path, text in leaves.items() if not path.startswith(_TEST)}
    problems = [_unknown(source, p) for p in (*plain, *overlay) if p not in _PATHS]
    texts = {p: (text, source) for p, text in plain.items()}
    if test:
        texts |= {p: (text, f"{source} [test]") for p, text in overlay.items()}
    problems += [
        Problem(f"{source} {name.path}", "missing", name.kind.accepted, "Add it to the file")
        for name in BOOK
        if name.path not in plain
    ]
    return texts, problems


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flatten tables down to the paths of settings; a setting's value may itself be a table."""
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and path.removeprefix(_TEST) not in _PATHS:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, _text(value)


def _text(value: Any, separator: str = ",") -> str:
    """Spell a TOML value as the flat names spell it: a,b and key:value and a+b inside a table."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return separator.join(f"{key}:{_text(inner, '+')}" for key, inner in value.items())
    if isinstance(value, list):
        return separator.join(_text(inner) for inner in value) or "none"
    return str(value)


def _unknown(source: str, path: str) -> Problem:
    near = get_close_matches(path, _PATHS, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else ""
    accepted = "the names in the preset us_baskets.toml"
    return Problem(f"{source} {path}", "not a setting of a book", accepted, hint)


def build(book_id: str, values: Mapping[str, Any], *, mode: Mode, auto: bool) -> Book:
    """Return the book of values by path; every path of BOOK must be there."""
    routing = _part(values, "routing")
    return Book(
        id=book_id,
        broker=values["broker"],
        calendar=values["calendar"],
        strategy=values["strategy"],
        currency=values["currency"],
        mode=mode,
        auto=auto,
        universe=Universe(**_part(values, "universe")),
        signals=SignalPolicy(**_part(values, "signals")),
        mixer=MixPolicy(**_part(values, "mixer")),
        caps=CapPolicy(**_part(values, "caps")),
        events=EventPolicy(**_part(values, "events")),
        model=ModelPolicy(**_part(values, "model")),
        routing=RoutePolicy(
            baskets=_baskets(values),
            conflicts=routing["conflicts"],
            etf_lock=routing["etf_lock"],
            evidence_window=routing["evidence_window"],
            tick=routing["tick"],
        ),
        risk=RiskPolicy(**_part(values, "risk")),
        exits=ExitPolicy(**_part(values, "exits")),
        session=SessionPolicy(**_part(values, "session")),
        schedule=SchedulePolicy(**_part(values, "schedule")),
        rate_limits=_rates(values),
        gates_off=frozenset(),
    )


def _part(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return a section's values by the field they fill: its key without the unit."""
    return {
        path.removeprefix(f"{section}.").removesuffix("_seconds").removesuffix("_minutes"): value
        for path, value in values.items()
        if path.startswith(f"{section}.")
    }


def _rates(values: Mapping[str, Any]) -> Mapping[str, RateLimit]:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    reserve = values["rates.reserve"] if values["rates.reserve_fallback"] else 0
    plain = {name: RateLimit(values[f"rates.{name}"], minute, 0) for name in _BY_MINUTE}
    return {
        "quotes.tier_a": RateLimit(values["rates.tier_a"], minute, 0),
        "quotes.tier_b": RateLimit(values["rates.tier_b"], minute, 0),
        "quotes.reserve": RateLimit(reserve, minute, 0),
        "broker": RateLimit(values["rates.broker"], minute, values["rates.broker_reserve"]),
        **plain,
        "alphavantage": RateLimit(values["rates.alphavantage"], day, 0),
    }


def _baskets(values: Mapping[str, Any]) -> tuple[Basket, ...]:
    return tuple(
        Basket(
            name=name,
            members=members,
            etf=etf,
            min_signals=values["routing.basket_min_signals"],
            min_negative_share=values["routing.basket_min_negative_share"],
            max_mean=values["routing.basket_max_mean"],
            ticks=values["routing.basket_ticks"],
        )
        for name, etf, members in values["routing.baskets"]
    )
