"""The basket router: F1's numbers, F2's locks and pairs, C5's sign, and order-independence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import AT, MEGATECH, SECOND, a_book, a_route_context, a_route_policy, a_signal
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.baskets import Routed, evidence_score, route, weigh, witnesses
from app.engine.book import Book
from app.engine.orders import Purpose, Side
from app.engine.signals import Signal
from app.engine.state import BookState, from_json, to_json
from app.engine.verdicts import Reason

BOOK = a_book()
TICK = timedelta(seconds=30)
RELAXED = replace(MEGATECH, min_signals=1, min_negative_share=0.20, max_mean=-0.05)


def negatives(*scores: float, at: datetime = AT) -> list[Signal]:
    return [a_signal(m, s, at) for m, s in zip(MEGATECH.members, scores, strict=False)]


def on_ticks(
    signals: Sequence[Signal], ticks: int = 2, book: Book = BOOK, **context: Any
) -> Routed:
    """Route the signals in the first tick and nothing after it; return what its last end says."""
    routed = route(book, BookState(), signals, a_route_context(**context))
    for tick in range(1, ticks + 1):
        routed = route(book, routed.state, (), a_route_context(AT + tick * TICK, **context))
    return routed


def last_reason(routed: Routed, subject: str = "basket:MEGATECH") -> Reason:
    return next(v.reason for _, s, v in reversed(routed.judged) if s.startswith(subject))


# -- F1 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ((-0.12, -0.12, -0.12), Reason.PASSED),
        ((-0.9, -0.9), Reason.BASKET_TOO_FEW),
        ((-0.5, -0.5, -0.5, 0.13, 0.13), Reason.PASSED),  # 60 % negative, mean -0.248
        ((-0.9, -0.9, -0.9, 0.13, 0.13, 0.13), Reason.BASKET_TOO_POSITIVE),
        ((-0.12, -0.12, -0.119), Reason.BASKET_MEAN_TOO_HIGH),
        ((0.3, 0.3, 0.3), Reason.BASKET_TOO_POSITIVE),
    ],
)
def test_f1_numbers(scores: tuple[float, ...], reason: Reason) -> None:
    assert last_reason(on_ticks(negatives(*scores))) is reason


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ((-0.05,), Reason.PASSED),
        ((-0.9, 0.13, 0.13, 0.13, 0.13), Reason.PASSED),  # 20 % negative, mean -0.076
        ((-0.9, 0.13, 0.13, 0.13, 0.13, 0.13), Reason.BASKET_TOO_POSITIVE),
        ((-0.049,), Reason.BASKET_MEAN_TOO_HIGH),
    ],
)
def test_f1_relaxed_set(scores: tuple[float, ...], reason: Reason) -> None:
    book = a_book(routing=a_route_policy(baskets=(RELAXED,)))
    assert last_reason(on_ticks(negatives(*scores), book=book)) is reason


def test_f1_fires_on_the_second_tick_in_a_row_only() -> None:
    signals = negatives(-0.3, -0.3, -0.3)
    first = on_ticks(signals, ticks=1)
    assert last_reason(first) is Reason.BASKET_UNCONFIRMED
    assert first.intents == ()
    (intent,) = on_ticks(signals, ticks=2).intents
    assert (intent.symbol, intent.side, intent.purpose) == ("SQQQ", Side.BUY, Purpose.ENTRY)
    assert (intent.basket, intent.price) == ("MEGATECH", Decimal(30))
    assert intent.signals == tuple(sorted(s.id for s in signals))


def test_a_tick_is_judged_once_and_a_broken_row_starts_anew() -> None:
    once = on_ticks(negatives(-0.3, -0.3, -0.3), ticks=1)
    turned = [a_signal(m, 0.3, AT + TICK) for m in MEGATECH.members[:3]]
    again = route(BOOK, once.state, turned, a_route_context(AT + TICK + 15 * SECOND))
    assert not any(subject.startswith("basket:") for _, subject, _ in again.judged)
    assert again.state.evidence["MEGATECH"].streak == 1
    broken = route(BOOK, again.state, (), a_route_context(AT + 2 * TICK))
    assert broken.state.evidence["MEGATECH"].streak == 0


def test_a_tick_without_a_call_counts_by_the_evidence_it_had() -> None:
    once = on_ticks(negatives(-0.3, -0.3, -0.3), ticks=1)
    late = route(BOOK, once.state, (), a_route_context(AT + 5 * TICK))
    assert [intent.symbol for intent in late.intents] == ["SQQQ"]
    assert late.state.evidence["MEGATECH"].streak == MEGATECH.ticks


def test_signals_that_arrive_late_count_from_when_they_were_made() -> None:
    late = route(BOOK, BookState(), negatives(-0.3, -0.3, -0.3), a_route_context(AT + 2 * TICK))
    assert [intent.symbol for intent in late.intents] == ["SQQQ"]


def test_evidence_outside_the_window_is_forgotten() -> None:
    window = BOOK.routing.evidence_window
    once = on_ticks(negatives(-0.3, -0.3, -0.3), ticks=1)
    edge = route(BOOK, once.state, (), a_route_context(AT + window))
    assert len(edge.intents) == 1
    gone = route(BOOK, once.state, (), a_route_context(AT + window + TICK))
    assert gone.judged == ()
    assert gone.state.evidence["MEGATECH"].scores == {}


def test_the_newest_score_of_a_member_is_its_evidence() -> None:
    older, newer = a_signal("AAPL", -0.9, AT), a_signal("AAPL", 0.2, AT + TICK)
    for order in ([older, newer], [newer, older]):
        routed = route(BOOK, BookState(), order, a_route_context(AT + TICK))
        assert routed.state.evidence["MEGATECH"].scores["AAPL"][1] == 0.2


def test_refusals_carry_their_numbers() -> None:
    assert [(v.gate, v.measured, v.limit) for v in weigh(MEGATECH, [-0.5, 0.1])] == [
        ("min_signals", 2, 3),
        ("negative_share", 0.5, 0.6),
        ("mean", -0.2, -0.12),
    ]


# -- F2 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"held": {"SQQQ": Decimal(5)}}, Reason.POSITION_EXISTS),
        ({"held": {"SQQQ": Decimal(0)}}, Reason.PASSED),
        ({"pending": frozenset({"SQQQ"})}, Reason.ORDER_PENDING),
        ({"held": {"QQQ": Decimal(5)}}, Reason.CONFLICTING_PAIR),
        ({"pending": frozenset({"QQQ"})}, Reason.CONFLICTING_PAIR),
        ({"prices": {}}, Reason.STALE_PRICE),
    ],
)
def test_f2_what_is_held_or_pending_suppresses(context: dict[str, Any], reason: Reason) -> None:
    routed = on_ticks(negatives(-0.3, -0.3, -0.3), **context)
    assert last_reason(routed) is reason
    assert bool(routed.intents) == (reason is Reason.PASSED)


def test_f2_one_order_per_etf_in_ninety_seconds() -> None:
    routed = on_ticks(negatives(-0.3, -0.3, -0.3))
    fired_at = AT + 2 * TICK
    for ticks, reason in ((1, Reason.ETF_LOCKED), (2, Reason.ETF_LOCKED), (3, Reason.PASSED)):
        after = route(BOOK, routed.state, (), a_route_context(fired_at + ticks * TICK))
        assert last_reason(after) is reason


def test_two_baskets_never_buy_one_etf_twice() -> None:
    twin = replace(MEGATECH, name="TWIN")
    book = a_book(routing=a_route_policy(baskets=(MEGATECH, twin)))
    routed = on_ticks(negatives(-0.3, -0.3, -0.3), book=book)
    assert [intent.basket for intent in routed.intents] == ["MEGATECH"]
    assert last_reason(routed, "basket:TWIN") is Reason.ETF_LOCKED


# -- C5 and the long route ----------------------------------------------------------------------


def test_c5_a_signal_on_an_inverse_etf_is_evidence_with_its_sign_reversed() -> None:
    assert evidence_score(BOOK, "SQQQ", 0.4) == -0.4
    assert evidence_score(BOOK, "AAPL", 0.4) == 0.4
    assert witnesses(BOOK, MEGATECH) == (*MEGATECH.members, "SQQQ")
    routed = on_ticks([*negatives(-0.3, -0.3), a_signal("SQQQ", 0.3)])
    assert [intent.symbol for intent in routed.intents] == ["SQQQ"]


@pytest.mark.parametrize(
    ("symbol", "score", "reason"),
    [
        ("AAPL", 0.3, Reason.PASSED),
        ("AAPL", -0.3, Reason.NOT_TRADED_ITSELF),
        ("SQQQ", 0.3, Reason.NOT_TRADED_ITSELF),
        ("SQQQ", -0.3, Reason.NOT_TRADED_ITSELF),
    ],
)
def test_only_positive_signals_of_stocks_route_to_themselves(
    symbol: str, score: float, reason: Reason
) -> None:
    routed = route(BOOK, BookState(), [a_signal(symbol, score)], a_route_context())
    assert last_reason(routed, "signal:") is reason
    assert bool(routed.intents) == (reason is Reason.PASSED)


def test_a_held_or_pending_stock_is_not_bought_again() -> None:
    for context in ({"held": {"AAPL": Decimal(1)}}, {"pending": frozenset({"AAPL"})}):
        assert route(BOOK, BookState(), [a_signal()], a_route_context(**context)).intents == ()


def test_a_symbol_is_bought_once_a_call_and_the_strongest_first() -> None:
    signals = [
        a_signal("MSFT", 0.2),
        a_signal("AAPL", 0.5),
        a_signal("AAPL", 0.4, AT + SECOND * 30),
    ]
    routed = route(BOOK, BookState(), signals, a_route_context())
    assert [intent.symbol for intent in routed.intents] == ["AAPL", "MSFT"]


# -- properties ---------------------------------------------------------------------------------

SIGNALS = st.lists(
    st.builds(
        a_signal,
        symbol=st.sampled_from([*MEGATECH.members, "SQQQ", "NVDA", "AMD", "AVGO", "SOXS"]),
        score=st.floats(-1, 1),
        at=st.integers(-200, 30).map(lambda s: AT + s * SECOND),
    ),
    max_size=12,
    unique_by=lambda s: (s.symbol, s.slot),
)


@given(SIGNALS, st.randoms(use_true_random=False))
def test_routing_does_not_depend_on_the_order_of_signals(signals: list[Signal], draw: Any) -> None:
    shuffled = list(signals)
    draw.shuffle(shuffled)
    assert on_ticks(signals) == on_ticks(shuffled)


@settings(max_examples=60)
@given(SIGNALS, st.integers(1, 4), st.sampled_from(["", "SQQQ", "NVDA"]), st.randoms())
def test_how_many_calls_a_ticks_signals_arrive_in_changes_no_intent(
    signals: list[Signal], calls: int, held: str, draw: Any
) -> None:
    holding = {held: Decimal(9)} if held else {}
    late = AT + 29 * SECOND
    newest = {s.symbol: s for s in signals}  # a symbol has one signal a tick
    inside = [replace(s, at=min(max(s.at, AT), late)) for s in newest.values()]
    draw.shuffle(inside)

    def intents(parts: int) -> set[tuple[str, str, Decimal | None]]:
        state, found = BookState(), set()
        batches = [inside[n::parts] for n in range(parts)] + [[], [], []]
        times = [late] * parts + [AT + n * TICK for n in (1, 2, 3)]
        for batch, at in zip(batches, times, strict=True):
            routed = route(BOOK, state, batch, a_route_context(at, held=holding))
            state, found = (
                routed.state,
                found | {(i.id, i.symbol, i.quantity) for i in routed.intents},
            )
        return found

    assert intents(calls) == intents(1)


@given(SIGNALS)
def test_nothing_held_pending_or_conflicting_is_ever_bought(signals: list[Signal]) -> None:
    context = {"held": {"AAPL": Decimal(1), "QQQ": Decimal(2)}, "pending": frozenset({"NVDA"})}
    routed = on_ticks(signals, **context)
    assert not {"AAPL", "NVDA", "SQQQ"} & {intent.symbol for intent in routed.intents}


@given(SIGNALS)
def test_the_state_survives_a_restart(signals: list[Signal]) -> None:
    state = on_ticks(signals).state
    assert from_json(to_json(state)) == state
