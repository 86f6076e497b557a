"""Exits: positions that must go become intents, which the risk step treats like any other."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from app.engine import exits, features, quality
from app.engine.book import BookStatus
from app.engine.exits import ExitContext, Gap, Sale
from app.engine.exits.end_of_day import refused
from app.engine.exits.port import fresh_price, stop_reached
from app.engine.exits.trailing_stop import follow
from app.engine.orders import Order, Purpose
from app.engine.portfolio import Position
from app.engine.rounding import decimal
from app.engine.session import SessionHours, regular
from app.io.store import bars, book_states, intents, orders, positions, verdicts
from app.io.store.taping import Transaction
from app.pipeline import history, ledger, parked
from app.pipeline.ledger import Ledger
from app.pipeline.messages import INTENTS
from app.pipeline.services import Frame, Services
from app.pipeline.turns import deciding

#: This step's name on the tape.
STEP = "exits"

#: A session's first price is looked for this long after the open, the last close before it this
#: long before the close: what traded at other times only was neither.
OPENING, CLOSING = timedelta(minutes=5), timedelta(minutes=15)


def check(to: Services) -> str:
    """Ask every exit rule about every position; publish what they want."""
    with deciding(to, STEP) as (then, db):
        context, sales = decide(then, db)
    for one in sales:
        _tell(to, context, one)
        to.streams.publish(INTENTS, {"id": one.intent.id})
    if sales:
        to.nudge("pipeline_e2e")
    return f"{len(sales)} exits"


def decide(to: Frame, db: Transaction) -> tuple[ExitContext, list[Sale]]:
    """Return the sales that are new, and what they were decided on; in the caller's transaction."""
    context = _context(to, db)
    for one in refused(to.book, context):
        if one.intent.symbol not in context.parked:
            parked.keep(to, db, one.intent.symbol, one.intent.purpose, one.intent.id)
    sales = exits.due(to.book, context)
    made = intents.insert_once(db, [one.intent for one in sales])
    parked.note_tried(to, db, context.parked, made)
    fresh = {intent.id for intent in made}
    told = [one for one in sales if one.intent.id in fresh]
    judged = [(s.intent.symbol, f"intent:{s.intent.id}", s.because) for s in told]
    verdicts.add(db, to.book.id, context.at, to.settings, {"exits": judged})
    return context, told


def _tell(to: Services, context: ExitContext, one: Sale) -> None:
    """Log an exit by its rule with the very numbers compared; a gap with its prices too."""
    seen = context.gaps.get(one.intent.symbol) if one.intent.purpose is Purpose.GAP else None
    to.log(
        "exit",
        book=to.book.id,
        symbol=one.intent.symbol,
        rule=one.because.gate,
        measured=str(one.because.measured),
        limit=str(one.because.limit),
        **({"open": str(seen.open), "reference": str(seen.reference)} if seen else {}),
    )


def _context(to: Frame, db: Transaction) -> ExitContext:
    now = to.clock.now()
    hours = to.calendar.session_for(now)
    working = orders.unfinished(db, to.book.id)
    money = ledger.read(db, to.book.id)
    made = _orders(db, to.book.id, money.positions.values())
    known = {order.client_id: order for order in (*made, *working)}
    held = _followed(to, db, money, working) if regular(hours, now) else money.positions
    return ExitContext(
        at=now,
        hours=hours,
        positions=held,
        quotes=money.quotes,
        orders=tuple(known.values()),
        auctions=to.broker.capabilities.auction_orders,
        trend=_trend(to, db, hours, sorted(held)),
        gaps=_gaps(to, db, hours, held.values()),
        parked=parked.waiting(to, db, held, working),
        flattening=book_states.load(db, to.book.id).status is BookStatus.FLATTENING,
    )


def _followed(
    to: Frame, db: Transaction, money: Ledger, working: Sequence[Order]
) -> dict[str, Position]:
    """Return the positions after their newest fresh prices, and keep what has to be remembered."""
    now, followed = to.clock.now(), dict(money.positions)
    for symbol, position in sorted(money.positions.items()):
        last = fresh_price(to.book, money.quotes.get(symbol), now)
        if last is None or position.quantity <= 0:
            continue
        reached = any(stop_reached(order, symbol, last) for order in working)
        followed[symbol] = follow(position, last, reached, now)
        if followed[symbol] != position:
            positions.follow(db, to.book.id, followed[symbol])
    return followed


def _trend(
    to: Frame, db: Transaction, hours: SessionHours, held: Sequence[str]
) -> dict[str, float]:
    """Return the trend of the newest bar of what is held, of sound bars only (B7)."""
    now = to.clock.now()
    if not held or not regular(hours, now):
        return {}
    panel = history.panel(to, db, hours, now, held)
    if panel.close.shape[1] < features.BARS_NEEDED:
        return {}
    flawed = quality.flaws(panel, to.book.signals.max_bar_move)
    newest = features.trend(features.tail(panel, features.BARS_NEEDED))[:, -1]
    return {s: float(x) for s, x in zip(panel.symbols, newest, strict=True) if s not in flawed}


def _gaps(
    to: Frame, db: Transaction, hours: SessionHours, held: Collection[Position]
) -> dict[str, Gap]:
    """Return how the session began for what was held before it."""
    now = to.clock.now()
    overnight = sorted(p.symbol for p in held if p.opened_at and p.opened_at < hours.open)
    if not overnight or not regular(hours, now):
        return {}
    before = to.calendar.previous(hours.date)
    found = bars.gaps(
        db,
        to.book.id,
        overnight,
        (hours.open, hours.open + OPENING),
        (before.close - CLOSING, before.close),
    )
    return {symbol: Gap(decimal(first), decimal(last)) for symbol, (first, last) in found.items()}


def _orders(db: Transaction, book: str, held: Collection[Position]) -> list[Order]:
    """Return the orders since the oldest position was opened, finished ones included."""
    if not held:
        return []
    opened = [position.opened_at for position in held if position.opened_at]
    return orders.listing(db, book, min(opened) if len(opened) == len(held) else None)
