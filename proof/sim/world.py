"""A seed's world: two workers, a feed, a beat and a broker, and what happens to them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from app.config.loading import load
from app.engine.book import Book, RateLimit
from app.engine.orders import Order
from app.io.store import fills, orders, quotes
from app.pipeline import cycle, invariants, reconcile, sessions
from app.pipeline.services import Services
from proof.sim.broker import MemoryBroker
from proof.sim.events import EVENTS, around, nudged
from proof.sim.fate import Fate
from proof.sim.judge import Judge
from proof.sim.market import Market
from proof.sim.process import Around, Process
from proof.sim.stage import Stage

#: Friday, 2026-03-20, 11:00 in New York: the middle of a full day.
NOON = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
PRICES = {"AAPL": "100", "MSFT": "200", "NVDA": "50", "TSLA": "80", "SQQQ": "30", "SOXS": "20"}
CASH = Decimal(100_000)
#: Of all points between two effects, this share goes wrong in a seed.
RATES = (0.01, 0.03, 0.1)
#: So often is everything looked at once nothing goes wrong any more: an order in doubt is asked
#: about five times, a minute apart at most, before it is sent again.
LOOKS = 12


@cache
def the_book() -> Book:
    """Return the shipped book, with calls to spare and no scores to compute."""
    shipped = load({}, Path("no such file")).book("us_baskets")
    plenty = RateLimit(100_000, timedelta(minutes=1), 0)
    limits = dict.fromkeys(shipped.rate_limits, plenty)
    return replace(shipped, rate_limits=limits, signals=replace(shipped.signals, history=2))


@dataclass(frozen=True)
class Played:
    """What came of a seed."""

    seed: int
    breaches: tuple[str, ...]
    trace: tuple[str, ...]
    faults: dict[str, int]
    orders: int
    fills: int


class World:
    """One seed's world; everything in it follows from the seed."""

    def __init__(self, stage: Stage, seed: int, rate: float | None = None) -> None:
        self.random, self.seed, self.stage = Random(seed), seed, stage
        chosen = self.random.choice(RATES)
        self.fate = Fate(self.random, chosen if rate is None else rate)
        # A tenth of the seeds begin before the book's first day, the others in the middle of one. A
        # quarter of them plays at a broker without client ids.
        self.first_day = self.random.random() < 0.1
        prices = {symbol: around(Decimal(last)) for symbol, last in PRICES.items()}
        self.market = Market(NOON, prices, stage.set_clock)
        ids = self.random.random() < 0.75
        self.broker = MemoryBroker(self.market.session, prices, CASH, ids, self._appetite)
        self.judge = Judge(stage, self.broker)
        self.book = the_book()
        shared = Around(stage, self.book, self.market, self.broker, self.fate, self.judge)
        self.workers = [Process("w0", shared), Process("w1", shared)]
        self.fate.meanwhile = self._meanwhile

    def play(self) -> Played:
        """Play the seed to its end, or to the first breach."""
        self._begin(empty=self.first_day)
        for _ in range(self.random.randint(3, 6)):
            self.market.wait(self.random.choice((0.2, 1, 1, 5, 20)))
            (event,) = self.random.choices(list(EVENTS), list(EVENTS.values()))
            event(self)
            self.judge.after_step()
            if self.judge.breaches:
                break
        else:
            self._quiet()
        return Played(
            seed=self.seed,
            breaches=tuple(self.judge.breaches),
            trace=tuple(self.fate.trace),
            faults=self.fate.faults,
            orders=len(self.broker.book),
            fills=len(self.broker.ledger),
        )

    def prepare(self) -> None:
        """Open the book on an empty stage, so that seeds can begin in the middle of its day."""
        self._begin(empty=True)
        self.stage.save()

    def worker(self) -> Process:
        """Return one of the workers."""
        return self.random.choice(self.workers)

    def requote(self, worker: Process) -> None:
        """Store the prices of now, as the feed does."""
        fresh = self.market.latest(tuple(self.market.prices)).good.values()

        def save(to: Services) -> None:
            with to.database.begin() as db:
                quotes.save(db, self.book.id, fresh)

        worker.run("is given prices", save)

    def part(self, quantity: Decimal) -> Decimal:
        """Return some, all or nothing of a number of shares."""
        share = Decimal(self.random.choice(("0", "0.5", "1", "1")))
        return (quantity * share).to_integral_value()

    def _appetite(self, order: Order) -> Decimal:
        return self.part(order.quantity)

    def _begin(self, *, empty: bool) -> None:
        self.stage.reset(empty=empty)
        self.market.wait(0)
        self.requote(self.workers[0])
        if empty:
            self.workers[0].run("opens the day", sessions.advance)

    def _meanwhile(self, paused: str) -> None:
        """While one process sleeps another works, perhaps for longer than the lease lasts."""
        awake = [worker for worker in self.workers if worker.name != paused and not worker.busy]
        self.market.wait(self.random.choice((0, 1, 25)))
        if awake:
            awake[0].run("works meanwhile", nudged(cycle.run))
        self.fate.note(f"{paused} wakes")

    def _quiet(self) -> None:
        """Let nothing go wrong any more until everything is settled, or too long has passed."""
        self.fate.rate = 0.0
        self.fate.note("-- quiet")
        opening = (sessions.advance,) if self.first_day else ()
        for look in range(LOOKS):
            self.market.wait(65)
            worker = self.workers[look % 2]
            for step in (*opening, reconcile.run):
                worker.run("settles", step)
            if not self.judge.unsettled():
                break
            worker.run("settles", cycle.run)
        self.judge.after_step()
        self.judge.after_quiet()
        with self.workers[0].services.database.begin() as db:
            made, executed = orders.listing(db, self.book.id), fills.all(db, self.book.id)
        self.judge.limits(invariants.breached_limits(self.book, made, executed, (), CASH))
