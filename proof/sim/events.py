"""What can happen in a seed: each event acts on the world once, and draws from its seed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from app.engine.errors import Rejected
from app.engine.ids import intent_id, signal_id, slot_of
from app.engine.orders import Intent, Order, OrderState, OrderType, Purpose, Side, TimeInForce
from app.engine.signals import Signal
from app.io.store import intents, orders, signals
from app.jobs.run import run_nudged, run_slot
from app.pipeline import cycle, exits, reconcile, switch
from app.pipeline.messages import FILLS, SIGNALS, Update, encode
from app.pipeline.services import Services

if TYPE_CHECKING:
    from proof.sim.world import World

Step = Callable[[Services], str]


def nudged(step: Step) -> Callable[[Services], object]:
    """Return a step as a nudge runs it."""
    return lambda to: run_nudged(to, "pipeline_e2e", step)


def around(last: Decimal) -> tuple[Decimal, Decimal]:
    """Return the bid and the ask around a price."""
    cent = Decimal("0.01")
    return last.quantize(cent) - cent, last.quantize(cent) + cent


def _wake(world: "World") -> None:
    """A worker is nudged."""
    world.worker().run("is nudged", nudged(cycle.run))


def _tick(world: "World") -> None:
    """Beat ticks: for one worker, for both, or twice for the same."""
    every = world.book.schedule.pipeline
    slot = slot_of(world.market.at, every)

    def counted(to: Services) -> str:
        world.judge.ran("pipeline_e2e", slot)
        return cycle.run(to)

    for number in world.random.choice(([0], [1], [0, 1], [0, 0], [1, 0])):
        if not (worker := world.workers[number]).asleep:
            worker.run(
                f"ticks {slot}", lambda to: run_slot(to, "pipeline_e2e", slot, every, counted)
            )


def _signals(world: "World") -> None:
    """Signals arrive, alone or in a burst."""
    symbols = world.random.sample(sorted(world.market.prices), world.random.randint(1, 4))
    buy(world, symbols, world.random.choice((0.3, 0.6, 0.6, -0.5)))
    world.worker().run("is nudged", nudged(cycle.run))


def buy(world: "World", symbols: Sequence[str], score: float) -> None:
    """Give signals of one score."""
    book, at = world.book.id, world.market.at
    slot = slot_of(at, timedelta(seconds=30))
    last = {symbol: float(world.market.prices[symbol][1]) for symbol in symbols}
    made = [
        Signal(signal_id(book, symbol, slot), book, symbol, slot, at, score, last[symbol])
        for symbol in symbols
    ]

    def give(to: Services) -> None:
        with to.database.begin() as db:
            fresh = signals.insert_once(db, made)
        to.streams.publish_many([(SIGNALS, {"id": signal.id}) for signal in fresh])

    world.worker().run(f"gives signals {score} of {', '.join(symbols)}", give)


def _deliver(world: "World") -> None:
    """The broker's stream tells: late, twice, out of order, or not at all."""
    news, world.broker.news = world.broker.news, []
    world.random.shuffle(news)
    told = [n for n in news for _ in range(world.random.choice((0, 1, 1, 2)))]

    def publish(to: Services) -> None:
        for n in told:
            to.streams.publish(FILLS, encode(Update(n.order, n.execution)))

    world.worker().run(f"hears {len(told)} updates", publish)
    world.worker().run("is nudged", nudged(cycle.run))


def _trade(world: "World") -> None:
    """The market takes a part of what is open."""
    for kept in world.broker.working():
        world.broker.trade(kept.stated.broker_id, world.part(kept.outstanding))


def _move(world: "World") -> None:
    """Prices move, some far enough to reach a stop or a target, and the exit rules may be asked."""
    for symbol, (bid, ask) in world.market.prices.items():
        by = Decimal(world.random.choice(("0.97", "0.995", "1", "1.004", "1.05")))
        world.market.prices[symbol] = around((bid + ask) / 2 * by)
    world.requote(world.worker())
    if world.random.random() < 0.7:
        _check_exits(world)


def _check_exits(world: "World") -> None:
    """The exit rules are asked."""
    world.worker().run("checks exits", exits.check)
    world.worker().run("is nudged", nudged(cycle.run))


def _reconcile(world: "World") -> None:
    """The broker's books are compared with ours."""
    world.worker().run("reconciles", nudged(reconcile.run))


def _flush(world: "World") -> None:
    """Redis forgets everything."""
    world.fate.note("redis forgets everything")
    world.stage.flush_redis()


def _kill(world: "World") -> None:
    """A worker is killed, between two tasks or asleep in the middle of one."""
    worker = world.random.choice(world.workers)
    world.fate.note(f"{worker.name} is killed")
    worker.kill()


def _jump(world: "World") -> None:
    """All clocks jump, some back."""
    seconds = world.random.choice((-3, -20, 40, 200))
    world.fate.note(f"clocks jump by {seconds} s")
    world.market.wait(seconds)
    world.requote(world.worker())


def _end_an_order(world: "World") -> None:
    """Somebody cancels an order at the broker's own site, or the broker refuses it after all."""
    if working := world.broker.working():
        kept = world.random.choice(working)
        late = not kept.stated.filled_quantity and world.random.random() < 0.4
        state = OrderState.REJECTED if late else OrderState.CANCELLED
        world.fate.note(f"{kept.ticket.client_id[:6]} is {state} at the broker")
        world.broker.end(kept, state)


def _replace_by_hand(world: "World") -> None:
    """Somebody replaces an order at the broker's own site."""
    if working := [k for k in world.broker.working() if k.outstanding > 1 and not k.ends_at]:
        kept = world.random.choice(working)
        quantity = kept.outstanding - world.random.choice((0, 1))
        world.fate.note(f"{kept.ticket.client_id[:6]} is replaced by {quantity} by hand")
        try:
            world.broker.replace(kept.stated.broker_id, quantity=quantity)
        except Rejected as no:  # it fills in the very moment in which somebody reaches for it
            world.fate.note(f"  the broker says no: {no}")


def _throw_the_switch(world: "World") -> None:
    """A person halts the book, lets it sell everything or only reduce, or lets it go on."""
    kind, arguments = world.random.choice(
        (
            (switch.HALT, {"flatten": False}),
            (switch.HALT, {"flatten": True}),
            (switch.REDUCE, {}),
            (switch.RESUME, {}),
            (switch.RESUME, {}),
        )
    )

    def ask(to: Services) -> None:
        with to.database.begin() as db:
            switch.ask(db, world.book.id, kind, arguments, "a person", "a seed", to.clock.now())

    world.worker().run(f"is told to {kind} {arguments}", ask)
    world.worker().run("is nudged", nudged(cycle.run))


def _be_reckless(world: "World") -> None:
    """Something above the executor is broken: two orders to buy one symbol wait to be sent."""
    made = [_an_order(world, cause) for cause in ("one", "another")]

    def put(to: Services) -> None:
        with to.database.begin() as db:
            for intent, order in made:
                intents.insert_once(db, [intent])
                orders.insert(db, order, world.broker.name)

    world.worker().run("is reckless", put)
    world.worker().run("is nudged", nudged(cycle.run))


def _an_order(world: "World", cause: str) -> tuple[Intent, Order]:
    book, at, symbol = world.book.id, world.market.at, "TSLA"
    price = world.market.prices[symbol][1]
    name = intent_id(book, Purpose.ENTRY, symbol, Side.BUY, f"{at.isoformat()} {cause}")
    intent = Intent(name, book, symbol, Side.BUY, Purpose.ENTRY, price, at)
    order = Order(
        client_id=name.ljust(32, "z"),
        book=book,
        intent_id=name,
        symbol=symbol,
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Decimal(3),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        created_at=at,
        limit_price=price,
        reserved_notional=3 * price,
    )
    return intent, order


#: Each event and how often it comes.
EVENTS: dict[Callable[["World"], None], int] = {
    _signals: 10,
    _tick: 4,
    _wake: 2,
    _deliver: 5,
    _trade: 4,
    _move: 6,
    _check_exits: 2,
    _reconcile: 2,
    _flush: 1,
    _kill: 1,
    _jump: 1,
    _end_an_order: 1,
    _replace_by_hand: 2,
    _throw_the_switch: 3,
    _be_reckless: 2,
}
