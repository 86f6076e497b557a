"""A book wired by hand over real servers and the paper ledger, with a clock that the test sets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline_market import CALENDAR, MINUTE, NOON, SECOND, D, Market, Unruly, in_parts

from app.adapters import BROKERS
from app.adapters.port import Connection, Rehearsal
from app.config import ConfigError, changes
from app.config.loading import load
from app.engine.book import Book, BookStatus, RateLimit
from app.engine.errors import InvalidData
from app.engine.events import Event, EventKind
from app.engine.ids import intent_id, signal_id, slot_of
from app.engine.in_force import InForce
from app.engine.orders import BrokerOrder, Intent, Order, OrderState, Purpose, Side
from app.engine.portfolio import Position
from app.engine.signals import Signal
from app.io.buckets import Buckets
from app.io.locks import Leases
from app.io.store import book_states, events, intents, orders, positions, quotes, signals, tape
from app.io.store.database import Database
from app.io.streams import Streams
from app.pipeline import cycle, sessions
from app.pipeline.contact import Contact, Watched
from app.pipeline.messages import FILLS, SIGNALS, Update, encode
from app.pipeline.services import Rebook, Services

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOWHERE = Connection("http://127.0.0.1:1", "none", "none")


def a_book(**changes: Any) -> Book:
    """The shipped book, with the paper ledger as its broker and calls to spare."""
    plenty = RateLimit(10_000, MINUTE, 0)
    shipped = load({}, Path("no such file")).book("us_baskets")
    limits = dict.fromkeys(shipped.rate_limits, plenty)
    return replace(shipped, broker="paper", rate_limits=limits, **changes)


def rebook_of(book: Book) -> Rebook:
    """Make a world's book anew: what is changed comes from the settings, the rest is the world's.

    Rate limits are the world's too, unless one of them is changed.
    """
    shipped = load({}, Path("no such file"))
    before = shipped.book(book.id)

    def rebook(changed: Mapping[str, str]) -> InForce:
        try:
            made = changes.in_force(shipped, book.id, changed)
        except ConfigError as error:
            raise InvalidData("; ".join(map(str, error.problems))) from error
        parts = {f.name: getattr(made.book, f.name) for f in fields(Book)}
        other = {name: part for name, part in parts.items() if part != getattr(before, name)}
        name = made.fingerprint if changed else "fingerprint"
        return replace(made, book=replace(book, **other), fingerprint=name)

    return rebook


@dataclass
class World:
    """One book, its servers, its market and its broker."""

    database_url: str
    redis_url: str
    ledger_at: Path
    market: Market
    broker: Unruly
    book: Book
    services: list[Services] = field(default_factory=list)
    nudged: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    @property
    def to(self) -> Services:
        """The first worker's services."""
        return self.services[0] if self.services else self.worker()

    def worker(self, **changes: Any) -> Services:
        """Wire one more worker: its own connections and its own name, as another process has."""
        name = f"worker-{len(self.services)}"
        database = Database(self.database_url, name)
        contact = Contact(database, self.book.id, self.market.now, self._log)
        made = Services(
            book=self.book,
            settings="fingerprint",
            database=database.of(self.book.id),
            streams=Streams(self.redis_url, self.book.id, consumer=name),
            buckets=Buckets(self.redis_url, self.book.id, self.book.rate_limits),
            leases=Leases(database, name),
            broker=Watched(self.broker, contact),
            quotes=self.market,
            clock=self.market,
            calendar=CALENDAR,
            nudge=lambda task, slot=None: self.nudged.append(task),
            log=self._log,
            resolve_delays_s=(0.0, 0.0),
            owner=name,
            rebook=rebook_of(self.book),
        )
        self.services.append(replace(made, **changes))
        return self.services[-1]

    def _log(self, event: str, **_: Any) -> None:
        self.logged.append(event)

    def adopt(self) -> None:
        """Take over what the account holds, as ADOPT_POSITIONS=1 says."""
        self.services[0] = replace(self.to, adopt=True)

    def close(self) -> None:
        for to in self.services:
            to.leases.close()
            to.streams.close()
            to.buckets.close()
            to.database.dispose()

    # -- the market -----------------------------------------------------------------------------

    def wait(self, time: timedelta) -> None:
        """Let market time pass; every price is as new as before."""
        self.at(self.market.at + time)

    def at(self, moment: datetime) -> None:
        self.market.at = moment
        self.requote()

    def price(self, symbol: str, last: str) -> None:
        self.market.prices[symbol] = (D(last) - D("0.01"), D(last) + D("0.01"))
        self.requote()

    def requote(self) -> None:
        with self.to.database.begin() as db:
            seen = self.market.latest(tuple(self.market.prices)).good
            quotes.save(db, self.book.id, list(seen.values()))

    def taped(self, start: str) -> list[str]:
        """Return the changes on the tape that are named so, in their order."""
        with self.to.database.begin() as db:
            rows = list(tape.rows(db, self.book.id, 0, None))
        turns = [row.read() for row in rows if row.kind is not tape.Kind.BASE]
        calls = [call for one in turns for call in (one if isinstance(one, list) else one["said"])]
        return [name for name, *_ in calls if name.startswith(start)]

    # -- the book -------------------------------------------------------------------------------

    def open(self) -> str:
        """Start the book where the clock stands."""
        return sessions.advance(self.to)

    def run(self, times: int = 1, to: Services | None = None) -> str:
        return [cycle.run(to or self.to) for _ in range(times)][-1]

    def signal(self, symbol: str, score: float = 0.3, publish: bool = True) -> Signal:
        """Store a signal of now, and publish it as its step does."""
        slot = slot_of(self.market.at, 30 * SECOND)
        price = float(self.market.prices[symbol][1])
        name = signal_id(self.book.id, symbol, slot)
        made = Signal(name, self.book.id, symbol, slot, self.market.at, score, price)
        with self.to.database.begin() as db:
            signals.insert_once(db, [made])
        if publish:
            self.to.streams.publish(SIGNALS, {"id": made.id})
        return made

    def buy(self, symbol: str = "AAPL") -> Order:
        """Take a position: a signal, a pass, and what the broker's stream says of it."""
        self.signal(symbol)
        self.run()
        order = self.order(symbol)
        self.stream(order)
        self.run()
        self.wait(SECOND)
        return self.order(symbol)

    def intend(
        self,
        symbol: str,
        purpose: Purpose = Purpose.ENTRY,
        cause: str = "test",
        to: Services | None = None,
        quantity: Decimal | None = None,
    ) -> Intent:
        side = Side.BUY if purpose is Purpose.ENTRY else Side.SELL
        name = intent_id(self.book.id, purpose, symbol, side, cause)
        price = self.market.prices[symbol][1]
        made = Intent(name, self.book.id, symbol, side, purpose, price, self.market.at)
        made = replace(made, quantity=quantity)
        with (to or self.to).database.begin() as db:
            intents.insert_once(db, [made])
        return made

    def told(self, order: Order) -> list[Update]:
        """Return what the broker's stream says of an order, its fills in as many parts as asked."""
        if self.broker.capabilities.client_ids:
            final = self.broker.ledger.order_by_client_id(order.client_id)
        else:
            final = self.broker.order(order.broker_id or "")
        assert final is not None, "the broker has no such order"
        known = self.broker.ledger.executions(LONG_AGO)
        whole = [e for e in known if e.broker_order_id == final.broker_id]
        taken = replace(final, state=OrderState.SUBMITTED, filled_quantity=D(0), average_price=None)
        said = [Update(taken, None)]
        for part in (p for e in whole for p in in_parts(e, self.broker.parts)):
            done = part.cumulative == final.quantity
            state = OrderState.FILLED if done else OrderState.PARTIAL
            seen = replace(final, state=state, filled_quantity=part.cumulative)
            said.append(Update(seen, part))
        return said

    def stream(self, order: Order) -> None:
        for update in self.told(order):
            self.to.streams.publish(FILLS, encode(update))

    # -- what is there --------------------------------------------------------------------------

    def orders(self) -> list[Order]:
        with self.to.database.begin() as db:
            return orders.listing(db, self.book.id)

    def order(self, symbol: str) -> Order:
        return [order for order in self.orders() if order.symbol == symbol][-1]

    def held(self) -> dict[str, Position]:
        with self.to.database.begin() as db:
            return positions.held(db, self.book.id)

    def row(self) -> book_states.BookRow:
        with self.to.database.begin() as db:
            return book_states.load(db, self.book.id)

    def happens(self, symbol: str | None, **changes: Any) -> None:
        """Store news of now about a symbol."""
        now = self.market.at
        news = Event(f"e:{symbol}", EventKind.MARKET_NEWS, symbol, now, now, "test", "N", tone=0.2)
        with self.to.database.begin() as db:
            events.insert_once(db, self.book.id, [replace(news, **changes)])

    def quarantined(self) -> list[tuple[str, str]]:
        """Return (symbol, reason) of what was refused, oldest first."""
        with self.to.database.begin() as db:
            rows = db.exec_driver_sql("SELECT symbol, reason FROM quarantine ORDER BY id")
            return [(symbol, reason) for symbol, reason in rows]

    def set_status(self, status: BookStatus, why: str = "a test") -> None:
        with self.to.database.begin() as db:
            book_states.set_status(db, self.book.id, status, why, "test", self.market.at)

    def theirs(self) -> list[BrokerOrder]:
        return list(self.broker.ledger.orders_since(LONG_AGO))

    def reasons(self, step: str) -> list[str]:
        """Return the reasons that a step's verdicts gave, oldest first."""
        with self.to.database.begin() as db:
            rows = db.exec_driver_sql(
                "SELECT reason FROM verdicts WHERE step = %s ORDER BY id", (step,)
            )
            return list(rows.scalars())


@contextmanager
def world_of(
    urls: tuple[str, str],
    folder: Path,
    at: datetime = NOON,
    *,
    client_ids: bool = True,
    stops: bool = False,
    **book: Any,
) -> Iterator[World]:
    """A world that has not been opened; ``book`` changes the book."""
    usual = {"AAPL": "100", "MSFT": "200", "NVDA": "50", "TSLA": "80", "SQQQ": "30", "SOXS": "20"}
    market = Market(at, prices={s: (D(p) - D("0.01"), D(p) + D("0.01")) for s, p in usual.items()})
    rehearsal = Rehearsal(folder / "paper.sqlite", D(100_000), market.prices.get, market.session)
    broker = Unruly(BROKERS["paper"](NOWHERE, rehearsal), client_ids, stops)
    world = World(*urls, folder / "paper.sqlite", market, broker, a_book(**book))
    try:
        world.requote()
        yield world
    finally:
        world.close()
