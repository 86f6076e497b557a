"""The funnel of a day as it is shown: every count, and every reason in words."""

from datetime import date

from pydantic import BaseModel, Field

from app.api.words import in_words
from app.engine.funnel import Refused, Stage
from app.pipeline.funnel import Funnel


class SymbolCount(BaseModel):
    """How often a symbol was refused."""

    symbol: str
    count: int


class RefusedView(BaseModel):
    """What one gate stopped for one reason."""

    gate: str
    reason: str
    words: str
    reached: int = Field(description="how many were asked by the gate and not refused before")
    count: int
    top: list[SymbolCount] = Field(description="most often refused; empty where below noise")


class StageView(BaseModel):
    """One stage; ``taken`` is ``passed`` and everything refused together."""

    step: str
    kind: str
    what: str
    taken: int
    passed: int
    refused: list[RefusedView]


class FunnelView(BaseModel):
    """A day of the exchange from scores to fills."""

    book: str
    date: date
    auto: bool = Field(description="false: AUTO_MODE is 0, nothing is submitted")
    session: bool = Field(description="whether the exchange had a session on that day")
    stages: list[StageView]
    orders: dict[str, int] = Field(description="orders made on that day, by their state now")
    fills: int


def funnel_view(found: Funnel) -> FunnelView:
    """Return a funnel as it is shown."""
    return FunnelView(
        book=found.book,
        date=found.date,
        auto=found.auto,
        session=found.session,
        stages=[_stage(stage) for stage in found.stages],
        orders=dict(found.orders),
        fills=found.fills,
    )


def _stage(stage: Stage) -> StageView:
    return StageView(
        step=stage.step,
        kind=stage.kind,
        what=stage.what,
        taken=stage.taken,
        passed=stage.passed,
        refused=[_refused(refused) for refused in stage.refused],
    )


def _refused(refused: Refused) -> RefusedView:
    return RefusedView(
        gate=refused.gate,
        reason=refused.reason,
        words=in_words(refused.reason),
        reached=refused.reached,
        count=refused.count,
        top=[SymbolCount(symbol=symbol, count=count) for symbol, count in refused.top],
    )
