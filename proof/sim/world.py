"""A seed's world: two workers, a feed, a beat and a broker, and what happens to them."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from app.config.loading import load
from app.engine.book import Book, RateLimit
from app.engine.orders import Order
from app.io.store import book_states, fills, orders, quotes
from app.pipeline import cycle, exits, invariants, reconcile, sessions
from app.pipeline.services import Services
from proof.sim.broker import MemoryBroker
from proof.sim.events import EVENTS, around, buy, nudged
from proof.sim.fate import Fate, Fault
from proof.sim.judge import Judge
from proof.sim.line import Far
from proof.sim.market import Market
from proof.sim.process import Around, Process
from proof.sim.stage import Stage
from proof.sim.veil import Veil

#: Friday, 2026-03-20, 11:00 in New York: the middle of a full day.
NOON = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
PRICES = {"AAPL": "100", "MSFT": "200", "NVDA": "50", "TSLA": "80", "SQQQ": "30", "SOXS": "20"}
CASH = Decimal(100_000)
#: Of all points between two effects, this share goes wrong in a seed.
RATES = (0.01, 0.03, 0.1)
#: So often is everything looked at once nothing goes wrong any more: an order in doubt is asked
#: about five times, a minute apart at most, before it is sent again.
LOOKS = 12
#: How a seed begins: before the book's first day, in the middle of one, or holding what it bought.
FIRST_DAY, MIDDAY, HOLDING = "first", "midday", "holding"
SCENES = {FIRST_DAY: 1, MIDDAY: 3, HOLDING: 6}
HELD = ("AAPL", "NVDA", "TSLA")
#: What comes to be at the broker is hidden so much more often than a fault strikes, for so many
#: seconds; without client ids never for longer than an order in doubt is asked about.
VEILED, VEILS_S, BRIEF_S = 3, (2.0, 20.0, 150.0), (2.0, 20.0)


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
    orders: Counter[str]
    fills: int


class World:
    """One seed's world; everything in it follows from the seed."""

    def __init__(self, stage: Stage, seed: int, rate: float | None = None) -> None:
        self.random, self.seed, self.stage = Random(seed), seed, stage
        chosen = self.random.choice(RATES)
        self.fate = Fate(self.random, chosen if rate is None else rate, pause=self._pause)
        (self.scene,) = self.random.choices(list(SCENES), list(SCENES.values()))
        prices = {symbol: around(Decimal(last)) for symbol, last in PRICES.items()}
        self.market = Market(NOON, prices, stage.set_clock)
        # A quarter of the seeds plays at a broker without client ids.
        ids = self.random.random() < 0.75
        self.broker = MemoryBroker(
            self.market.session, prices, CASH, ids, self._appetite, self._patience
        )
        self.judge = Judge(stage, self.broker)
        self.book = the_book()
        veil = Veil(self.market.now, self._veil)
        far = Far(self.broker, veil, self.judge.arriving, self._take_time)
        shared = Around(stage, self.book, self.market, far, self.fate, self.judge)
        self.workers = [Process("w0", shared), Process("w1", shared)]

    def play(self) -> Played:
        """Play the seed to its end, or to the first breach."""
        try:
            self._begin(self.scene)
            self._events()
            if not self.judge.breaches:
                self._quiet()
        finally:
            for worker in self.workers:
                if worker.asleep:
                    worker.kill()
        return Played(
            seed=self.seed,
            breaches=tuple(self.judge.breaches),
            trace=tuple(self.fate.trace),
            faults=self.fate.faults,
            orders=Counter(str(kept.ticket.purpose) for kept in self.broker.book.values()),
            fills=len(self.broker.ledger),
        )

    def prepare(self) -> None:
        """Play what scenes begin with on an empty stage, and save it: its first day, a purchase."""
        self.fate.rate = 0.0
        self._begin(FIRST_DAY)
        self.stage.save(MIDDAY)
        buy(self, HELD, 0.6)
        for step in (cycle.run, reconcile.run):
            self.market.wait(5)
            self.workers[0].run("holds", step)
        self.broker.news = []
        self.stage.save(HOLDING)
        kept = (self.broker.book, self.broker.ledger, self.broker.held, self.broker.cash)
        self.stage.holding = deepcopy(kept)

    def worker(self) -> Process:
        """Return one of the workers that are awake, of whom there is one at least."""
        while not (awake := self.awake()):
            self.random.choice(self.workers).wake()
        return self.random.choice(awake)

    def awake(self) -> list[Process]:
        """Return the workers that are not asleep."""
        return [worker for worker in self.workers if not worker.asleep]

    def requote(self, worker: Process) -> None:
        """Store the prices of now, as the feed does."""
        fresh = list(self.market.latest(tuple(self.market.prices)).good.values())

        def save(to: Services) -> None:
            with to.database.begin() as db:
                quotes.save(db, self.book.id, fresh)

        worker.run("is given prices", save)

    def part(self, quantity: Decimal) -> Decimal:
        """Return some, all or nothing of a number of shares."""
        share = Decimal(self.random.choice(("0", "0.5", "1", "1")))
        return (quantity * share).to_integral_value()

    def _appetite(self, order: Order) -> Decimal:
        return self.part(order.quantity) if self.fate.rate else order.quantity

    def _patience(self) -> float:
        return self.random.choice((0.0, 0.0, 0.5, 3.0)) if self.fate.rate else 0.0

    def _veil(self) -> float:
        if not self.fate.draw("", "at the broker", Fault.HIDDEN, weight=VEILED):
            return 0.0
        return self.random.choice(VEILS_S if self.broker.client_ids else BRIEF_S)

    def _take_time(self) -> None:
        self.market.wait(self.random.choice((0.05, 0.3)))

    def _begin(self, scene: str) -> None:
        self.stage.reset(None if scene == FIRST_DAY else scene)
        if scene == HOLDING:
            self.market.at += timedelta(seconds=60)
            held = self.stage.holding
            broker = self.broker
            broker.book, broker.ledger, broker.held, broker.cash = deepcopy(held)
        self.market.wait(0)
        if scene == FIRST_DAY:  # beat does this before its first tick
            book_states.ensure(self.stage.db, self.book, "simulated", self.market.at)
            self.requote(self.worker())
            self.worker().run("opens the day", sessions.advance)

    def _events(self) -> None:
        for _ in range(self.random.randint(3, 6)):
            self._meanwhile()
            self.market.wait(self.random.choice((0.2, 1, 1, 5, 20)))
            (event,) = self.random.choices(list(EVENTS), list(EVENTS.values()))
            event(self)
            self.judge.after_event()
            if self.judge.breaches:
                break

    def _pause(self, name: str) -> None:
        (paused,) = (worker for worker in self.workers if worker.name == name)
        paused.sleep()

    def _meanwhile(self) -> None:
        """While one sleeps, time passes, perhaps more than a lease lasts, and the other works.

        They wake in any order, or go on sleeping through what comes next.
        """
        while asleep := [worker for worker in self.workers if worker.asleep]:
            self.market.wait(self.random.choice((0, 1, 25)))
            if (awake := self.awake()) and self.random.random() < 0.6:
                awake[0].run("works meanwhile", nudged(cycle.run))
            elif self.random.random() < 0.8:
                self.random.choice(asleep).wake()
            else:
                break

    def _quiet(self) -> None:
        """Let nothing go wrong any more until everything is settled, or too long has passed."""
        self.fate.rate = 0.0
        self.fate.note("-- quiet")
        for worker in self.workers:
            while worker.asleep:
                worker.wake()
        opening = (sessions.advance,) if self.scene == FIRST_DAY else ()
        for look in range(LOOKS):
            self.market.wait(65)
            worker = self.workers[look % 2]
            for step in (*opening, reconcile.run):
                worker.run("settles", step)
            if not self.judge.unsettled():
                break
            self.requote(worker)
            for step in (exits.check, cycle.run):
                worker.run("settles", step)
        self.judge.after_event()
        self.judge.after_quiet()
        with self.workers[0].services.database.begin() as db:
            made, executed = orders.listing(db, self.book.id), fills.all(db, self.book.id)
        self.judge.limits(invariants.breached_limits(self.book, made, executed, (), CASH))
