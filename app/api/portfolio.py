"""Positions, and the money and risk of a book: the figures that the risk manager itself uses."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.engine import Connection

from app.api.desk import Desk
from app.api.models import (
    Holding,
    Holdings,
    RiskStatus,
    Summary,
    Weighted,
    WeightedHoldings,
)
from app.api.questions import BookQuestion
from app.engine import sizing
from app.engine.book import Book, BookStatus
from app.engine.orders import Purpose
from app.engine.portfolio import Position
from app.engine.rounding import cents, plain
from app.io.store import book_states, orders
from app.pipeline import ledger
from app.pipeline.ledger import Ledger

Asked = Annotated[BookQuestion, Query()]


def routes(desk: Desk) -> APIRouter:
    """Return the routes about positions and money."""
    router = APIRouter(tags=["portfolio"])

    @router.get("/positions")
    def positions(asked: Asked) -> Holdings:
        """List what a book holds, at the last prices."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            money = ledger.read(db, book.id)
        held = [_holding(money, position) for position in money.positions.values()]
        return Holdings(book=book.id, positions=held)

    @router.get("/portfolio/positions")
    def weighted_positions(asked: Asked) -> WeightedHoldings:
        """List what a book holds with weights, market values and risk."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            money = ledger.read(db, book.id)
        held = [_weighted(book, money, position) for position in money.positions.values()]
        return WeightedHoldings(book=book.id, equity=_money(money.equity), positions=held)

    @router.get("/portfolio/summary")
    def summary(asked: Asked) -> Summary:
        """Sum up a book's money, its risk and its limits."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            return _summary(db, book)

    return router


def _holding(money: Ledger, position: Position) -> Holding:
    last = ledger.prices(money.quotes).get(position.symbol)
    gain = None if last is None else (last - position.average_price) * position.quantity
    return Holding(
        symbol=position.symbol,
        quantity=plain(position.quantity),
        average_price=price(position.average_price),
        stop_price=None if position.stop_price is None else price(position.stop_price),
        last_price=None if last is None else price(last),
        unrealised=None if gain is None else _money(gain),
    )


def _weighted(book: Book, money: Ledger, position: Position) -> Weighted:
    last = ledger.prices(money.quotes).get(position.symbol, position.average_price)
    value, risk = position.quantity * last, sizing.risk_of(book.risk, position)
    return Weighted(
        **_holding(money, position).model_dump(),
        market_value=_money(value),
        weight_pct=_percent(value / money.equity) if money.equity > 0 else None,
        risk=_money(risk),
        risk_pct=_percent(risk / money.equity) if money.equity > 0 else None,
    )


def _summary(db: Connection, book: Book) -> Summary:
    row, policy = book_states.load(db, book.id), book.risk
    money = ledger.read(db, book.id).less(row.cash_short)
    share = _at_risk(db, book, money) / money.equity if money.equity > 0 else Decimal(0)
    left = max(policy.max_concurrent_risk - share, Decimal(0))
    return Summary(
        book=book.id,
        equity=_money(money.equity),
        cash=_money(money.cash),
        day_pnl=_money(money.equity - money.equity_open),
        current_risk_pct=_percent(share),
        max_risk_pct=_percent(policy.max_concurrent_risk),
        remaining_capacity=plain(round(left, 6)),
        risk_status=_status(db, book, money, left),
        daily_loss_limit=plain(policy.daily_loss_limit),
        risk_per_trade=plain(policy.risk_per_trade),
        max_positions=policy.max_positions,
        stop_loss_pct=_percent(policy.stop_loss),
    )


def _at_risk(db: Connection, book: Book, money: Ledger) -> Decimal:
    """Return what stops would cost if all were hit, entries on their way included."""
    entries = [o for o in orders.unfinished(db, book.id) if o.purpose is Purpose.ENTRY]
    reserved = sum((sizing.reserved(o.reserved_risk, o) for o in entries), Decimal(0))
    held = money.positions.values()
    return sum((sizing.risk_of(book.risk, p) for p in held), reserved)


def _status(db: Connection, book: Book, money: Ledger, left: Decimal) -> RiskStatus:
    if book_states.load(db, book.id).status is not BookStatus.ACTIVE:
        return RiskStatus.BLOCKED
    lost = money.equity_open - money.equity
    if lost > 0 and lost >= book.risk.daily_loss_limit * money.equity_open:
        return RiskStatus.DAILY_LOSS
    return RiskStatus.OK if left > 0 else RiskStatus.FULL


def price(amount: Decimal) -> str:
    """Return a price as text, to the sixth decimal."""
    return plain(round(amount, 6))


def _money(amount: Decimal) -> str:
    return str(cents(amount))


def _percent(share: Decimal) -> str:
    return plain(round(share * 100, 4))
