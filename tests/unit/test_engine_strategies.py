"""The strategy: from a panel to signals, verdicts and the memory of what was signalled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from builders import AT, FULL_DAY, MINUTE, SECOND, a_book, a_model_policy, a_panel, an_event
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.book import Book
from app.engine.caps import DayCounts
from app.engine.events import EventKind
from app.engine.ids import signal_id, slot_of
from app.engine.market import Panel
from app.engine.opinions import Opinion
from app.engine.state import BookState, LastSignal, from_json, to_json
from app.engine.strategies import STRATEGIES, Decision, SignalInputs
from app.engine.strategies.port import Asking
from app.engine.verdicts import Reason

BOOK = a_book()
SYMBOLS = ("AAPL", "MSFT", "NVDA", "TSLA")


def a_marching_panel() -> Panel:
    """AAPL rises and MSFT falls as steadily as can be; NVDA stands still, TSLA has no history."""
    steps = np.arange(40)
    wobble = 0.01 * (steps % 2)
    close = np.stack([100 + 0.1 * steps, 100 - 0.1 * steps, 100 + 0 * steps, 100 + 0.1 * steps])
    close[:2] += wobble
    close[3, :20] = np.nan
    return replace(
        a_panel(SYMBOLS), open=close, high=close, low=close, close=close, volume=np.ones((4, 40))
    )


def inputs(panel: Panel | None = None, **changes: Any) -> SignalInputs:
    values = SignalInputs(
        at=AT,
        slot=slot_of(AT, 30 * SECOND),
        hours=FULL_DAY,
        panel=panel or a_marching_panel(),
        quoted_at=dict.fromkeys(SYMBOLS, AT),
        due=frozenset(SYMBOLS),
        held=frozenset(),
    )
    return replace(values, **changes)


def ask(book: Book, values: SignalInputs) -> Asking:
    strategy = STRATEGIES[BOOK.strategy]
    return strategy.questions(book, values, strategy.read(book, values))


def decide(values: SignalInputs, state: BookState | None = None, book: Book = BOOK) -> Decision:
    strategy = STRATEGIES[book.strategy]
    return strategy.decide(book, state or BookState(), values, strategy.read(book, values))


def reasons(decision: Decision) -> dict[str, Reason]:
    return {symbol: verdict.reason for symbol, _, verdict in decision.judged}


def test_strong_scores_become_signals_with_their_evidence() -> None:
    decision = decide(inputs())
    assert [s.symbol for s in decision.signals] == ["AAPL", "MSFT"]
    up, down = decision.signals
    assert up.score > 0.12
    assert down.score < -0.12
    assert up.price == a_marching_panel().close[0, -1]
    assert abs(sum(up.components.values()) - up.score) < 1e-12
    assert up.id == signal_id(BOOK.id, "AAPL", up.slot)


def test_every_symbol_of_the_book_has_a_verdict() -> None:
    found = reasons(decide(inputs()))
    assert set(found) == set(BOOK.universe.symbols)
    assert found["NVDA"] is Reason.BELOW_CUTOFF  # a price that never moved has no score
    assert found["TSLA"] is Reason.NO_HISTORY
    assert found["AMZN"] is Reason.NOT_DUE
    assert found["AMD"] is Reason.NO_EVENT


def test_what_is_held_is_due_whatever_its_tier() -> None:
    decision = decide(inputs(due=frozenset(), held=frozenset({"AAPL", "SOXS"})))
    assert [s.symbol for s in decision.signals] == ["AAPL"]
    assert reasons(decision)["SOXS"] is Reason.NO_HISTORY
    assert reasons(decision)["MSFT"] is Reason.NOT_DUE


def test_subjects_name_the_signal_that_it_is_or_would_have_been() -> None:
    slot = slot_of(AT, 30 * SECOND)
    subjects = {symbol: subject for symbol, subject, _ in decide(inputs()).judged}
    assert subjects["TSLA"] == f"signal:{signal_id(BOOK.id, 'TSLA', slot)}"


def test_only_accepted_signals_are_remembered() -> None:
    state = decide(inputs()).state
    assert state.last_signals == {"AAPL": LastSignal(AT, 1), "MSFT": LastSignal(AT, -1)}


def test_c3_the_next_slots_repeat_nothing() -> None:
    state = decide(inputs()).state
    later = {"at": AT + 30 * SECOND, "quoted_at": dict.fromkeys(SYMBOLS, AT)}
    again = decide(inputs(**later), state)
    assert again.signals == ()
    assert reasons(again)["AAPL"] is Reason.COOLDOWN
    assert again.state == state


def test_a_panel_without_bars_is_no_history() -> None:
    empty = np.empty((4, 0))
    bare = replace(a_marching_panel(), open=empty, high=empty, low=empty, close=empty, volume=empty)
    found = set(reasons(decide(inputs(bare))).values())
    assert found == {Reason.NO_HISTORY, Reason.NOT_DUE, Reason.NO_EVENT}


def test_c5_a_signal_on_an_inverse_etf_keeps_its_own_sign() -> None:
    panel = replace(a_marching_panel(), symbols=("SQQQ", *SYMBOLS[1:]))
    decision = decide(inputs(panel, due=frozenset({"SQQQ"}), quoted_at={"SQQQ": AT}))
    assert [(s.symbol, s.score > 0) for s in decision.signals] == [("SQQQ", True)]


def test_texts_travel_with_the_signal_as_components() -> None:
    event = an_event(tone=-0.1)
    opinion = Opinion(event.id, "AAPL", AT, 1.0, 1.0, call=1)
    quiet = decide(inputs()).signals[0]
    heard = decide(inputs(events=(event,), opinions=(opinion,))).signals[0]
    assert heard.score != quiet.score
    assert sum(heard.components.values()) == pytest.approx(heard.score)
    assert heard.components["news"] < 0 < heard.components["model"]
    assert quiet.components["news"] == quiet.components["model"] == 0


def test_d4_texts_alone_begin_nothing() -> None:
    """A stock that stands still, and all the news and answers there can be."""
    still = a_panel(SYMBOLS)
    flat = 100 + 0.001 * (np.arange(40) % 2) + 0 * still.close
    panel = replace(still, open=flat, high=flat, low=flat, close=flat)
    events = tuple(an_event(id=str(n), tone=1.0, relevance=1.0) for n in range(20))
    answers = tuple(Opinion(e.id, "AAPL", AT, 1.0, 1.0, call=1) for e in events)
    decision = decide(inputs(panel, events=events, opinions=answers))
    assert decision.signals == ()
    assert reasons(decision)["AAPL"] in (Reason.TEXT_ALONE, Reason.BELOW_CUTOFF)


def test_b2_an_event_wakes_the_bench() -> None:
    panel = replace(a_marching_panel(), symbols=("AMD", *SYMBOLS[1:]))
    awake = {"quoted_at": {"AMD": AT}, "due": frozenset({"AMD"})}
    spike = an_event("AMD", kind=EventKind.VOL_SPIKE, tone=None, first_seen_at=AT - MINUTE)
    assert [s.symbol for s in decide(inputs(panel, events=(spike,), **awake)).signals] == ["AMD"]
    for events in ((), (replace(spike, symbol=None),), (replace(spike, symbol="AAPL"),)):
        assert reasons(decide(inputs(panel, events=events, **awake)))["AMD"] is Reason.NO_EVENT
    old = (replace(spike, at=AT - timedelta(days=1)),)
    assert reasons(decide(inputs(panel, events=old, **awake)))["AMD"] is Reason.NO_EVENT
    assert decide(inputs(panel, events=(spike, *old), **awake)).signals


def test_b7_a_split_in_the_window_is_not_traded_on() -> None:
    panel = a_marching_panel()
    parts = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close")}
    for part in parts.values():
        part[0, 25:] /= 2
    decision = decide(inputs(replace(panel, **parts)))
    assert reasons(decision)["AAPL"] is Reason.BAD_DATA
    assert [s.symbol for s in decision.signals] == ["MSFT"]


def test_c4_a_day_that_is_full_begins_nothing_and_still_hears() -> None:
    decision = decide(inputs(entries=DayCounts({"NVDA": 100})))
    assert reasons(decision)["AAPL"] is Reason.DAILY_CAP
    assert [(s.symbol, s.score < 0) for s in decision.signals] == [("MSFT", True)]


def test_d1_the_model_is_asked_where_the_score_is_large_and_news_are_fresh() -> None:
    news = an_event("AAPL")
    easy = replace(BOOK, model=a_model_policy(min_score=0.12))
    asking = ask(easy, inputs(events=(news,)))
    assert [(q.symbol, q.event) for q in asking.questions] == [("AAPL", news)]
    assert abs(asking.questions[0].score) >= 0.12
    assert ask(easy, inputs()) == Asking()
    assert ask(easy, inputs(events=(news,), due=frozenset())) == Asking()
    hard = ask(replace(BOOK, model=a_model_policy(min_score=1.0)), inputs(events=(news,)))
    assert hard.questions == ()
    assert [v.reason for _, _, v in hard.passed_over] == [Reason.MODEL_BELOW_SCORE]


@pytest.mark.parametrize(
    "changes",
    [
        {"at": FULL_DAY.close, "quoted_at": dict.fromkeys(SYMBOLS, FULL_DAY.close)},
        {"hours": None},
        {"due": frozenset()},
        {"quoted_at": {}},
        {"quoted_at": {"AAPL": AT - 91 * SECOND}},
    ],
)
def test_d1_nobody_pays_for_an_answer_that_no_signal_can_wait_for(changes: dict[str, Any]) -> None:
    easy = replace(BOOK, model=a_model_policy(min_score=0.12))
    values = inputs(**changes)
    news = an_event("AAPL", at=values.at, first_seen_at=values.at)
    assert ask(easy, replace(values, events=(news,))) == Asking()


def test_d1_bars_that_cannot_be_right_ask_nothing() -> None:
    easy = replace(BOOK, model=a_model_policy(min_score=0.12))
    steep = a_marching_panel()
    split = replace(steep, close=np.where(np.arange(40) < 20, steep.close, 2 * steep.close))
    for panel in (split, replace(steep, symbols=("TSLA", "MSFT", "NVDA", "AAPL"))):
        assert ask(easy, inputs(panel, events=(an_event("AAPL"),))) == Asking()


def test_d3_a_book_that_refuses_without_an_answer_says_why() -> None:
    refusing = replace(BOOK, model=a_model_policy(fallback="refuse"))
    values = inputs(unanswered={"AAPL": Reason.MODEL_MONEY_SPENT})
    found = decide(values, book=refusing)
    assert reasons(found)["AAPL"] is Reason.MODEL_MONEY_SPENT
    assert [s.symbol for s in decide(values).signals] == ["AAPL", "MSFT"]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_deciding_is_a_function_and_its_state_survives_a_restart(seed: int) -> None:
    values = inputs(a_panel(SYMBOLS, seed=seed))
    decision = decide(values)
    assert repr(decision) == repr(decide(values))
    assert from_json(to_json(decision.state)) == decision.state
    assert all(0.12 <= abs(signal.score) <= 1 for signal in decision.signals)
