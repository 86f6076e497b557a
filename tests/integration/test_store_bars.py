"""Bars go in once and come out as a panel on a grid."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from store_builders import AT, BOOK, SPAN, a_bar

from app.engine.errors import InvalidData
from app.engine.market import Panel
from app.io.store import bars
from app.io.store.database import Database

NAN = math.nan


def _panel(database: Database, *symbols: str, count: int = 4, late: float = 0) -> Panel:
    """Four bars from AT on, asked for ``late`` seconds after the last one ended."""
    end = AT + count * SPAN + timedelta(seconds=late)
    with database.begin() as db:
        return bars.panel(db, BOOK, symbols, end, SPAN, count)


def _store(database: Database, *slots: float, symbol: str = "NVDA", book: str = BOOK) -> int:
    """Store a bar that closes at 10 + n, n slots after AT."""
    new = [
        a_bar(symbol=symbol, at=AT + n * SPAN, open=10 + n, high=20 + n, low=n, close=10 + n)
        for n in slots
    ]
    with database.begin() as db:
        return bars.insert(db, book, new, "test")


def test_only_new_bars_count(database: Database) -> None:
    assert _store(database, 0, 1) == 2
    assert _store(database, 1, 2) == 1
    assert _store(database, 3, 3) == 1
    assert _store(database) == 0


def test_two_batches_in_one_transaction_do_not_meet(database: Database) -> None:
    with database.begin() as db:
        assert bars.insert(db, BOOK, [a_bar()], "test") == 1
        assert bars.insert(db, BOOK, [a_bar(symbol="AMD")], "test") == 1


def test_a_stored_bar_is_never_replaced(database: Database) -> None:
    _store(database, 0)
    with database.begin() as db:
        bars.insert(db, BOOK, [a_bar(close=999.0)], "test")
    assert _panel(database, "NVDA").close[0, 0] == 10.0


def test_odd_symbols_survive_the_copy(database: Database) -> None:
    odd = ['a"b', "a,b", "a\tb", "a\\nb", "\\.", "a\nb"]
    with database.begin() as db:
        assert bars.insert(db, BOOK, [a_bar(symbol=s) for s in odd], "t") == len(odd)
        assert set(bars.last_at(db, BOOK, odd)) == set(odd)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_stores_nothing(database: Database, bad: float) -> None:
    with database.begin() as db:
        with pytest.raises(InvalidData, match="bar of AMD at 2026-03-20T14:30:00"):
            bars.insert(db, BOOK, [a_bar(), a_bar(symbol="AMD", low=bad)], "test")
        assert bars.last_at(db, BOOK, ["NVDA", "AMD"]) == {}


def test_writers_of_the_same_bars_neither_fail_nor_double(database: Database) -> None:
    symbols = [f"S{n}" for n in range(50)]
    batches = [symbols, symbols[::-1], symbols[20:], symbols[:30]] * 3

    def write(batch: list[str]) -> int:
        with database.begin() as db:
            return bars.insert(db, BOOK, [a_bar(symbol=s) for s in batch], "test")

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(write, batches)) == len(symbols)


def test_a_slot_without_a_bar_carries_the_close(database: Database) -> None:
    _store(database, 0, 2)
    panel = _panel(database, "NVDA")
    assert panel.close.tolist() == [[10, 10, 12, 12]]
    assert panel.open.tolist() == [[10, 10, 12, 12]]
    assert panel.high.tolist() == [[20, 10, 22, 12]]
    assert panel.low.tolist() == [[0, 10, 2, 12]]
    assert panel.volume.tolist() == [[100, 0, 100, 0]]


def test_the_close_is_carried_from_before_the_window(database: Database) -> None:
    _store(database, -5000, -3000, 2)
    panel = _panel(database, "NVDA")
    assert panel.close.tolist() == [[-2990, -2990, 12, 12]]
    assert panel.volume.tolist() == [[0, 0, 100, 0]]


def test_everything_before_the_first_bar_is_nan(database: Database) -> None:
    _store(database, 2)
    panel = _panel(database, "NVDA", "NONE")
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        assert np.isnan(values[0]).tolist() == [True, True, False, False]
        assert np.isnan(values[1]).all()


def test_the_bar_that_is_not_over_is_left_out(database: Database) -> None:
    _store(database, 0, 1, 2, 3, 4)
    punctual, late = _panel(database, "NVDA"), _panel(database, "NVDA", late=29.9)
    assert late.end == punctual.end == AT + 4 * SPAN
    assert late.close.tolist() == punctual.close.tolist() == [[10, 11, 12, 13]]


def test_bars_in_one_slot_are_merged(database: Database) -> None:
    _store(database, 0, 0.25, 0.5)
    panel = _panel(database, "NVDA", count=1)
    got = [float(x[0, 0]) for x in (panel.open, panel.high, panel.low, panel.close, panel.volume)]
    assert got == [10, 20.5, 0, 10.5, 300]


def test_symbols_keep_their_order_and_books_do_not_meet(database: Database) -> None:
    _store(database, 0, symbol="B")
    _store(database, 1, symbol="A")
    _store(database, 0, symbol="A", book="other")
    panel = _panel(database, "B", "A")
    assert panel.symbols == ("B", "A")
    assert np.isnan(panel.close).tolist() == [[False] * 4, [True, False, False, False]]
    assert _panel(database).close.shape == (0, 4)


def test_the_newest_bar_and_the_count(database: Database) -> None:
    _store(database, 0, 1, 2)
    _store(database, 1, symbol="AMD")
    with database.begin() as db:
        newest = bars.last_at(db, BOOK, ["NVDA", "AMD", "NONE"])
        counted = bars.count_since(db, BOOK, ["NVDA", "AMD", "NONE"], AT + SPAN)
    assert newest == {"NVDA": AT + 2 * SPAN, "AMD": AT + SPAN}
    assert counted == {"NVDA": 2, "AMD": 1}
