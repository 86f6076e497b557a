"""The small market order with which tests of brokers begin."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.engine.ids import digest
from app.engine.orders import Order, OrderType, Purpose, Side, TimeInForce


def an_order(test: str, **overrides: Any) -> Order:
    """Return a small market order whose client id belongs to one test alone."""
    order = Order(
        client_id=digest("contract", test, length=32),
        book="contract",
        intent_id=test,
        symbol="AAPL",
        side=Side.BUY,
        purpose=Purpose.ENTRY,
        quantity=Decimal(2),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        created_at=datetime(2026, 3, 20, 15, tzinfo=UTC),
    )
    return replace(order, **overrides)
