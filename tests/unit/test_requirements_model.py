"""The numbers of requirements D1 to D4 in the shipped book, each at its edge."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from builders import AT, MINUTE, D, an_event

from app.config.loading import load
from app.engine.events import EventKind
from app.engine.mixer import Evidence, mix
from app.engine.model import asking
from app.engine.model_answer import Reading, read
from app.engine.model_prompt import prompt
from app.engine.opinions import Opinion, Question
from app.engine.score import Scores
from app.engine.verdicts import Reason, Verdict
from app.io.store.model_calls import Call, Spent, _refusal

BOOK = load({}, Path("no such file")).book("us_baskets")
EVENTS = ("edgar", "vol_spike", "fed_speech", "rate_decision", "market_news", "tech_earnings")

# At their edges besides here: test_engine_model.py, test_engine_model_hostile.py.
NUMBERS = [
    ("D1 events", BOOK.model.events, EVENTS),
    ("D1 every kind", set(EventKind), set(EVENTS)),
    ("D2 calls a day", BOOK.model.calls_per_day, 120),
    ("D2 won a month", BOOK.model.monthly_krw, 80_000),
    ("D2 cache", BOOK.model.cache, 30 * MINUTE),
    ("D3 fallback", BOOK.model.fallback, "technical"),
    ("D4 the model's bound", BOOK.mixer.model_bound, 0.10),
    ("D4 all texts' bound", BOOK.mixer.text_bound, 0.25),
    ("D4 below the cutoff", BOOK.mixer.model_bound < BOOK.signals.cutoff_regular, True),
]


@pytest.mark.parametrize(("requirement", "found", "expected"), NUMBERS)
def test_the_shipped_book_says(requirement: str, found: object, expected: object) -> None:
    assert found == expected, requirement


@pytest.mark.parametrize(
    ("score", "asked"),
    [(0.39999, 0), (0.4, 1), (0.40001, 1), (-0.39999, 0), (-0.4, 1), (-0.40001, 1)],
)
def test_d1_a_score_of_four_tenths_is_asked_about(score: float, asked: int) -> None:
    assert len(asking(BOOK, {"AAPL": score}, [an_event("AAPL")], AT).questions) == asked


# -- D2: what a call may still cost --------------------------------------------------------------


def refusal(calls: int, won: str, worst: str) -> Verdict | None:
    """Ask for a call that costs ``worst`` dollars, after so many calls and so many won."""
    policy = BOOK.model
    dollars = D(won) / policy.krw_per_usd
    so_far = Spent(
        calls, policy.calls_per_day, dollars, policy.monthly_usd, D(won), policy.monthly_krw
    )
    made = prompt(Question("AAPL", an_event("AAPL"), 0.5), policy)
    call = Call(AT, date(2026, 3, 20), "AAPL", "e-1:AAPL", made, D(worst))
    return _refusal(so_far, call, BOOK)


@pytest.mark.parametrize(
    ("requirement", "calls", "won", "reason"),
    [
        ("D2 calls a day", 119, "0", None),
        ("D2 calls a day", 120, "0", Reason.MODEL_CALLS_SPENT),
        ("D2 calls a day", 121, "0", Reason.MODEL_CALLS_SPENT),
        ("D2 won a month", 0, "78549.99", None),
        ("D2 won a month", 0, "78550", None),
        ("D2 won a month", 0, "78550.01", Reason.MODEL_MONEY_SPENT),
    ],
)
def test_d2_at_its_edge(requirement: str, calls: int, won: str, reason: Reason | None) -> None:
    """A dollar is 1,450 won here, so that a call of a dollar just fits after 78,550."""
    refused = refusal(calls, won, "1")
    assert (refused.reason if refused else None) is reason, requirement
    assert refused is None or refused.limit in (120, 80_000)


# -- D3: an answer out of range is none ----------------------------------------------------------


@pytest.mark.parametrize(
    ("stance", "confidence", "valid"),
    [
        (0.9999999, 0.9999999, True),
        (1, 1, True),
        (-1, 0, True),
        (1.0000001, 1, False),
        (-1.0000001, 1, False),
        (1, 1.0000001, False),
        (1, -0.0000001, False),
    ],
)
def test_d3_an_answer_at_the_edge_of_its_range(
    stance: float, confidence: float, valid: bool
) -> None:
    said = read(json.dumps({"stance": stance, "confidence": confidence, "reason": "Why not."}))
    assert isinstance(said, Reading) is valid
    assert valid or (isinstance(said, Verdict) and said.reason is Reason.MODEL_OUT_OF_RANGE)


# -- D4: how far texts and the model move a score --------------------------------------------------


def mixed(tone: float | None, stance: float | None) -> float:
    """The score of a stock whose prices say 0.4, beside one text and an answer about it."""
    own = Scores(("AAPL",), np.array([0.4]), {"trend": np.array([0.4])})
    event = an_event("AAPL", tone=tone, relevance=1.0)
    said = () if stance is None else (Opinion(event.id, "AAPL", AT, stance, 1.0, 1),)
    return float(mix(BOOK, own, Evidence(AT, (event,), said)).score[0])


@pytest.mark.parametrize(
    ("requirement", "tone", "stance", "score"),
    [
        # A tenth of the weights against six: a seventh of the way from 0.4 to the stance.
        ("D4 the model's bound", None, -0.293, 0.301),
        ("D4 the model's bound", None, -0.3, 0.3),
        ("D4 the model's bound", None, -0.307, 0.3),
        ("D4 the model's bound", None, -1.0, 0.3),
        # Two tenths against six: a quarter of the way.
        ("D4 all texts' bound", -0.596, None, 0.151),
        ("D4 all texts' bound", -0.6, None, 0.15),
        ("D4 all texts' bound", -0.604, None, 0.15),
        ("D4 all texts' bound", -1.0, -1.0, 0.15),
        ("D3 without an answer", None, None, 0.4),
    ],
)
def test_d4_a_score_moves_within_its_bound(
    requirement: str, tone: float | None, stance: float | None, score: float
) -> None:
    assert mixed(tone, stance) == pytest.approx(score), requirement
