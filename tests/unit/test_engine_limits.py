"""Limits of the shipped book: none is ever passed, and each only ever shrinks a size."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from builders import D, a_pending_entry, a_quote, a_risk_context, an_intent
from hypothesis import given, settings
from hypothesis import strategies as st

from app.config import load
from app.engine import sizing
from app.engine.caps import DayCounts
from app.engine.portfolio import Position
from app.engine.risk import judge
from app.engine.sizing import RiskContext

BOOK = load({}, Path("no such file")).book("us_baskets")
ROOMY = replace(BOOK, risk=replace(BOOK.risk, max_positions=9))


POSITIONS = st.lists(
    st.builds(
        lambda s, q, p: Position(s, D(q), p),
        st.sampled_from(["MSFT", "SQQQ", "SOXS"]),
        st.integers(1, 90),
        st.decimals(1, 300, places=2),
    ),
    max_size=2,
    unique_by=lambda p: p.symbol,
)
PENDING = st.lists(
    st.builds(a_pending_entry, st.sampled_from(["NVDA", "TSLA"]), st.integers(1, 4000)), max_size=2
)
GAINS = st.sampled_from(
    [(), (D("0.03"), D("-0.01")) * 15, (D("0.011"), D("-0.01")) * 15, (D("-0.01"),) * 40]
)
CONTEXTS = st.builds(
    lambda equity, last, held, pending, gains: a_risk_context(
        equity=str(equity),
        quotes={s: a_quote(s, last=last) for s in ("AAPL", "SQQQ")},
        positions={p.symbol: p for p in held},
        pending=tuple(pending),
        gains=gains,
    ),
    st.integers(5_000, 200_000),
    st.floats(0.5, 500),
    POSITIONS,
    PENDING,
    GAINS,
)


def shares(context: RiskContext, symbol: str = "AAPL") -> Decimal:
    order = judge(ROOMY, an_intent(symbol=symbol), context).order
    return order.quantity if order else D(0)


@settings(max_examples=60)
@given(CONTEXTS, st.sampled_from(["AAPL", "SQQQ"]))
def test_no_limit_is_ever_passed(context: RiskContext, symbol: str) -> None:
    order = judge(ROOMY, an_intent(symbol=symbol), context).order
    if order is None:
        return
    risk, after = ROOMY.risk, replace(context, pending=(*context.pending, order))
    uses = (sizing.risk_in_use, sizing.exposure_in_use, sizing.look_through_in_use)
    for use in uses:
        assert use(risk, after).used <= use(risk, after).limit
    assert order.quantity == order.quantity.to_integral_value()
    assert order.reserved_notional <= sizing.position_limit(risk, context.equity)
    by_kelly = sizing.kelly_risk(risk, context)
    assert by_kelly is None or order.reserved_risk <= by_kelly


@settings(max_examples=60)
@given(CONTEXTS, POSITIONS, PENDING, GAINS)
def test_more_in_use_never_enlarges_a_size(
    context: RiskContext, held: list[Position], pending: list[Any], gains: tuple[Decimal, ...]
) -> None:
    more = replace(
        context,
        positions={p.symbol: p for p in held} | dict(context.positions),
        pending=(*context.pending, *pending),
        gains=context.gains or gains,
        entries=DayCounts({"AAPL": 19}),
    )
    assert shares(more) <= shares(context)


@settings(max_examples=40)
@given(CONTEXTS, st.decimals(1, 4, places=2))
def test_more_equity_never_makes_a_size_smaller(context: RiskContext, times: Decimal) -> None:
    richer = replace(
        context,
        equity=context.equity * times,
        cash=context.cash * times,
        buying_power=context.buying_power * times,
        day_start_equity=context.equity * times,
    )
    assert shares(richer) >= shares(context)


@settings(max_examples=40)
@given(CONTEXTS)
def test_a_smaller_limit_never_enlarges_a_size(context: RiskContext) -> None:
    before = sizing.entry_quantity(BOOK.risk, context, "SQQQ", D(30))
    halves = ("risk_per_trade", "max_concurrent_risk", "max_exposure", "max_look_through")
    for name in (*halves, "kelly_fraction"):
        tighter: dict[str, Any] = {name: getattr(BOOK.risk, name) / 2}
        policy = replace(BOOK.risk, **tighter)
        assert sizing.entry_quantity(policy, context, "SQQQ", D(30)) <= before
