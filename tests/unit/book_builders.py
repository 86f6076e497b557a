"""One valid book of the engine's types, and each of its policies."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.engine.book import (
    Basket,
    Book,
    CapPolicy,
    EventPolicy,
    ExitPolicy,
    MixPolicy,
    Mode,
    ModelPolicy,
    Price,
    RateLimit,
    RiskPolicy,
    RoutePolicy,
    SchedulePolicy,
    SessionPolicy,
    SignalPolicy,
    Universe,
)
from app.engine.events import EventKind

D = Decimal
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

MEGATECH = Basket(
    name="MEGATECH",
    members=("AAPL", "MSFT", "AMZN", "META", "GOOGL", "TSLA"),
    etf="SQQQ",
    min_signals=3,
    min_negative_share=0.60,
    max_mean=-0.12,
    ticks=2,
)
SEMIS = replace(MEGATECH, name="SEMIS", members=("NVDA", "AMD", "AVGO"), etf="SOXS")

WEIGHTS = {"trend": 0.35, "momentum": 0.30, "mean_reversion": 0.15, "volume": 0.20}


def a_signal_policy(**changes: Any) -> SignalPolicy:
    policy = SignalPolicy(
        history=30,
        mixer_threshold=0.12,
        cutoff_regular=0.12,
        cutoff_extended=0.18,
        cutoff_delta=0.0,
        cooldown=timedelta(seconds=180),
        direction_lock=timedelta(seconds=90),
        max_data_age=timedelta(seconds=90),
        extended_hours=False,
        max_bar_move=0.25,
        weights=WEIGHTS,
    )
    return replace(policy, **changes)


def a_mix_policy(**changes: Any) -> MixPolicy:
    policy = MixPolicy(
        weights={"technical": 0.6, "news": 0.2, "filing": 0.1, "model": 0.1},
        news_half_life=15 * MINUTE,
        filing_half_life=60 * MINUTE,
        model_half_life=15 * MINUTE,
        text_bound=0.25,
        model_bound=0.10,
        own_share=0.5,
    )
    return replace(policy, **changes)


def an_event_policy(**changes: Any) -> EventPolicy:
    policy = EventPolicy(
        min_relevance=0.5,
        window=15 * MINUTE,
        spike_factor=4.0,
        spike_bars=20,
        spike_min_volume=1000.0,
    )
    return replace(policy, **changes)


def a_model_policy(**changes: Any) -> ModelPolicy:
    policy = ModelPolicy(
        enabled=True,
        name="a-model",
        events=tuple(EventKind),
        min_score=0.4,
        calls_per_day=120,
        monthly_krw=D(80_000),
        monthly_usd=D(60),
        krw_per_usd=D(1450),
        prices={name: Price(D("0.25"), D(2)) for name in ("a-model", "another-model")},
        max_output_tokens=2000,
        max_prompt_bytes=6000,
        cache=30 * MINUTE,
        timeout_s=8.0,
        questions_per_slot=3,
        fallback="technical",
    )
    return replace(policy, **changes)


def an_exit_policy(**changes: Any) -> ExitPolicy:
    policy = ExitPolicy(
        take_profit=D("0.03"),
        trailing_stop=D("0.015"),
        trailing_after=D("0.015"),
        trend_break=0.6,
        gap=D("0.02"),
        gap_epsilon=D("0.0001"),
        opposite_score=0.15,
        opposite_share=D("0.5"),
        broker_stops=False,
        stop_within=2 * MINUTE,
        stop_failure="hold",
        exit_tries=3,
        retry=MINUTE,
    )
    return replace(policy, **changes)


def a_route_policy(**changes: Any) -> RoutePolicy:
    policy = RoutePolicy(
        baskets=(MEGATECH, SEMIS),
        conflicts=(("QQQ", "SQQQ"), ("SOXL", "SOXS"), ("TNA", "TZA")),
        etf_lock=timedelta(seconds=90),
        evidence_window=timedelta(seconds=300),
        tick=timedelta(seconds=30),
    )
    return replace(policy, **changes)


def a_risk_policy(**changes: Any) -> RiskPolicy:
    policy = RiskPolicy(
        risk_per_trade=D("0.005"),
        max_concurrent_risk=D("0.02"),
        daily_loss_limit=D("0.02"),
        max_positions=4,
        stop_loss=D("0.015"),
        max_exposure=D("0.80"),
        min_slots=3,
        max_price_age=timedelta(seconds=90),
        max_intent_age=timedelta(seconds=60),
        orders_per_minute=30,
        kelly_fraction=D("0.25"),
        kelly_min_trades=30,
        max_look_through=D(2),
        leverage={"SQQQ": D(-3), "SOXS": D(-3)},
    )
    return replace(policy, **changes)


def a_book(**changes: Any) -> Book:
    book = Book(
        id="us_baskets",
        broker="alpaca",
        calendar="XNYS",
        strategy="us_baskets",
        currency="USD",
        mode=Mode.PAPER,
        auto=True,
        universe=Universe(
            tier_a=("NVDA", "AAPL", "MSFT", "TSLA"),
            tier_b=("AMZN", "GOOGL", "META", "SQQQ"),
            bench=("AMD", "AVGO", "NFLX", "SOXS"),
            inverse={"SQQQ": "QQQ", "SOXS": "SOXL"},
            tier_a_interval=timedelta(seconds=30),
            tier_b_interval=timedelta(seconds=60),
            max_inverse_share=0.17,
            apply_proposals=False,
        ),
        signals=a_signal_policy(),
        mixer=a_mix_policy(),
        caps=CapPolicy(20, 15, 10, 100, timedelta(seconds=90)),
        events=an_event_policy(),
        model=a_model_policy(),
        routing=a_route_policy(),
        risk=a_risk_policy(),
        exits=an_exit_policy(),
        session=SessionPolicy(12 * MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE),
        schedule=SchedulePolicy(
            tape_days=90,
            quotes=30 * SECOND,
            signals=30 * SECOND,
            pipeline=15 * SECOND,
            stops=MINUTE,
            session=15 * SECOND,
            reconcile=MINUTE,
            news=MINUTE,
            filings=MINUTE,
            kpis=60 * MINUTE,
            tiers=timedelta(days=7),
        ),
        rate_limits={"quotes.tier_a": RateLimit(6, MINUTE, 0)},
        gates_off=frozenset(),
    )
    return replace(book, **changes)
