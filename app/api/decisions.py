"""Orders, and the verdicts behind them."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.desk import Desk
from app.api.funnel import FunnelView, funnel_view
from app.api.models import Orders, OrderView, Verdicts
from app.api.portfolio import price
from app.api.questions import FunnelQuestion, OrderQuestion, VerdictQuestion, WhyQuestion
from app.api.why import Why, verdict_view, why_view
from app.engine.orders import Order
from app.engine.rounding import plain
from app.io.calendar import ExchangeCalendar
from app.io.store import orders, verdicts
from app.pipeline.funnel import funnel, newest_day
from app.pipeline.why import explain, why


def routes(desk: Desk) -> APIRouter:
    """Return the routes about orders and verdicts."""
    router = APIRouter(tags=["decisions"])

    @router.get("/orders")
    def newest_orders(asked: Annotated[OrderQuestion, Query()]) -> Orders:
        """List a book's newest orders."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            found = orders.newest(db, book.id, asked.limit, asked.state, asked.symbol)
        return Orders(book=book.id, orders=[_order(order) for order in found])

    @router.get("/verdicts")
    def newest_verdicts(asked: Annotated[VerdictQuestion, Query()]) -> Verdicts:
        """Say why a symbol did or did not trade, or list the newest verdicts of all."""
        book = desk.book(asked)
        if asked.symbol is not None:
            found = why(desk.database, book.id, asked.symbol, asked.at)[-asked.limit :]
        else:
            with desk.database.begin() as db:
                found = verdicts.newest(db, book.id, asked.limit, asked.at)
        return Verdicts(book=book.id, verdicts=[verdict_view(decision) for decision in found])

    @router.get("/decisions/why")
    def why_a_symbol(asked: Annotated[WhyQuestion, Query()]) -> Why:
        """Say why a symbol did or did not trade, with the evidence and the orders behind it."""
        return why_view(explain(desk.database, desk.book(asked), asked.symbol, asked.at))

    @router.get("/decisions/funnel")
    def funnel_of_a_day(asked: Annotated[FunnelQuestion, Query()]) -> FunnelView:
        """Count a day from scores to fills, with what each gate refused and why."""
        book = desk.book(asked)
        day = asked.date or newest_day(desk.database, book.id)
        found = funnel(desk.database, book, ExchangeCalendar(book.calendar), day)
        return funnel_view(found)

    return router


def _order(order: Order) -> OrderView:
    return OrderView(
        client_id=order.client_id,
        broker_id=order.broker_id,
        intent_id=order.intent_id,
        symbol=order.symbol,
        side=order.side,
        purpose=order.purpose,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=plain(order.quantity),
        limit_price=None if order.limit_price is None else price(order.limit_price),
        stop_price=None if order.stop_price is None else price(order.stop_price),
        state=order.state,
        filled_quantity=plain(order.filled_quantity),
        average_price=None if order.average_price is None else price(order.average_price),
        created_at=order.created_at,
    )
