"""Ids on the path of an order: pure functions of their inputs; a repeat is the same thing."""

import base64
import hashlib
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine.rounding import plain


def digest(*parts: str, length: int = 26) -> str:
    """Return ``length`` characters of ``[a-z2-7]``: SHA-256 of the parts joined with ``|``."""
    raw = hashlib.sha256("|".join(parts).encode()).digest()
    return base64.b32encode(raw).decode().rstrip("=").lower()[:length]


def slot_of(at: datetime, interval: timedelta) -> int:
    """Return the number of whole intervals between the epoch and ``at``."""
    return int(at.timestamp() // interval.total_seconds())


def signal_id(book: str, symbol: str, slot: int) -> str:
    """One signal a book, symbol and slot."""
    return digest("signal", book, symbol, str(slot))


def intent_id(book: str, purpose: str, symbol: str, side: str, cause: str) -> str:
    """One intent a cause; the cause is a signal id, a basket's tick, or what an exit reacts to."""
    return digest("intent", book, purpose, symbol, side, cause)


def client_order_id(
    mode: str, book: str, side: str, symbol: str, quantity: Decimal, intent: str
) -> str:
    """Return the 32-character idempotency key that is unique here and at the broker."""
    return digest(mode, book, side, symbol, plain(quantity), intent, length=32)


def execution_id(broker_order_id: str, cumulative: Decimal) -> str:
    """Name an execution by its order and the cumulative quantity after it.

    A broker's stream and its ledger number the same execution differently; both state the order
    and the cumulative quantity, so this key makes them one.
    """
    return f"{broker_order_id}:{plain(cumulative)}"
