"""Texts that try to instruct: whatever they say and whatever is answered, the bounds hold (D4)."""

from datetime import timedelta

import numpy as np
import pytest
from builders import (
    AT,
    a_book,
    a_candidate,
    a_mix_policy,
    a_model_policy,
    a_signal_context,
    an_event,
)
from hostile_texts import ORDERS, TEXTS

from app.engine.candidates import cutoff_of
from app.engine.events import EventKind
from app.engine.gates.own_score import own_score
from app.engine.mixer import Evidence, mix
from app.engine.model_prompt import INSTRUCTIONS, prompt
from app.engine.opinions import Opinion, Question
from app.engine.score import Scores
from app.engine.verdicts import Reason

BOOK = a_book()
POLICY = a_model_policy()
KINDS = tuple(EventKind)


def question(text: str, n: int = 0) -> Question:
    event = an_event("AAPL", kind=KINDS[n % len(KINDS)], title=text, summary=text, tone=None)
    return Question("AAPL", event, 0.5)


def test_there_are_more_than_a_hundred_in_many_languages() -> None:
    assert len(set(TEXTS)) >= 100
    assert len(ORDERS) >= 20


@pytest.mark.parametrize("n", range(len(TEXTS)))
def test_a_text_stays_inside_of_its_fence(n: int) -> None:
    made = prompt(question(TEXTS[n], n), POLICY)
    assert made.instructions == INSTRUCTIONS
    assert made.size <= POLICY.max_prompt_bytes
    lines = made.text.split("\n")
    assert (lines[2], lines[-1], len(lines)) == ("<data>", "</data>", 6)
    inside = "".join(lines[3:5])
    assert not set(inside) & set("<>\x00\x1b\u202e\u200b\r")
    assert inside.isprintable()
    assert "stance" not in lines[0] + lines[1]


@pytest.mark.parametrize("own", [-1.0, -0.4, -0.1, -0.02, 0.0, 0.02, 0.1, 0.119, 0.4, 1.0])
@pytest.mark.parametrize("stance", [-1.0, 1.0])
def test_a_fooled_model_moves_no_score_past_its_bound(own: float, stance: float) -> None:
    technical = Scores(("AAPL",), np.array([own]), {"trend": np.array([own])})
    found = [question(text, n).event for n, text in enumerate(TEXTS)]
    events = tuple(
        an_event("AAPL", id=f"h{n}", kind=e.kind, tone=None) for n, e in enumerate(found)
    )
    answers = tuple(
        Opinion(e.id, "AAPL", AT - timedelta(seconds=n), stance, 1.0, n)
        for n, e in enumerate(events)
    )
    without = mix(BOOK, technical, Evidence(AT, events)).score[0]
    moved = mix(BOOK, technical, Evidence(AT, events, answers)).score[0]
    assert without == own
    assert abs(moved - own) <= BOOK.mixer.model_bound + 1e-12
    assert moved != own or abs(own) == 1


@pytest.mark.parametrize("own", [0.0, 0.02, 0.059, -0.059, -0.02])
@pytest.mark.parametrize("tone", [-1.0, 1.0])
def test_texts_and_model_together_cause_no_signal_by_themselves(own: float, tone: float) -> None:
    """A price that says nothing gives no signal, though texts and model shout with one voice."""
    technical = Scores(("AAPL",), np.array([own]), {"trend": np.array([own])})
    events = tuple(an_event("AAPL", id=f"h{n}", title=t, tone=tone) for n, t in enumerate(TEXTS))
    answers = tuple(Opinion(e.id, "AAPL", AT, tone, 1.0, n) for n, e in enumerate(events))
    mixed = float(mix(BOOK, technical, Evidence(AT, events, answers)).score[0])
    assert abs(mixed - own) <= BOOK.mixer.text_bound + 1e-12
    context = a_signal_context()
    answer = own_score(a_candidate(score=mixed, own=own), context)
    assert answer.reason is Reason.TEXT_ALONE
    assert BOOK.mixer.model_bound < POLICY.min_score - cutoff_of(
        BOOK.signals, in_regular_hours=True
    )


def test_a_wider_bound_lets_a_fooled_model_move_more() -> None:
    """The bound is what holds the score, not that the model says little."""
    technical = Scores(("AAPL",), np.array([0.4]), {"trend": np.array([0.4])})
    event = an_event("AAPL", tone=None)
    told = Evidence(AT, (event,), (Opinion(event.id, "AAPL", AT, -1.0, 1.0, 1),))
    heavy = {"technical": 0.1, "news": 0.0, "filing": 0.0, "model": 0.9}
    moves = [
        0.4
        - mix(a_book(mixer=a_mix_policy(weights=heavy, model_bound=b)), technical, told).score[0]
        for b in (0.05, 0.10, 0.20)
    ]
    assert moves == pytest.approx([0.05, 0.10, 0.20])
