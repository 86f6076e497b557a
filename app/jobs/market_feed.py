"""The market data stream of a book: its minutes and articles are handed to their steps."""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from app.engine.book import Book
from app.engine.errors import AppError, Rejected
from app.io.feeds import bars_stream
from app.io.feeds.bars_stream import Heard
from app.io.feeds.news_alpaca import article
from app.io.feeds.port import BadEntry, Events, Source
from app.jobs import root
from app.pipeline import in_force, intake, minutes
from app.pipeline.minutes import Newest
from app.pipeline.services import Services

#: The feed's name in quarantine and on the tape.
NAME = "alpaca.stream"

log = structlog.get_logger("metronome")


async def follow_market(book: Book, stop: asyncio.Event) -> None:
    """Follow the stream until ``stop`` is set. A refusal ends it alone; quotes are polled."""
    alpaca = root.settings().alpaca
    key, secret = alpaca.keys()
    source = Source(alpaca.data_stream_url, key.reveal(), secret.reveal())
    to, newest = await asyncio.to_thread(root.services, book.id), Newest()

    async def on_heard(said: Heard) -> None:
        # The store and the clock block: updates of orders must not wait for them.
        await asyncio.to_thread(take_in, to, said, newest)

    try:
        await bars_stream.follow(source, book.universe.symbols, on_heard, stop)
    except Rejected as error:
        log.error("market_data_refused", book=book.id, why=str(error))


def take_in(to: Services, said: Heard, newest: Newest) -> None:
    """Hand a frame to the steps, with the book as it is now, as a task does.

    What they cannot store now is dropped: polls bring it again.
    """
    steps: list[Callable[[Services], int]] = [partial(_minutes, said, newest)]
    if said.articles or said.unreadable:
        steps.append(partial(_articles, said))
    for step in steps:
        try:
            step(in_force.current(to))
        except AppError as error:
            log.warning("market_data_dropped", book=to.book.id, why=str(error))


def _minutes(said: Heard, newest: Newest, to: Services) -> int:
    return minutes.take_in(to, said.bars, said.corrected, newest)


def _articles(said: Heard, to: Services) -> int:
    bad = [BadEntry("", f"{said.unreadable} messages are no objects", "")] * bool(said.unreadable)
    watched, now = intake.watched(to.book), to.clock.now()
    good = [event for value in said.articles for event in article(value, watched, now, bad)]
    return intake.take_in(to, NAME, Events(tuple(good), tuple(bad)))
