"""A strategy that reads the future is caught; one that does not is held against other futures."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_backtest import CALENDAR, lively, the_book

from app.engine.book import Book
from app.engine.strategies import PLANNED, STRATEGIES, SignalInputs, Strategy, us_baskets
from app.engine.strategies.plan import AnyPlanned, Bars, Plan
from app.lab import lookahead
from app.lab.lookahead import Decide, check, even_cuts
from app.lab.planned import FREE, Terms
from app.lab.walk import walk

MINUTES = 150


def of_book(book: Book) -> Decide:
    terms = Terms(100_000, "USD", FREE)
    return lambda bars: walk(book, "test", bars, CALENDAR, terms, lambda _: None).digests


def test_the_shipped_book_does_not_look_ahead() -> None:
    done = check(lively(minutes=MINUTES), of_book(the_book()), [60, 110])
    assert done.seen is None
    assert done.futures == 4
    assert done.decisions == 59 + 60 + 109 + 110


def test_a_book_whose_strategy_peeks_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows each symbol's next close, through a table that was made of all bars."""
    made_of: list[Bars] = []

    def read(book: Book, inputs: SignalInputs) -> us_baskets.Reading:
        reading, bars = us_baskets.read(book, inputs), made_of[-1]
        at = int(inputs.at.timestamp()) * 1_000_000_000
        place = int(np.searchsorted(bars.at, at))
        own = reading.own.score.copy()
        for row, symbol in enumerate(reading.own.symbols):
            if symbol in bars.symbols and 1 <= place < bars.at.size:
                closes = bars.close[bars.symbols.index(symbol)]
                own[row] = np.sign(closes[place] - closes[place - 1]) * 0.9
        return replace(reading, own=replace(reading.own, score=own))

    peeking: Strategy[Any] = Strategy(read, us_baskets.questions, us_baskets.decide)
    monkeypatch.setitem(STRATEGIES, "peeking", peeking)
    honest = of_book(replace(the_book(), strategy="peeking"))

    def decide(bars: Bars) -> Any:
        made_of.append(bars)
        return honest(bars)

    done = check(lively(minutes=MINUTES), decide, [60, 110])
    assert done.seen is not None


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_planned_strategies_do_not_look_ahead(name: str) -> None:
    bars = lively(minutes=390)
    done = check(bars, lookahead.planned(PLANNED[name]), even_cuts(bars.at.size, 4))
    assert done.seen is None
    assert done.futures == 8


def test_a_planned_strategy_that_peeks_is_caught_at_the_first_bar_that_shows_it() -> None:
    def plan(bars: Bars, of: Any, each: Any) -> Plan:
        rises = np.zeros(bars.close.shape, np.bool_)
        rises[:, :-1] = bars.close[:, 1:] > bars.close[:, :-1]
        nothing = np.full(bars.close.shape, np.nan)
        return Plan(rises, ~rises, nothing, nothing, nothing)

    honest = next(iter(PLANNED.values()))
    peeking: AnyPlanned = replace(honest, plan=plan)
    done = check(lively(), lookahead.planned(peeking), even_cuts(390, 10))
    assert done.seen is not None
