"""What the model is asked, how its answers are read, and what a call may cost."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from builders import AT, MINUTE, a_book, a_model_policy, an_event
from hypothesis import given
from hypothesis import strategies as st

from app.engine.book import Price
from app.engine.events import Event, EventKind
from app.engine.model import asking
from app.engine.model_answer import LONGEST, Reading, read
from app.engine.model_cost import billed_usd, is_by, worst_usd
from app.engine.model_prompt import neutral, prompt
from app.engine.opinions import Question
from app.engine.verdicts import Judged, Reason, Verdict

BOOK = a_book()
POLICY = a_model_policy()
GOOD = {"stance": 0.5, "confidence": 0.75, "reason": "A strong quarter."}


def questions(*told: Any) -> tuple[Question, ...]:
    return asking(*told).questions


def passed_over(*told: Any) -> tuple[Judged, ...]:
    return asking(*told).passed_over


# -- questions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("score", "asked"), [(0.4, True), (-0.4, True), (0.39, False), (2, False)])
def test_d1_only_large_scores_are_asked_about(score: float, asked: bool) -> None:
    found = questions(BOOK, {"AAPL": score}, [an_event("AAPL")], AT)
    assert bool(found) is asked
    quiet = passed_over(BOOK, {"AAPL": score}, [an_event("AAPL")], AT)
    assert [v.reason for _, _, v in quiet] == ([] if asked else [Reason.MODEL_BELOW_SCORE])


def test_a_score_that_is_no_number_asks_nothing() -> None:
    assert questions(BOOK, {"AAPL": float("nan")}, [an_event("AAPL")], AT) == ()


@pytest.mark.parametrize("kind", EventKind)
def test_d1_only_the_events_of_the_settings_are_asked_about(kind: EventKind) -> None:
    event = an_event("AAPL", kind=kind)
    others = tuple(k for k in EventKind if k is not kind)
    assert questions(BOOK, {"AAPL": 0.5}, [event], AT)
    deaf = replace(BOOK, model=a_model_policy(events=others))
    assert questions(deaf, {"AAPL": 0.5}, [event], AT) == ()


@pytest.mark.parametrize(
    ("age", "seen", "asked"),
    [(0, 0, True), (15, 15, True), (15, 0, True), (15.1, 0, False), (24 * 60, 0, False)],
)
def test_news_are_as_old_as_what_happened_and_not_as_our_reading_of_it(
    age: float, seen: float, asked: bool
) -> None:
    event = an_event("AAPL", at=AT - age * MINUTE, first_seen_at=AT - seen * MINUTE)
    assert bool(questions(BOOK, {"AAPL": 0.5}, [event], AT)) is asked


def test_what_is_not_known_yet_is_not_asked_about() -> None:
    event = an_event("AAPL", at=AT - MINUTE, first_seen_at=AT + MINUTE)
    assert questions(BOOK, {"AAPL": 0.5}, [event], AT) == ()


def asked_about(events: list[Event], known: str = "") -> list[str]:
    keys = {prompt(Question("AAPL", e, 0.5), POLICY).key for e in events if e.id in known.split()}
    return [q.event.id for q in questions(BOOK, {"AAPL": 0.5}, events, AT, keys)]


def test_of_one_fetch_the_newest_is_asked_about_first_and_then_the_others() -> None:
    """Ids are hashes: that of the newest is neither the smallest nor the largest."""
    ages = {"b": 1, "c": 3, "a": 9}
    fetch = [an_event("AAPL", id=n, title=n, at=AT - age * MINUTE) for n, age in ages.items()]
    assert asked_about(fetch) == ["b"]
    assert asked_about(fetch, "b") == ["b", "c"]
    assert asked_about(fetch, "b c") == ["b", "a"]
    assert asked_about(fetch, "a b c") == ["b"]


def test_b4_the_federal_reserve_comes_first() -> None:
    fed = an_event(None, id="fed", kind=EventKind.FED_SPEECH, at=AT - 9 * MINUTE)
    own = an_event("AAPL", id="own")
    assert asked_about([own, fed]) == ["fed"]
    assert asked_about([own, fed], "fed") == ["fed", "own"]
    [(_, subject, weak)] = passed_over(BOOK, {"AAPL": 0.1}, [own, fed], AT)
    assert (subject, weak.reason) == ("event:own", Reason.MODEL_BELOW_SCORE)


def test_the_strongest_come_first_and_the_others_are_told() -> None:
    scores = {s: 0.4 + n / 100 for n, s in enumerate("ABCDE")}
    events = [an_event(s, id=s) for s in scores]
    found = questions(BOOK, scores, events, AT)
    assert [q.symbol for q in found] == ["E", "D", "C"]
    left = passed_over(BOOK, scores, events, AT)
    assert [(s, v.reason) for s, _, v in left] == [
        ("B", Reason.MODEL_RATE_LIMITED),
        ("A", Reason.MODEL_RATE_LIMITED),
    ]
    known = {prompt(q, POLICY).key for q in found[:2]}
    assert [q.symbol for q in questions(BOOK, scores, events, AT, known)] == list("EDCBA")


def test_what_another_model_said_is_not_known_of_this_one() -> None:
    scores = {s: 0.4 + n / 100 for n, s in enumerate("ABCDE")}
    events = [an_event(s, id=s) for s in scores]
    known = {prompt(Question(e.id, e, 0.5), POLICY).key for e in events}
    assert len(questions(BOOK, scores, events, AT, known)) == 5
    other = replace(BOOK, model=a_model_policy(name="another-model"))
    assert len(questions(other, scores, events, AT, known)) == POLICY.questions_per_slot


def test_what_is_about_the_market_is_asked_for_every_symbol() -> None:
    event = an_event(None, kind=EventKind.RATE_DECISION)
    found = questions(BOOK, {"AAPL": 0.5, "SQQQ": -0.6, "MSFT": 0.1}, [event], AT)
    assert [q.symbol for q in found] == ["SQQQ", "AAPL"]


# -- the prompt ---------------------------------------------------------------------------------


def test_the_score_is_not_in_the_content() -> None:
    first, second = (prompt(Question("AAPL", an_event("AAPL"), s), POLICY) for s in (0.4, -0.9))
    assert first == second
    assert first.key == second.key
    other = prompt(Question("AAPL", an_event("AAPL", title="Else"), 0.4), POLICY)
    assert other.key != first.key


@given(st.text(max_size=3000), st.text(max_size=3000), st.integers(1600, 6000))
def test_a_prompt_is_never_longer_than_it_may_be(title: str, summary: str, most: int) -> None:
    event = an_event("AAPL", title=title, summary=summary)
    made = prompt(Question("AAPL", event, 0.5), a_model_policy(max_prompt_bytes=most))
    assert made.size <= most
    assert made.text.count("<") == made.text.count(">") == 2


@given(st.text(), st.integers(0, 200))
def test_neutral_text_is_one_visible_line_and_stays_so(text: str, most: int) -> None:
    line = neutral(text, most)
    assert len(line.encode()) <= most
    assert line.isprintable()


# -- the answer ---------------------------------------------------------------------------------


def test_a_valid_answer_is_read_exactly() -> None:
    assert read(json.dumps(GOOD)) == Reading(0.5, 0.75, "A strong quarter.")


def reason(text: str) -> Reason:
    said = read(text)
    assert isinstance(said, Verdict)
    return said.reason


@pytest.mark.parametrize(
    "change",
    [
        {"stance": "0.5"},
        {"stance": None},
        {"stance": True},
        {"confidence": [1]},
        {"reason": 7},
        {"reason": "x" * 201},
        {"order": "BUY NVDA"},
    ],
)
def test_a_form_that_was_not_asked_for_is_malformed(change: dict[str, Any]) -> None:
    assert reason(json.dumps(GOOD | change)) is Reason.MODEL_MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "<html>",
        '{"stance": 1}',
        '{"stance": 1, "stance": 0, "confidence": 1, "reason": ""}',
        json.dumps(GOOD) + "!",
        "[" * 100_000,
        " " * (LONGEST + 1),
    ],
)
def test_what_is_no_such_object_is_malformed(text: str) -> None:
    assert reason(text) is Reason.MODEL_MALFORMED


@pytest.mark.parametrize(
    ("name", "value"),
    [("stance", 1.01), ("stance", -2), ("confidence", -0.1), ("confidence", 1e999)],
)
def test_numbers_out_of_range_are_named(name: str, value: float) -> None:
    assert reason(json.dumps(GOOD | {name: value})) is Reason.MODEL_OUT_OF_RANGE


def test_a_number_that_is_none_is_no_answer() -> None:
    assert isinstance(read(json.dumps(GOOD | {"stance": float("nan")})), Verdict)


@given(st.text(max_size=300))
def test_anything_at_all_is_read_or_refused(text: str) -> None:
    said = read(text)
    assert isinstance(said, Verdict) or (-1 <= said.stance <= 1 and 0 <= said.confidence <= 1)


# -- the cost -----------------------------------------------------------------------------------


@given(st.text(max_size=500), st.floats(0.05, 1), st.integers(1, 2000))
def test_the_worst_case_is_never_less_than_what_is_billed(
    title: str, share: float, answered: int
) -> None:
    made = prompt(Question("AAPL", an_event("AAPL", title=title), 0.5), POLICY)
    sent = max(1, int(made.size * share))
    billed = billed_usd(POLICY, sent, answered)
    assert billed is not None
    assert Decimal(0) < billed <= worst_usd(made, POLICY)


@pytest.mark.parametrize("tokens", [(None, 5), (5, None), (0, 5), (-1, 5), (5, 10**9)])
def test_figures_that_cannot_be_true_are_no_bill(tokens: tuple[int | None, int | None]) -> None:
    assert billed_usd(POLICY, *tokens) is None


def test_prices_are_exact_and_rounded_up() -> None:
    assert billed_usd(POLICY, 1_000_000, 1_000_000) == Decimal("2.25")
    cheap = {POLICY.name: Price(Decimal("0.0001"), Decimal(2))}
    assert billed_usd(a_model_policy(prices=cheap), 1, 1) == Decimal("0.000002001")


def test_d2_each_model_has_its_own_price() -> None:
    prices = {"small": Price(Decimal(1), Decimal(2)), "large": Price(Decimal(10), Decimal(20))}
    for name, usd in (("small", 3), ("large", 30)):
        assert billed_usd(a_model_policy(name=name, prices=prices), 10**6, 10**6) == usd


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("gpt-5-mini", "gpt-5-mini", True),
        ("gpt-5-mini", "gpt-5-mini-2026-01-01", True),
        ("gpt-4", "gpt-4-0613", True),
        ("gpt-5", "gpt-5-mini", False),
        ("gpt-5", "gpt-5-mini-2026-01-01", False),
        ("gpt-5", "gpt-5-pro-2026-01-01", False),
        ("gpt-5", "gpt-5.1", False),
        ("gpt-5", "gpt-5-1", False),
        ("gpt-5-mini", "gpt-5", False),
        ("gpt-5-mini", "", False),
        ("gpt-5-mini", "openai/gpt-5-mini", False),
    ],
)
def test_an_answer_is_by_the_asked_model_or_a_version_of_it(
    asked: str, answered: str, same: bool
) -> None:
    assert is_by(asked, answered) is same


def test_an_event_is_fresh_for_as_long_as_the_settings_say() -> None:
    short = replace(BOOK, events=replace(BOOK.events, window=timedelta(seconds=5)))
    event = an_event("AAPL", at=AT - timedelta(seconds=6), first_seen_at=AT)
    assert questions(short, {"AAPL": 0.5}, [event], AT) == ()
