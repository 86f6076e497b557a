"""What Alpaca says of orders that replaced one another, in our words."""

from decimal import Decimal

from test_adapters_alpaca import a_statement

from app.adapters.alpaca import answers
from app.engine.orders import OrderState


def test_a_replaced_order_has_ended_once_its_successor_is_named() -> None:
    said = a_statement(status="replaced", filled_qty="1", replaced_by="b-2", limit_price="9.50")
    order = answers.order(said)
    assert (order.state, order.replaced_by) == (OrderState.CANCELLED, "b-2")
    assert (order.limit_price, order.stop_price) == (Decimal("9.50"), None)
    assert answers.order(a_statement(replaces="b-0", limit_price="-1")).replaces == "b-0"
    assert answers.order(a_statement(limit_price="-1")).limit_price is None
