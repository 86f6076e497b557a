"""Quotes, events, refused data."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
from store_builders import AT, BOOK, a_quote, the_only

from app.engine.events import Event, EventKind
from app.io.store import events, quarantine, quotes
from app.io.store.database import Database

SECOND = timedelta(seconds=1)


def test_an_older_quote_never_replaces_a_newer_one(database: Database) -> None:
    with database.begin() as db:
        quotes.save(db, BOOK, [a_quote(at=AT + SECOND, last=2.0), a_quote(at=AT, last=1.0)])
        quotes.save(db, BOOK, [a_quote(at=AT, last=3.0)])
        assert quotes.load(db, BOOK)["NVDA"].last == 2.0
        quotes.save(db, BOOK, [a_quote(at=AT + 2 * SECOND, last=4.0)])
        assert quotes.load(db, BOOK) == {"NVDA": a_quote(at=AT + 2 * SECOND, last=4.0)}


def test_quotes_are_found_by_book_and_symbol(database: Database) -> None:
    with database.begin() as db:
        quotes.save(db, BOOK, [])
        quotes.save(db, BOOK, [a_quote(), a_quote(symbol="AMD", last=np.float64(5.5))])
        quotes.save(db, "other", [a_quote(symbol="TSLA")])
        assert list(quotes.load(db, BOOK)) == ["AMD", "NVDA"]
        assert quotes.load(db, BOOK, ["AMD", "TSLA"])["AMD"].last == 5.5
        assert quotes.load(db, BOOK, []) == {}


def test_an_event_is_stored_once(database: Database) -> None:
    payload = {"form": "8-K"}
    first = Event("e1", EventKind.EDGAR, "NVDA", AT, AT + SECOND, "edgar", "8-K", payload=payload)
    second = Event("e2", EventKind.MARKET_NEWS, None, AT, AT + 2 * SECOND, "alpaca", "News")
    with database.begin() as db:
        assert events.insert_once(db, BOOK, [first]) == [first]
        assert events.insert_once(db, BOOK, [first, second]) == [second]
        assert events.insert_once(db, BOOK, []) == []
        assert events.listing(db, BOOK, AT) == [first, second]
        assert events.listing(db, BOOK, AT + 2 * SECOND) == [second]
        assert events.listing(db, BOOK, AT, "edgar") == [first]
        assert events.listing(db, "other", AT) == []


def test_refused_data_is_kept_as_it_came(database: Database) -> None:
    payload = {"last": float("nan"), "text": "nul \x00 and half \ud800", "bid": Decimal("1.50")}
    with database.begin() as db:
        quarantine.add(db, BOOK, AT, "alpaca", "NVDA", "bad_price", payload)
        quarantine.add(db, BOOK, AT, "alpaca", None, "unreadable", {})
    kept = the_only(database, "SELECT payload FROM quarantine WHERE symbol = 'NVDA'")
    assert kept == {"last": "nan", "text": "nul \ufffd and half ?", "bid": "1.5"}
