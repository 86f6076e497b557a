"""Settled days: profit, fees, the broker's cash beside ours, and the trades that ended in them."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from app.api.desk import Desk
from app.api.models import ClosedTrade, Daily, SettledDay
from app.api.questions import DailyQuestion
from app.engine.errors import InvalidData
from app.engine.rounding import cents, plain
from app.io.calendar import ExchangeCalendar
from app.pipeline import summaries
from app.pipeline.summaries import DayResult, Summary, TradeResult


def routes(desk: Desk) -> APIRouter:
    """Return the routes about settled days."""
    router = APIRouter(tags=["portfolio"])

    @router.get("/portfolio/daily")
    def daily(asked: Annotated[DailyQuestion, Query()]) -> Daily:
        """Sum up settled days: one date, a range of dates, or the newest day."""
        book = desk.book(asked)
        with desk.database.begin() as db:
            try:
                found = summaries.of_days(db, book.id, ExchangeCalendar(book.calendar), asked.range)
            except InvalidData as error:
                raise HTTPException(404, str(error)) from error
        return daily_view(book.id, found)

    return router


def daily_view(book: str, of: Summary) -> Daily:
    """Return a summary as it is shown: money to the cent, shares to the sixth decimal."""
    return Daily(
        book=book,
        first=of.days[0].settlement.date,
        last=of.days[-1].settlement.date,
        realised=_money(of.realised),
        unrealised=_money(of.unrealised),
        fees=_money(of.fees),
        profit=_money(of.profit),
        trades_closed=len(of.trades),
        win_rate=_share(of.win_rate),
        profit_factor=_share(of.profit_factor),
        max_drawdown=_money(of.drawdown.amount),
        max_drawdown_share=round(of.drawdown.share, 6),
        days=[_day(day) for day in of.days],
        trades=[_trade(result) for result in of.trades],
    )


def _day(of: DayResult) -> SettledDay:
    one = of.settlement
    return SettledDay(
        date=one.date,
        late=one.late,
        realised=_money(one.realised),
        unrealised=_money(one.unrealised),
        fees=_money(one.fees),
        profit=_money(of.profit),
        trades_closed=one.trades,
        cash_open=_money(one.cash_open),
        cash_close=_money(one.cash_close),
        broker_cash=_money(one.broker_cash),
        difference=_money(one.difference),
        equity_open=_money(one.equity_open),
        equity_close=_money(one.equity_close),
        broker_equity=None if one.broker_equity is None else _money(one.broker_equity),
    )


def _trade(of: TradeResult) -> ClosedTrade:
    trade = of.trade
    assert trade.closed_at is not None
    return ClosedTrade(
        symbol=trade.symbol,
        opened_at=trade.opened_at,
        closed_at=trade.closed_at,
        quantity=plain(trade.bought),
        entry=plain(round(trade.entry, 6)),
        realised=_money(trade.realised),
        adverse=None if of.adverse is None else plain(of.adverse),
        favourable=None if of.favourable is None else plain(of.favourable),
    )


def _money(amount: Decimal) -> str:
    return str(cents(amount))


def _share(of: float | None) -> float | None:
    return None if of is None else round(of, 6)
