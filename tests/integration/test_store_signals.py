"""Signals, intents and the book's state: stored once, dealt with once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
import sqlalchemy as sa
from store_builders import AT, BOOK, a_signal, an_intent, the_only

from app.engine.orders import Purpose, Side
from app.io.store import intents, signals
from app.io.store.database import Database

SECOND = timedelta(seconds=1)


def test_a_signal_is_stored_once(database: Database) -> None:
    first, second = a_signal(), a_signal(id="s2", symbol="AMD")
    with database.begin() as db:
        assert signals.insert_once(db, [first]) == [first]
        assert signals.insert_once(db, [first, second]) == [second]
        assert signals.insert_once(db, []) == []


def test_one_signal_a_symbol_and_slot_whatever_its_id(database: Database) -> None:
    with database.begin() as db:
        signals.insert_once(db, [a_signal()])
        assert signals.insert_once(db, [a_signal(id="another")]) == []


def test_numpy_scores_are_stored(database: Database) -> None:
    scored = a_signal(score=np.float64(0.25), slot=np.int64(7), components={"a": np.float64(0.25)})
    with database.begin() as db:
        signals.insert_once(db, [scored])
        assert signals.unrouted(db, BOOK) == [scored]


def test_unrouted_signals_come_oldest_first_until_marked(database: Database) -> None:
    made = [a_signal(id=f"s{n}", slot=n, at=AT - n * SECOND) for n in range(3)]
    with database.begin() as db:
        signals.insert_once(db, [*made, a_signal(id="x", book="other")])
        assert signals.unrouted(db, BOOK) == made[::-1]
        assert signals.unrouted(db, BOOK, limit=1) == [made[2]]
        signals.mark_routed(db, ["s2", "s0"], AT)
        signals.mark_routed(db, [], AT)
        assert signals.unrouted(db, BOOK) == [made[1]]


def test_twenty_threads_route_each_signal_once(database: Database) -> None:
    with database.begin() as db:
        signals.insert_once(db, [a_signal(id=f"s{n}", slot=n) for n in range(20)])

    def route(_: int) -> list[str]:
        with database.begin() as db:
            taken = [s.id for s in signals.unrouted(db, BOOK, limit=3)]
            signals.mark_routed(db, taken, AT)
        return taken

    with ThreadPoolExecutor(20) as pool:
        routed = [id_ for taken in pool.map(route, range(20)) for id_ in taken]
    assert len(routed) == len(set(routed)) == 20


def test_an_intent_comes_back_as_it_was(database: Database) -> None:
    entry = an_intent(basket="SEMIS", signals=("s1", "s2"))
    leave = an_intent(
        id="i2", side=Side.SELL, purpose=Purpose.STOP_LOSS, quantity=Decimal("3.5"), signals=()
    )
    with database.begin() as db:
        assert intents.insert_once(db, [entry, leave]) == [entry, leave]
        assert intents.insert_once(db, [entry, leave]) == []
        assert intents.listing(db, BOOK) == [entry, leave]
        assert intents.listing(db, BOOK, AT + SECOND) == []


def test_decided_intents_do_not_come_again(database: Database) -> None:
    early, late = an_intent(id="b", at=AT), an_intent(id="a", symbol="SQQQ", at=AT + SECOND)
    with database.begin() as db:
        intents.insert_once(db, [late, early])
        assert intents.undecided(db, BOOK) == [early, late]
        intents.mark_decided(db, ["b"], AT)
        assert intents.undecided(db, BOOK) == [late]


def test_an_intent_that_is_being_decided_is_left_out(database: Database) -> None:
    with database.begin() as db:
        intents.insert_once(db, [an_intent()])
    with database.begin() as first, database.begin() as second:
        assert len(intents.undecided(first, BOOK)) == 1
        assert intents.undecided(second, BOOK) == []


def test_the_database_refuses_a_word_it_does_not_know(database: Database) -> None:
    wrong = replace(an_intent(), purpose="whim")  # type: ignore[arg-type]
    with pytest.raises(sa.exc.IntegrityError, match="ck_intents_purpose"), database.begin() as db:
        intents.insert_once(db, [wrong])
    assert the_only(database, "SELECT count(*) FROM intents") == 0
