"""The risk manager: whether an intent may become an order, and how large.

It is called under a lock on the book's row, in the transaction that inserts the order: what an
order reserves is seen by the next call (F4).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from app.engine.book import Book
from app.engine.ids import client_order_id
from app.engine.orders import Intent, Order, OrderType, Purpose, protects
from app.engine.risk_gates import (
    ENTRY_GATES,
    EXIT_GATES,
    shares_of,
)
from app.engine.sizing import RiskContext, price_of
from app.engine.verdicts import Judged, Reason

__all__ = ["ENTRY_GATES", "EXIT_GATES", "RiskContext", "Ruling", "allowed", "judge"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """The order, or None; and every gate's verdict up to the first refusal."""

    order: Order | None
    judged: tuple[Judged, ...]


def judge(book: Book, intent: Intent, context: RiskContext) -> Ruling:
    """Ask the gates in order, then size what passed."""
    entry = intent.purpose is Purpose.ENTRY
    judged: list[Judged] = []
    for gate in ENTRY_GATES if entry else EXIT_GATES:
        answer = gate(book, intent, context)
        if not answer.passed and answer.gate in book.gates_off:
            continue
        judged.append((intent.symbol, f"intent:{intent.id}", answer))
        if not answer.passed:
            return Ruling(None, tuple(judged))
    shares = shares_of(book, intent, context)
    make = _entry if entry else _order
    order = make(book, intent, context, shares)
    return Ruling(order, tuple(judged))


def allowed(book: Book, intent: Intent, context: RiskContext) -> tuple[bool, Reason]:
    """Answer whether an intent may become an order now, with the reason of the last gate (F3)."""
    ruling = judge(book, intent, context)
    return ruling.order is not None, ruling.judged[-1][2].reason


def _entry(book: Book, intent: Intent, context: RiskContext, shares: Decimal) -> Order:
    """Buy at no more than the price that the size and the reservation are computed at."""
    at_price = price_of(context, intent.symbol)
    notional = shares * at_price
    return replace(
        _order(book, intent, context, shares),
        type=OrderType.LIMIT,
        limit_price=at_price,
        reserved_risk=notional * book.risk.stop_loss,
        reserved_notional=notional,
    )


def _order(book: Book, intent: Intent, context: RiskContext, shares: Decimal) -> Order:
    return Order(
        client_id=client_order_id(
            book.mode, book.id, intent.side, intent.symbol, shares, intent.id
        ),
        book=book.id,
        intent_id=intent.id,
        symbol=intent.symbol,
        side=intent.side,
        purpose=intent.purpose,
        quantity=shares,
        type=OrderType.STOP if protects(intent) else OrderType.MARKET,
        time_in_force=intent.time_in_force,
        created_at=context.at,
        stop_price=intent.stop_price if protects(intent) else None,
    )
