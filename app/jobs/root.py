"""The composition root of every process that moves orders: settings in, wired services out."""

import os
import socket
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path

import structlog
from celery import Celery

from app.adapters import BROKERS
from app.adapters.port import Broker, Connection
from app.config import changes
from app.config.confirmation import confirmed
from app.config.errors import ConfigError
from app.config.fingerprint import fingerprint
from app.config.loading import load
from app.config.settings import Settings
from app.engine.book import Book
from app.engine.errors import InvalidData
from app.engine.in_force import InForce
from app.io.beating import Beating
from app.io.buckets import Buckets
from app.io.calendar import ExchangeCalendar
from app.io.clock import MarketClock
from app.io.commit import commit_of
from app.io.feeds import FEEDS
from app.io.feeds.port import QuoteSource, Source
from app.io.llm import openai_model
from app.io.llm.port import Model, Server
from app.io.locks import Leases
from app.io.store.database import Database
from app.io.streams import Streams
from app.jobs.celery_app import make_app
from app.jobs.nudges import Nudges
from app.jobs.rehearsal import rehearse
from app.jobs.sources import event_sources
from app.pipeline.contact import Contact, Watched
from app.pipeline.services import Rebook, Services

#: Wall seconds. Together less than the soft time limit of the task that sends orders.
CONNECT_WITHIN_S, ANSWER_WITHIN_S = 2.0, 6.0
#: Ledgers of our own have no market: they look at that of another broker, and send it no order.
MARKETS = {"paper": "alpaca"}


@cache
def settings() -> Settings:
    """Return this process's settings, read once from the environment and ``.env``."""
    return load(os.environ, Path(".env"), confirm_real=confirmed())


@cache
def celery() -> Celery:
    """Return the Celery application whose tasks this process carries out."""
    return make_app(settings().broker_url())


@cache
def sender() -> Celery:
    """Return the Celery application by which this process sends; a fork may go on using it."""
    return make_app(settings().broker_url(), only_sends=True)


@cache
def database() -> Database:
    """Return this process's door to PostgreSQL; it connects on first use."""
    return Database(settings().store_url(), "metronome")


@cache
def clock(book_id: str) -> MarketClock:
    """Return the market's clock of a book: its broker's, run forward between two readings."""
    book = settings().book(book_id)
    # A connection of its own, with little patience: no order waits long for the time of day.
    told = BROKERS[_market(book)](replace(connection(), connect_timeout_s=1.0, read_timeout_s=2.0))

    def read() -> datetime:
        return told.clock().at

    return MarketClock(read, settings().market_speed)


@cache
def broker(book_id: str) -> Broker:
    """Return the broker of a book."""
    told = settings()
    book = told.book(book_id)
    if book.broker not in MARKETS:
        return BROKERS[book.broker](connection())
    path = told.state / book.broker / f"{book_id}.sqlite"
    rehearsal = rehearse(book, database(), clock(book_id), path, told.paper_cash)
    return BROKERS[book.broker](connection(), rehearsal)


def _market(book: Book) -> str:
    """Return the broker whose prices and time a book lives by."""
    return MARKETS.get(book.broker, book.broker)


def has_market_stream(book: Book) -> bool:
    """Say whether a book's prices come from a market whose stream can be followed."""
    return _market(book) in FEEDS and settings().alpaca.key is not None


def connection(*, stream: bool = False) -> Connection:
    """Return how to reach the broker's trading API, or its stream of trade updates."""
    return connection_of(settings(), stream=stream)


def connection_of(told: Settings, *, stream: bool = False) -> Connection:
    """Return how to reach the broker that these settings name."""
    alpaca = told.alpaca
    key, secret = alpaca.keys()
    url = alpaca.stream_url if stream else alpaca.trading_url
    return Connection(
        url,
        key.reveal(),
        secret.reveal(),
        connect_timeout_s=CONNECT_WITHIN_S,
        read_timeout_s=ANSWER_WITHIN_S,
    )


@cache
def services(book_id: str) -> Services:
    """Wire the services of one book for this process."""
    told = settings()
    book = told.book(book_id)
    log = structlog.get_logger("metronome").warning
    contact = Contact(database(), book_id, clock(book_id).now, log)
    return Services(
        book=book,
        settings=fingerprint(told),
        database=database().of(book_id),
        streams=streams(book_id),
        buckets=Buckets(told.app_redis_url(), book_id, book.rate_limits),
        leases=leases(),
        broker=Watched(broker(book_id), contact),
        quotes=quotes(book),
        clock=clock(book_id),
        calendar=ExchangeCalendar(book.calendar),
        nudge=Nudges(sender(), book_id),
        log=log,
        resolve_delays_s=told.resolve_delays_s,
        owner=owner(),
        rebook=rebook_of(told, book_id),
        commit=commit_of(),
        adopt=told.adopt_positions,
        model=_model(),
        events=event_sources(told),
    )


def rebook_of(told: Settings, book_id: str) -> Rebook:
    """Return how a book is made anew from the settings of the start with some of them changed."""

    @lru_cache(maxsize=16)
    def made(changed: tuple[tuple[str, str], ...]) -> InForce:
        try:
            return changes.in_force(told, book_id, dict(changed))
        except ConfigError as error:
            raise InvalidData("; ".join(map(str, error.problems))) from error

    return lambda changed: made(tuple(sorted(changed.items())))


@cache
def streams(book_id: str) -> Streams:
    """Return the streams of a book, read by every worker of this machine under one name."""
    return Streams(settings().app_redis_url(), book_id, consumer=socket.gethostname())


def beating() -> Beating:
    """Return the mark by which the processes of this stack know that its beat ticks."""
    return Beating(settings().app_redis_url())


@cache
def leases() -> Leases:
    """Return the leases of this process; their owner is this process and no other."""
    return Leases(database(), owner())


def owner() -> str:
    """Return this process's name among all that may own a book."""
    return f"{socket.gethostname()}:{os.getpid()}"


def quotes(book: Book) -> QuoteSource:
    """Return where a book's prices come from."""
    alpaca = settings().alpaca
    key, secret = alpaca.keys()
    source = Source(alpaca.data_url, key.reveal(), secret.reveal())
    return FEEDS[_market(book)](source, alpaca.feed)


def _model() -> Model | None:
    """Return the language model; None without a key. Whether a book asks it, its step knows."""
    sources = settings().sources
    if sources.openai_key is None:
        return None
    return openai_model(Server(sources.openai_url, sources.openai_key.reveal()))


def forget_connections() -> None:
    """Forget what was wired before a fork: a child makes its own connections on first use."""
    database().dispose(close=False)
    for made in (database, clock, broker, streams, services, leases):
        made.cache_clear()
