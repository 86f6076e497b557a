"""The model's budget: a ledger that no number of processes can pass, whatever dies in between."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from multiprocessing import get_context

import pytest
import sqlalchemy as sa
from budget_racer import AT, DAY, TRIES, a_call, race
from pipeline_world import a_book
from store_builders import the_only

from app.engine.book import Book
from app.engine.verdicts import Reason, Verdict
from app.io.store import model_calls
from app.io.store.database import Database
from app.io.store.model_calls import Call, Known, Outcome

PROCESSES = 20


def book(**changes: object) -> Book:
    shipped = a_book()
    return replace(shipped, model=replace(shipped.model, **changes))


def raced(database: Database, url: str, of: Book) -> model_calls.Spent:
    context = get_context("spawn")
    start = context.Barrier(PROCESSES)
    racers = [context.Process(target=race, args=(url, of, start, n)) for n in range(PROCESSES)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
    assert [racer.exitcode for racer in racers] == [0] * PROCESSES
    with database.begin() as db:
        return model_calls.spent(db, of, DAY)


def test_twenty_processes_never_pass_the_calls_of_a_day(
    database: Database, database_url: str
) -> None:
    spent = raced(database, database_url, book(calls_per_day=37))
    assert spent.calls == 37


def test_twenty_processes_never_pass_the_money_of_a_month(
    database: Database, database_url: str
) -> None:
    one = a_call(book(), "0-0").worst_usd * book().model.krw_per_usd
    of = book(calls_per_day=100_000, monthly_krw=(one * 25).quantize(Decimal(1)))
    spent = raced(database, database_url, of)
    assert 20 <= spent.calls < PROCESSES * TRIES
    assert spent.krw <= spent.krw_limit
    assert spent.krw + 2 * one > spent.krw_limit


def reserve(database: Database, of: Book, call: Call) -> int | Known | Verdict:
    with database.begin() as db:
        return model_calls.reserve(db, of, call)


def settle(database: Database, call: int, cost: str | None) -> bool:
    outcome = Outcome(Reason.PASSED, None if cost is None else Decimal(cost), answer={})
    with database.begin() as db:
        return model_calls.settle(db, call, outcome)


def test_dollars_are_a_limit_of_their_own(database: Database) -> None:
    of = book(monthly_usd=a_call(book(), "a").worst_usd * 2)
    assert isinstance(reserve(database, of, a_call(of, "a")), int)
    assert isinstance(reserve(database, of, a_call(of, "b")), int)
    refused = reserve(database, of, a_call(of, "c"))
    assert isinstance(refused, Verdict)
    assert refused.reason is Reason.MODEL_MONEY_SPENT


def test_what_died_before_it_was_settled_counts_for_the_month_and_no_longer(
    database: Database,
) -> None:
    of = book(monthly_usd=a_call(book(), "a").worst_usd)
    assert isinstance(reserve(database, of, a_call(of, "a")), int)  # and nobody settles it
    later = {"at": AT + timedelta(days=11), "day": date(2026, 3, 31)}
    assert isinstance(reserve(database, of, a_call(of, "b", **later)), Verdict)
    april = {"at": AT + timedelta(days=12), "day": date(2026, 4, 1)}
    assert isinstance(reserve(database, of, a_call(of, "b", **april)), int)


def test_the_calls_of_a_day_are_those_of_the_exchanges_date(database: Database) -> None:
    of = book(calls_per_day=1)
    assert isinstance(reserve(database, of, a_call(of, "a")), int)
    assert isinstance(reserve(database, of, a_call(of, "b")), Verdict)
    assert isinstance(reserve(database, of, a_call(of, "b", day=date(2026, 3, 21))), int)


def test_a_call_is_settled_once_and_its_true_cost_is_seen(database: Database) -> None:
    of = book(monthly_usd=Decimal(10))
    call = reserve(database, of, a_call(of, "a"))
    assert isinstance(call, int)
    assert settle(database, call, "9.9999")
    assert not settle(database, call, "0")
    assert the_only(database, "SELECT cost_usd FROM model_calls") == Decimal("9.9999")
    assert isinstance(reserve(database, of, a_call(of, "b")), Verdict)


def test_without_a_figure_the_worst_case_is_what_it_cost(database: Database) -> None:
    of = book()
    call = reserve(database, of, a_call(of, "a"))
    assert isinstance(call, int)
    assert settle(database, call, None)
    assert the_only(database, "SELECT cost_usd = reserved_usd FROM model_calls")


def test_a_content_is_paid_for_once_within_the_cache(database: Database) -> None:
    of = book()
    first = reserve(database, of, a_call(of, "a"))
    again = reserve(database, of, a_call(of, "a", at=AT + timedelta(minutes=29)))
    assert isinstance(again, Known)
    assert (again.id, again.outcome) == (first, None)
    assert kept(database, of, 29) == {a_call(of, "a").prompt.key}
    assert kept(database, of, 30) == frozenset()
    assert isinstance(reserve(database, of, a_call(of, "a", at=AT + timedelta(minutes=30))), int)


def kept(database: Database, of: Book, minutes: int) -> frozenset[str]:
    with database.begin() as db:
        return model_calls.kept(db, of, AT + timedelta(minutes=minutes))


def test_what_certainly_was_not_sent_is_no_call(database: Database) -> None:
    of = book(calls_per_day=1)
    unsent = reserve(database, of, a_call(of, "a"))
    assert isinstance(unsent, int)
    with database.begin() as db:
        assert model_calls.made(db, of.id).calls == 1
        assert len(model_calls.kept(db, of, AT)) == 1
        model_calls.settle(db, unsent, Outcome(model_calls.UNSENT, Decimal(0)))
        assert model_calls.kept(db, of, AT) == frozenset()
        assert model_calls.made(db, of.id) == (0, 0)
    assert isinstance(reserve(database, of, a_call(of, "b")), int)
    with database.begin() as db:
        assert model_calls.made(db, of.id, AT, AT + timedelta(seconds=1)).calls == 1
        assert model_calls.made(db, of.id, AT + timedelta(seconds=1)).calls == 0


def test_books_have_budgets_of_their_own(database: Database) -> None:
    one = book(calls_per_day=1)
    other = replace(one, id="other")
    assert isinstance(reserve(database, one, a_call(one, "a")), int)
    assert isinstance(reserve(database, other, a_call(other, "a")), int)


@pytest.mark.parametrize("krw", [1450, 2900])
def test_won_are_counted_at_the_rate_of_their_day(database: Database, krw: int) -> None:
    of = book(krw_per_usd=Decimal(krw))
    call = reserve(database, of, a_call(of, "a"))
    assert isinstance(call, int)
    assert settle(database, call, "2")
    with database.begin() as db:
        later = book(krw_per_usd=Decimal(1))
        assert model_calls.spent(db, later, DAY).krw == 2 * krw
        assert db.scalar(sa.text("SELECT count(*) FROM model_calls")) == 1
