"""The table of `metronome sync`: what differs between a book and its broker, and what is done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.adapters.port import BrokerPosition
from app.engine.errors import Transient
from app.engine.orders import BrokerOrder, Execution, Order, Side
from app.engine.portfolio import Account, Position
from app.engine.rounding import cents, plain
from app.io.locks import Lease
from app.io.store import fills, positions
from app.pipeline import cash
from app.pipeline.cash import Cash
from app.pipeline.differences import (
    ADOPTED,
    NOT_OURS,
    RECORDED,
    STOPPED,
    adoptable,
    foreign,
    unequal,
)
from app.pipeline.ownership import keep
from app.pipeline.repair import (
    ASKED_ABOUT,
    WITHDRAWN_THERE,
    Seen,
    closed_here,
    compared_since,
    look,
)
from app.pipeline.services import Services


@dataclass(frozen=True, slots=True)
class Line:
    """One difference; ``age_s`` is how old the order, the position or the cash's opening is."""

    kind: str
    subject: str
    ours: str | None
    theirs: str | None
    age_s: float | None
    action: str


@dataclass(frozen=True, slots=True)
class Table:
    """What differs, and how many orders and positions are the same on both sides."""

    lines: tuple[Line, ...]
    same_orders: int
    same_positions: int


def tabulate(to: Services, lease: Lease) -> Table:
    """Compare everything and change nothing. Raises what the broker raises."""
    if not to.buckets.take("broker", to.clock.now(), cost=4).allowed:
        raise Transient("the limit of calls to the broker is used up; ask again in a minute")
    seen = look(to, lease, compared_since(to))
    theirs, account = to.broker.positions(), to.broker.account()
    charged = cash.charged_where_short(to, account, seen)
    keep(to, lease)
    now = to.clock.now()
    with to.database.begin() as db:
        mine = positions.load(db, to.book.id)
        adopted = adoptable(to, db, mine, theirs)
        late = _late(db, seen)
        of_orders = _orders(seen, now)
        others = foreign(to, db, mine, theirs)
        of_positions = _positions(to, mine, theirs, late, (others, adopted))
        of_cash = _cash(cash.compare(to, db, account, seen, charged), account, now)
    held = {symbol for symbol, position in mine.items() if position.quantity} | theirs.keys()
    same = sum(seen.mine(one) is not None for one in seen.theirs) - sum(
        line.ours is not None and line.theirs is not None for line in of_orders
    )
    lines = (*of_orders, *of_positions, *of_cash)
    return Table(lines, same, len(held) - len(of_positions))


def _orders(seen: Seen, now: datetime) -> list[Line]:
    lines = [_order(seen, one, now) for one in seen.theirs]
    return [line for line in lines if line] + [
        Line("order", o.client_id, _ours(o), None, _age(o.created_at, now), ASKED_ABOUT)
        for o in seen.missing()
    ]


def _order(of: Seen, seen: BrokerOrder, now: datetime) -> Line | None:
    mine = of.mine(seen)
    theirs = f"{seen.status} {plain(seen.filled_quantity)}"
    age = _age(seen.created_at, now)
    if mine is None:
        said = f"{theirs} of {plain(seen.quantity)} {seen.symbol}"
        return Line("order", seen.client_id or seen.broker_id, None, said, age, NOT_OURS)
    if of.agreed(mine, seen):
        return None
    action = WITHDRAWN_THERE if closed_here(mine, seen) else RECORDED
    return Line("order", mine.client_id, _ours(mine), theirs, age, action)


def _ours(order: Order) -> str:
    return f"{order.state} {plain(order.filled_quantity)}"


def _late(db: Connection, seen: Seen) -> list[Execution]:
    """Return the executions of our orders that we have not recorded yet."""
    late = []
    for one in seen.theirs:
        mine = seen.mine(one)
        if mine is not None and not seen.agreed(mine, one):
            known = {fill.id for fill in fills.for_order(db, mine.client_id)}
            late += [e for e in seen.executed.get(one.broker_id, []) if e.id not in known]
    return late


def _positions(
    to: Services,
    mine: Mapping[str, Position],
    theirs: Mapping[str, BrokerPosition],
    late: Sequence[Execution],
    special: tuple[Collection[str], Collection[str]],
) -> list[Line]:
    (others, adopted), now = special, to.clock.now()
    coming: dict[str, Decimal] = {}
    for fill in late:
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        coming[fill.symbol] = coming.get(fill.symbol, Decimal(0)) + signed
    lines = []
    for symbol, (ours, seen) in sorted(unequal(mine, theirs).items()):
        explained = ours + coming.get(symbol, Decimal(0)) == seen
        action = RECORDED if explained else STOPPED
        if symbol in others or symbol in adopted:
            action = NOT_OURS if symbol in others else ADOPTED
        opened = mine[symbol].opened_at if symbol in mine else None
        age = _age(opened, now)
        lines.append(Line("position", symbol, plain(ours), plain(seen), age, action))
    return lines


def _cash(found: Cash, account: Account, now: datetime) -> list[Line]:
    if found.action is None:
        return []
    ours, theirs = str(cents(found.ours)), str(cents(found.theirs))
    age = _age(found.opened, now)
    return [Line("cash", account.currency, ours, theirs, age, found.action)]


def _age(since: datetime | None, now: datetime) -> float | None:
    return (now - since).total_seconds() if since else None
