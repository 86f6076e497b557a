"""The feed process: streams of orders, minutes and news are taken in, outside Celery.

A spare stack's feed follows nothing: what it heard would wake its worker beside the other's.
"""

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
from app.jobs.standby import while_beating
from app.pipeline.messages import FILLS, Update, encode


def run() -> None:
    """Follow the stream of every book, while this stack's beat ticks, until SIGTERM.

    Raises Rejected for refused credentials.
    """
    settings = root.settings()
    configure(settings.log_level, settings.secrets())
    asyncio.run(_follow_all(settings.books))


async def _follow_all(books: tuple[Book, ...]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def follow(over: asyncio.Event) -> None:
        followed = (_follow(book, over) for book in books if book.broker in STREAMS)
        markets = (follow_market(book, over) for book in books if root.has_market_stream(book))
        # Without a stream to follow there is still a process that must not end by itself.
        await asyncio.gather(over.wait(), *followed, *markets)

    await while_beating(root.beating(), stop, follow)


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
