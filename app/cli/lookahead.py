"""`metronome lookahead`: show that no decision of the past depends on what came after it."""

import json as jsonlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.engine.errors import AppError

if TYPE_CHECKING:
    from app.lab.bars import Loaded
    from app.lab.lookahead import Decide


def lookahead(
    bars: Annotated[Path, typer.Option(help="Folder of bars, SYMBOL.parquet or SYMBOL.csv.")],
    book: Annotated[str | None, typer.Option(help="Which book; else the first.")] = None,
    strategy: Annotated[
        str | None, typer.Option(help="A planned strategy, in the place of a book.")
    ] = None,
    cuts: Annotated[int, typer.Option(min=1, max=100, help="So many moments are tried.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run over the bars, then over other futures: cut off, and shuffled, after some moments."""
    from app.lab.bars import read_folder
    from app.lab.lookahead import check, even_cuts

    loaded = read_folder(bars)
    decide = _of_book(book, loaded) if strategy is None else _of_strategy(strategy)
    done = check(loaded.bars, decide, even_cuts(loaded.bars.at.size, cuts))
    if json:
        seen = done.seen and {"at": done.seen.at.isoformat(), "future": done.seen.future}
        told = {"decisions": done.decisions, "futures": done.futures, "looked_ahead": seen}
        print(jsonlib.dumps(told, indent=2))
    if done.seen is not None:
        raise AppError(
            f"a decision of {done.seen.at:%Y-%m-%d %H:%M} UTC changed when what comes later was"
            f" {done.seen.future}: the strategy looks ahead"
        )
    if not json:
        print(f"{done.decisions:,} decisions held against {done.futures} futures: none changed")


def _of_book(book: str | None, loaded: "Loaded") -> "Decide":
    from app.config import load
    from app.io.calendar import ExchangeCalendar
    from app.lab.planned import Terms
    from app.lab.walk import walk

    settings = load(os.environ, confirm_real=True)
    chosen = settings.book(book) if book else settings.books[0]
    calendar, terms = ExchangeCalendar(chosen.calendar), Terms(capital=100_000)
    return lambda bars: walk(chosen, "", bars, calendar, terms, lambda _: None).digests


def _of_strategy(name: str) -> "Decide":
    from app.engine.errors import InvalidData
    from app.engine.strategies import PLANNED
    from app.lab.lookahead import planned

    if name not in PLANNED:
        raise InvalidData(f"--strategy: {name[:40]!r}; accepted: {' or '.join(sorted(PLANNED))}")
    return planned(PLANNED[name])
