"""Differences between our books and the broker's: found, written down once, and told of."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.adapters.port import BrokerPosition
from app.engine.links import Link
from app.engine.orders import BrokerOrder, Order
from app.engine.portfolio import Position
from app.io.store import fills, orders, recovery
from app.io.store.recovery import Difference
from app.pipeline.services import Services

#: What was done about a difference, in the words of the rows and of `metronome sync`.
NOT_OURS, ADOPTED, RECORDED = "not ours: left alone", "adopted", "recorded"
STOPPED, EQUAL = "entries stopped", "equal again"


def note(
    to: Services,
    db: Connection,
    subject: tuple[str, str],
    ours: str | None,
    theirs: str | None,
    action: str,
) -> None:
    """Write a difference down, once as long as it stays the same."""
    difference = Difference(to.clock.now(), *subject, ours, theirs, action)
    if not recovery.known(db, to.book.id, difference):
        recovery.add(db, to.book.id, difference)
        to.log("difference", book=to.book.id, subject=subject, ours=ours, theirs=theirs, did=action)


def agree(mine: Order, seen: BrokerOrder, replaced: Link | None = None) -> bool:
    """Do our order and the broker's say the same?

    ``replaced`` is what we know of the broker's where another has taken its place: our order has
    gone on as that one.
    """
    if replaced is not None:
        return (replaced.state, replaced.filled_quantity, replaced.replaced_by) == (
            seen.state,
            seen.filled_quantity,
            seen.replaced_by,
        )
    return (mine.state, mine.filled_quantity, mine.broker_id) == (
        seen.state,
        seen.filled_quantity,
        seen.broker_id,
    )


def foreign(
    to: Services,
    db: Connection,
    mine: Mapping[str, Position],
    theirs: Mapping[str, BrokerPosition],
) -> set[str]:
    """Return what the account holds outside the book's universe and the book has nothing of.

    What an unfinished order of the book's trades may be its own.
    """
    held = {symbol for symbol, position in mine.items() if position.quantity}
    others = theirs.keys() - held - set(to.book.universe.symbols)
    return others and others - {order.symbol for order in orders.unfinished(db, to.book.id)}


def adoptable(
    to: Services,
    db: Connection,
    mine: Mapping[str, Position],
    theirs: Mapping[str, BrokerPosition],
) -> list[str]:
    """Return what a book that never traded takes over of its universe, where it was told to."""
    if not to.adopt or mine or fills.any_known(db, to.book.id):
        return []
    return sorted(theirs.keys() & set(to.book.universe.symbols))


def unequal(
    mine: Mapping[str, Position], theirs: Mapping[str, BrokerPosition]
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return (ours, theirs) of each symbol of which not the same is held."""
    nothing = Decimal(0)
    pairs = {
        symbol: (
            mine[symbol].quantity if symbol in mine else nothing,
            theirs[symbol].quantity if symbol in theirs else nothing,
        )
        for symbol in mine.keys() | theirs.keys()
    }
    return {symbol: (a, b) for symbol, (a, b) in pairs.items() if a != b}
