"""An explanation as it is shown: the chain, and the evidence and orders behind it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.models import DecimalText, VerdictView
from app.api.words import in_words
from app.engine.attribution import Share
from app.engine.rounding import plain
from app.engine.verdicts import Reason
from app.io.store.chains import Decision
from app.io.store.evidence import CallSeen, OrderSeen
from app.pipeline.why import Explanation


class SignalView(BaseModel):
    """A signal behind the chain and the parts of its score."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    symbol: str
    at: datetime
    score: float
    components: dict[str, Any]


class ShareView(BaseModel):
    """How much of an order a signal moved; the shares of an order sum to 1, the parts to theirs."""

    signal: str
    symbol: str
    reading: float = Field(description="its score; turned around for an inverse ETF in a basket")
    share: float
    parts: dict[str, float]


class CausedOrder(BaseModel):
    """An order of the chain, the basket it was made for, and the signals that moved it."""

    client_id: str
    intent_id: str
    symbol: str
    side: str
    purpose: str
    quantity: DecimalText
    filled_quantity: DecimalText
    average_price: DecimalText | None
    state: str
    error: str | None
    created_at: datetime
    basket: str | None
    signals: list[str]
    shares: list[ShareView]


class EventView(BaseModel):
    """An event that the model was asked about; the title is text of others."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    kind: str
    symbol: str | None
    at: datetime
    source: str
    title: str


class CallView(BaseModel):
    """What the model was asked with, what it answered and what that cost."""

    event_id: str
    symbol: str
    at: datetime
    prompt_version: str
    model: str
    outcome: str | None
    answer: dict[str, Any] | None
    cost_usd: DecimalText | None


class Why(BaseModel):
    """The newest chain about a symbol, oldest verdict first, with what is behind it."""

    book: str
    symbol: str
    auto: bool = Field(description="false: AUTO_MODE is 0, nothing is submitted")
    chain: list[VerdictView]
    signals: list[SignalView]
    orders: list[CausedOrder]
    events: list[EventView]
    calls: list[CallView]


def why_view(found: Explanation) -> Why:
    """Return an explanation as it is shown."""
    return Why(
        book=found.book,
        symbol=found.symbol,
        auto=found.auto,
        chain=[verdict_view(decision) for decision in found.decisions],
        signals=[SignalView.model_validate(signal) for signal in found.signals],
        orders=[_order(order, found.shares.get(order.client_id, ())) for order in found.orders],
        events=[EventView.model_validate(event) for event in found.events],
        calls=[_call(call) for call in found.calls],
    )


def verdict_view(decision: Decision) -> VerdictView:
    """Return a stored verdict as it is shown, with its reason in words."""
    return VerdictView(
        at=decision.at,
        step=decision.step,
        symbol=decision.symbol,
        subject=decision.subject,
        gate=decision.gate,
        passed=decision.reason == Reason.PASSED,
        reason=decision.reason,
        words=in_words(decision.reason),
        measured=decision.measured,
        limit=decision.limit,
        settings=decision.settings,
    )


def _order(seen: OrderSeen, shares: Iterable[Share]) -> CausedOrder:
    return CausedOrder(
        client_id=seen.client_id,
        intent_id=seen.intent_id,
        symbol=seen.symbol,
        side=seen.side,
        purpose=seen.purpose,
        quantity=plain(seen.quantity),
        filled_quantity=plain(seen.filled_quantity),
        average_price=None if seen.average_price is None else plain(round(seen.average_price, 6)),
        state=seen.state,
        error=seen.error,
        created_at=seen.created_at,
        basket=seen.basket,
        signals=list(seen.signals),
        shares=[_share(share) for share in shares],
    )


def _share(of: Share) -> ShareView:
    return ShareView(
        signal=of.signal,
        symbol=of.symbol,
        reading=of.reading,
        share=float(of.share),
        parts={name: float(part) for name, part in of.parts.items()},
    )


def _call(seen: CallSeen) -> CallView:
    return CallView(
        event_id=seen.event_id,
        symbol=seen.symbol,
        at=seen.at,
        prompt_version=seen.prompt_version,
        model=seen.model,
        outcome=seen.outcome,
        answer=None if seen.answer is None else dict(seen.answer),
        cost_usd=None if seen.cost_usd is None else plain(seen.cost_usd),
    )
