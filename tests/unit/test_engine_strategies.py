"""The strategy: from a panel to signals, verdicts and the memory of what was signalled."""

from dataclasses import replace
from typing import Any

import numpy as np
from builders import AT, FULL_DAY, SECOND, a_book, a_panel
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.ids import signal_id, slot_of
from app.engine.market import Panel
from app.engine.state import BookState, LastSignal, from_json, to_json
from app.engine.strategies import STRATEGIES, Decision, SignalInputs
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


def decide(values: SignalInputs, state: BookState | None = None) -> Decision:
    return STRATEGIES[BOOK.strategy].decide(BOOK, state or BookState(), values)


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
    assert set(reasons(decide(inputs(bare))).values()) == {Reason.NO_HISTORY, Reason.NOT_DUE}


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_deciding_is_a_function_and_its_state_survives_a_restart(seed: int) -> None:
    values = inputs(a_panel(SYMBOLS, seed=seed))
    decision = decide(values)
    assert repr(decision) == repr(decide(values))
    assert from_json(to_json(decision.state)) == decision.state
    assert all(0.12 <= abs(signal.score) <= 1 for signal in decision.signals)
