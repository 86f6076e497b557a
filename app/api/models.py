"""The shapes of every answer. Money, prices and quantities are decimals as text."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.engine.book import BookStatus, Mode
from app.engine.experiments import State
from app.engine.orders import OrderState, OrderType, Purpose, Side, TimeInForce

DecimalText = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["1234.5"])]


class Problem(BaseModel):
    """What went wrong, as application/problem+json (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class BookHealth(BaseModel):
    """How a book is; ``status`` is null until it was started in this database."""

    book: str
    mode: Mode
    status: BookStatus | None
    why: str | None
    set_by: str | None
    set_at: datetime | None
    phase: str | None = Field(description="where the newest session is in its day")
    session_date: date | None
    reconciled_at: datetime | None = Field(
        description="when the book last agreed with its broker; null while it does not"
    )


class Health(BaseModel):
    """This process is up and reaches its database."""

    status: str
    version: str
    database: str
    books: list[BookHealth]


class Holding(BaseModel):
    """A position at the last price."""

    symbol: str
    quantity: DecimalText
    average_price: DecimalText
    stop_price: DecimalText | None
    last_price: DecimalText | None
    unrealised: DecimalText | None = Field(description="null without a price")


class Holdings(BaseModel):
    """What a book holds."""

    book: str
    positions: list[Holding]


class Weighted(Holding):
    """A position and its share of the whole."""

    market_value: DecimalText = Field(description="at the last price; without one, at its cost")
    weight_pct: DecimalText | None = Field(description="of equity; null without equity")
    risk: DecimalText = Field(description="what it loses from its cost to its stop")
    risk_pct: DecimalText | None = Field(description="of equity; null without equity")


class WeightedHoldings(BaseModel):
    """What a book holds, weighed."""

    book: str
    equity: DecimalText
    positions: list[Weighted]


class RiskStatus(StrEnum):
    """What the limits leave room for; ``BLOCKED`` names a book that is not ACTIVE."""

    OK = "OK"
    FULL = "FULL"
    DAILY_LOSS = "DAILY_LOSS"
    BLOCKED = "BLOCKED"


class Summary(BaseModel):
    """Money and limits. Names ending in ``_pct`` are percent of equity, other limits are shares."""

    book: str
    equity: DecimalText
    cash: DecimalText
    day_pnl: DecimalText = Field(description="equity now less equity at the session's opening")
    current_risk_pct: DecimalText = Field(
        description="what stops would cost if all were hit, reserved entries included"
    )
    max_risk_pct: DecimalText
    remaining_capacity: DecimalText = Field(description="share of equity that may still be risked")
    risk_status: RiskStatus
    daily_loss_limit: DecimalText
    risk_per_trade: DecimalText
    max_positions: int
    stop_loss_pct: DecimalText = Field(description="percent below a position's cost")


class OrderView(BaseModel):
    """An order as we hold it."""

    client_id: str
    broker_id: str | None
    intent_id: str
    symbol: str
    side: Side
    purpose: Purpose
    type: OrderType
    time_in_force: TimeInForce
    quantity: DecimalText
    limit_price: DecimalText | None
    stop_price: DecimalText | None
    state: OrderState
    filled_quantity: DecimalText
    average_price: DecimalText | None
    created_at: datetime


class Orders(BaseModel):
    """Orders, newest first."""

    book: str
    orders: list[OrderView]


class VerdictView(BaseModel):
    """What one gate said about one subject."""

    at: datetime
    step: str
    symbol: str
    subject: str = Field(
        description="signal:ID, event:ID, basket:NAME:TICK or intent:ID; empty below noise"
    )
    gate: str
    passed: bool
    reason: str
    words: str
    measured: str | None
    limit: str | None
    settings: str = Field(description="fingerprint of the settings that were in force")


class Verdicts(BaseModel):
    """The newest chain of a symbol, oldest first; without a symbol the newest verdicts first."""

    book: str
    verdicts: list[VerdictView]


class InForceView(BaseModel):
    """The settings of a book at a moment; secrets are not among them."""

    book: str
    since: datetime = Field(description="from when on they were in force")
    fingerprint: str
    why: str
    commit: str | None = Field(description="of the code that ran; null where it was not known")
    values: dict[str, str]


class ExperimentView(BaseModel):
    """Settings that were changed for a while, and what became of it."""

    name: str
    state: State
    changes: dict[str, str]
    why: str
    started_by: str
    started_at: datetime
    until_at: datetime
    ended_at: datetime | None
    ended_why: str | None
    measured: dict[str, Any] | None = Field(description="what its triggers saw last")


class Changed(BaseModel):
    """A setting that is changed on the running book, and by what."""

    name: str
    value: str
    source: str
    since: datetime
    until: datetime | None = Field(description="null: until it is lifted")


class Experiments(BaseModel):
    """A book's experiments, newest first, and every setting that is changed now."""

    book: str
    experiments: list[ExperimentView]
    changed: list[Changed]


class Figures(BaseModel):
    """The key figures of an hour; null is what could not be known."""

    at: datetime = Field(description="the hour's end")
    figures: dict[str, Any]


class Kpis(BaseModel):
    """The key figures of a day of the exchange, oldest first."""

    book: str
    date: date | None
    hours: list[Figures]


class SettledDay(BaseModel):
    """A day in our books beside the broker's."""

    date: date
    late: bool = Field(description="settled after the date was over: nobody was there at its end")
    realised: DecimalText = Field(description="of the day's sales, before fees")
    unrealised: DecimalText = Field(description="of what was held at the close")
    fees: DecimalText
    profit: DecimalText = Field(description="realised, the change of unrealised, less fees")
    trades_closed: int
    cash_open: DecimalText
    cash_close: DecimalText = Field(description="ours: the opening's, the day's fills and fees")
    broker_cash: DecimalText
    difference: DecimalText = Field(description="what the broker has more than we")
    equity_open: DecimalText
    equity_close: DecimalText
    broker_equity: DecimalText | None = Field(description="null where the day was settled late")


class ClosedTrade(BaseModel):
    """A position from flat to flat."""

    symbol: str
    opened_at: datetime
    closed_at: datetime
    quantity: DecimalText = Field(description="all shares that were bought")
    entry: DecimalText = Field(description="average price")
    realised: DecimalText
    adverse: DecimalText | None = Field(
        description="how far the price went against it, as a share of the entry; null without bars"
    )
    favourable: DecimalText | None = Field(description="how far it went for it")


class Daily(BaseModel):
    """Settled days from ``first`` to ``last``, oldest first, and what they come to."""

    book: str
    first: date
    last: date
    realised: DecimalText
    unrealised: DecimalText = Field(description="at the last day's close")
    fees: DecimalText
    profit: DecimalText
    trades_closed: int
    win_rate: float | None = Field(description="share of trades with a gain; null without trades")
    profit_factor: float | None = Field(description="gains over losses; null without losses")
    max_drawdown: DecimalText = Field(description="deepest fall of the equity from a peak")
    max_drawdown_share: float = Field(description="the same as a share of that peak")
    days: list[SettledDay]
    trades: list[ClosedTrade]
