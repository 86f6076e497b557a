"""Twenty processes over one book and one PostgreSQL: no limit is passed, no basket bought twice."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline_market import CALENDAR, SECOND, D
from pipeline_world import World, a_book, world_of
from worker_process import Task, work

from app.engine import sizing
from app.engine.book import Book
from app.pipeline import desk

WORKERS = 20
SYMBOLS = tuple(f"S{letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
SMALL = replace(a_book().risk, max_positions=100, min_slots=16)
CAPS = a_book().caps


def race(world: World, urls: tuple[str, str], each: int) -> None:
    """Let twenty processes decide at once; with ``each``, so many intents of their own."""
    context = multiprocessing.get_context("forkserver")
    # What is loaded here, the processes need not load twenty times.
    context.set_forkserver_preload(["app.pipeline.cycle", "app.pipeline.sessions", "app.config"])
    start, hours = context.Barrier(WORKERS), CALENDAR.session_for(world.market.at)
    processes = []
    for n in range(WORKERS):
        symbols = [SYMBOLS[(n + 7 * k) % len(SYMBOLS)] for k in range(each)]
        wanted = tuple((symbol, f"worker {n}") for symbol in symbols)
        task = Task(urls, world.book, world.market.at, hours, wanted)
        processes.append(context.Process(target=work, args=(start, task)))
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        process.kill()
    assert [process.exitcode for process in processes] == [0] * WORKERS


@pytest.fixture
def urls(database_url: str, redis_url: str) -> tuple[str, str]:
    return database_url, redis_url


@pytest.fixture
def world(urls: tuple[str, str], tmp_path: Path, request: Any) -> Iterator[World]:
    with world_of(urls, tmp_path, **request.param) as made:
        for symbol in SYMBOLS:
            made.price(symbol, "50")
        made.open()
        yield made


@pytest.mark.parametrize(
    ("world", "stopped_by", "most"),
    [
        ({"risk": SMALL, "caps": replace(CAPS, total=7)}, "daily_cap", 7),
        ({"risk": replace(SMALL, max_concurrent_risk=D("0.004"))}, "zero_quantity", 6),
        (
            {"risk": replace(SMALL, leverage=dict.fromkeys(SYMBOLS, D(-3)), max_look_through=D(1))},
            "zero_quantity",
            7,
        ),
    ],
    indirect=["world"],
)
def test_f4_twenty_processes_pass_no_limit(
    world: World, urls: tuple[str, str], stopped_by: str, most: int
) -> None:
    race(world, urls, 2)
    with world.to.database.begin() as db:
        context = desk.risk_context(world.book, CALENDAR, desk.read(world.to, db))
    made, risk = world.orders(), world.book.risk
    assert len(made) == most
    assert max(Counter(order.symbol for order in made).values()) == 1
    for use in (sizing.risk_in_use, sizing.exposure_in_use, sizing.look_through_in_use):
        assert use(risk, context).used <= use(risk, context).limit
    assert sizing.money_in_use(context).used <= context.cash
    assert context.entries.total == len(made) <= world.book.caps.total
    assert stopped_by in world.reasons("risk")


def loose(book: Book) -> dict[str, Any]:
    baskets = tuple(replace(b, ticks=1, min_signals=1) for b in book.routing.baskets)
    return {"routing": replace(book.routing, baskets=baskets)}


@pytest.mark.parametrize("world", [loose(a_book())], indirect=True)
def test_f2_twenty_processes_make_one_order_of_a_basket(
    world: World, urls: tuple[str, str]
) -> None:
    world.signal("AAPL", -0.5)
    world.wait(30 * SECOND)
    race(world, urls, 0)
    assert [order.symbol for order in world.orders()] == ["SQQQ"]
