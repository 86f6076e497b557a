"""The broker's words over a stream: what was written can be read."""

from decimal import Decimal

from app.adapters.alpaca import answers
from app.pipeline.messages import Update, decode, encode


def test_somebody_elses_order_for_an_amount_of_money_can_be_read_before_it_fills() -> None:
    """It has no quantity yet. Unread, it came again and again and ended as a dead letter."""
    order = {
        "id": "theirs",
        "client_order_id": "by-hand",
        "symbol": "AAPL",
        "side": "buy",
        "qty": None,
        "notional": "100",
        "filled_qty": "0",
        "status": "new",
        "time_in_force": "day",
        "type": "market",
        "created_at": "2026-03-20T15:00:00Z",
    }
    told = answers.trade_update({"event": "new", "order": order, "timestamp": order["created_at"]})
    assert told.order.quantity == Decimal(0)
    update = Update(told.order, told.execution)
    assert decode(encode(update)) == update
