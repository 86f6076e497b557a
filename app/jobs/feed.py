"""The feed process: streams of orders, minutes and news are taken in, outside Celery."""

import asyncio
import signal

import structlog

from app.adapters import STREAMS
from app.adapters.port import TradeUpdate
from app.engine.book import Book
from app.engine.errors import Transient
from app.io.logging import configure
from app.jobs import root
from app.jobs.market_feed import follow_market
from app.jobs.nudges import Nudges
from app.pipeline.messages import FILLS, Update, encode


def run() -> None:
    """Follow the stream of every book until SIGTERM. Raises Rejected for refused credentials."""
    settings = root.settings()
    configure(settings.log_level, settings.secrets())
    asyncio.run(_follow_all(settings.books))


async def _follow_all(books: tuple[Book, ...]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    followed = (_follow(book, stop) for book in books if book.broker in STREAMS)
    markets = (follow_market(book, stop) for book in books if root.has_market_stream(book))
    # Without a stream to follow there is still a process that must not end by itself.
    await asyncio.gather(stop.wait(), *followed, *markets)


async def _follow(book: Book, stop: asyncio.Event) -> None:
    streams, nudge = root.streams(book.id), Nudges(root.sender(), book.id)
    log = structlog.get_logger("metronome")

    def on_update(update: TradeUpdate) -> None:
        try:
            streams.publish(FILLS, encode(Update(update.order, update.execution)))
        except Transient as error:
            # The poll of quiet orders and the next reconciliation find what is dropped here.
            log.warning("update_dropped", order=update.order.client_id, why=str(error))
        nudge("pipeline_e2e")

    def on_connect() -> None:
        log.info("feed_connected", book=book.id)
        nudge("reconcile")

    await STREAMS[book.broker](
        root.connection(stream=True), on_update=on_update, on_connect=on_connect, stop=stop
    )
