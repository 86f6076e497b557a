"""A day's texts and model calls, counted from the rows."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import insert
from store_builders import AT, BOOK

from app.engine.events import Event, EventKind
from app.io.store import events
from app.io.store.database import Database
from app.io.store.day_figures import DayFigures, counted
from app.io.store.schema import model_calls


def a_call(**changes: Any) -> dict[str, Any]:
    texts = ("symbol", "event_id", "content_key", "prompt_version", "prompt", "asked_model")
    row = {"book": BOOK, "at": AT, "day": date(2026, 3, 20), **dict.fromkeys(texts, "x")}
    money = {"reserved_usd": Decimal("0.01"), "cost_usd": None, "krw_per_usd": Decimal(1450)}
    return {**row, **money, "state": "RESERVED", **changes}


def test_a_book_without_texts_has_none(database: Database) -> None:
    with database.begin() as db:
        assert counted(db, BOOK) == DayFigures()


def test_events_are_counted_by_what_they_are_and_calls_by_what_they_cost(
    database: Database,
) -> None:
    kinds = [*EventKind, EventKind.EDGAR]
    told = [Event(f"e{n}", kind, None, AT, AT, "x", "x") for n, kind in enumerate(kinds)]
    with database.begin() as db:
        events.insert_once(db, BOOK, told)
        events.insert_once(db, "other", [Event("o", EventKind.EDGAR, None, AT, AT, "x", "x")])
        calls = [a_call(), a_call(state="SETTLED", cost_usd=Decimal("0.004")), a_call(book="other")]
        db.execute(insert(model_calls), calls)
        assert counted(db, BOOK) == DayFigures(
            news=4, filings=2, spikes=1, model_calls=2, model_usd=Decimal("0.014")
        )
