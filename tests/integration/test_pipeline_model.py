"""The model's gate over the real ledger: one call a content, every failure its own fallback."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event as Signal

import pytest
from pipeline_market import NOON
from pipeline_world import World, a_book, world_of

from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.events import Event, EventKind
from app.engine.model_prompt import Prompt
from app.engine.opinions import Question
from app.engine.verdicts import Reason
from app.io.llm.port import Answer, Finish
from app.io.store import model_calls
from app.pipeline import model
from app.pipeline.model import Asked
from app.pipeline.services import Services

GOOD = '{"stance": -1, "confidence": 0.5, "reason": "A weak quarter."}'


@dataclass
class Told:
    """A model that answers what it is told to, or raises it; ``silent`` until it is let go."""

    said: str | Exception = GOOD
    finish: Finish = Finish.ANSWERED
    silent: bool = False
    name: str = "gpt-5-mini-2026-01-01"
    tokens: int | None = 100
    asked: list[Prompt] = field(default_factory=list)
    let_go: Signal = field(default_factory=Signal)

    def ask(self, prompt: Prompt, timeout_s: float) -> Answer:
        self.asked.append(prompt)
        if self.silent:
            self.let_go.wait(20)
        if isinstance(self.said, Exception):
            raise self.said
        return Answer(self.finish, self.said, self.name, "req-1", self.tokens, 50)


@pytest.fixture
def world(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    with world_of((database_url, redis_url), tmp_path) as made:
        yield made


def wired(world: World, told: Told, **changes: object) -> Services:
    policy = replace(a_book().model, **changes)
    return replace(world.to, model=told, book=replace(world.book, model=policy))


def about(symbol: str = "AAPL", title: str = "Results") -> Question:
    event = Event(f"e:{title}", EventKind.MARKET_NEWS, symbol, NOON, NOON, "alpaca", title)
    return Question(symbol, event, 0.5)


def reasons(asked: Asked) -> list[Reason]:
    return [verdict.reason for _, _, verdict in asked.judged]


def rows(to: Services) -> list[tuple[str, bool]]:
    with to.database.begin() as db:
        found = db.exec_driver_sql(
            "SELECT outcome, cost_usd = reserved_usd FROM model_calls ORDER BY id"
        )
        return [(row[0], row[1]) for row in found]


def test_an_answer_becomes_an_opinion_and_is_kept_whole(world: World) -> None:
    to = wired(world, Told())
    asked = model.ask(to, [about()], NOON)
    (opinion,) = asked.opinions
    assert (opinion.symbol, opinion.stance, opinion.confidence) == ("AAPL", -1.0, 0.5)
    assert reasons(asked) == [Reason.PASSED]
    assert asked.unanswered == {}
    with to.database.begin() as db:
        assert model_calls.opinions(db, to.book.id, NOON) == (opinion,)
        (row,) = db.exec_driver_sql("SELECT * FROM model_calls").mappings().all()
    assert row["prompt_version"] == "1"
    assert "Results" in row["prompt"]
    assert (row["answer"]["stance"], row["request_id"]) == (-1.0, "req-1")
    assert 0 < row["cost_usd"] < row["reserved_usd"]


def test_the_same_content_is_asked_once_in_half_an_hour(world: World) -> None:
    told = Told()
    to = wired(world, told)
    first = model.ask(to, [about()], NOON)
    later = model.ask(to, [about()], NOON + timedelta(minutes=29))
    assert later.opinions == first.opinions
    assert len(told.asked) == 1
    model.ask(to, [about()], NOON + timedelta(minutes=31))
    assert len(told.asked) == 2


@pytest.mark.parametrize(
    ("said", "finish", "reason", "worst"),
    [
        (OutcomeUnknown("reset"), Finish.ANSWERED, Reason.MODEL_UNAVAILABLE, True),
        (Rejected("401", "no such key"), Finish.ANSWERED, Reason.MODEL_UNAVAILABLE, False),
        (Transient("too many", 9.0), Finish.ANSWERED, Reason.MODEL_RATE_LIMITED, False),
        (Transient("refused"), Finish.ANSWERED, Reason.MODEL_UNAVAILABLE, False),
        ("", Finish.REFUSED, Reason.MODEL_REFUSED, False),
        ("", Finish.TRUNCATED, Reason.MODEL_TRUNCATED, False),
        ("", Finish.MALFORMED, Reason.MODEL_MALFORMED, False),
        ("<html>", Finish.ANSWERED, Reason.MODEL_MALFORMED, False),
        (GOOD.replace("-1", "-9"), Finish.ANSWERED, Reason.MODEL_OUT_OF_RANGE, False),
    ],
)
def test_every_failure_takes_the_fallback_and_says_which_it_was(
    world: World, said: str | Exception, finish: Finish, reason: Reason, worst: bool
) -> None:
    to = wired(world, Told(said, finish))
    asked = model.ask(to, [about()], NOON)
    assert asked.opinions == ()
    assert reasons(asked) == [reason]
    assert asked.unanswered == {"AAPL": reason}
    assert [is_worst for _, is_worst in rows(to)] == [worst]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Told(name="gpt-5-2026-01-01"), "gpt-5-mini was asked and gpt-5-2026-01-01 answered"),
        (Told(name=""), "gpt-5-mini was asked and no name answered"),
        (Told(tokens=None), "no believable number of tokens"),
    ],
)
def test_d2_what_has_no_known_price_costs_the_worst_case_and_says_so(
    world: World, told: Told, why: str
) -> None:
    to = wired(world, told)
    asked = model.ask(to, [about()], NOON)
    assert reasons(asked) == [Reason.PASSED]
    assert rows(to) == [(Reason.PASSED, True)]
    with to.database.begin() as db:
        said = db.exec_driver_sql("SELECT answer->>'billed' FROM model_calls").scalar_one()
    assert said == f"the worst case: {why}"


def test_silence_is_late_and_counted_as_spent(world: World) -> None:
    told = Told(silent=True)
    to = wired(world, told, timeout_s=0.2)
    asked = model.ask(to, [about()], NOON)
    assert reasons(asked) == [Reason.MODEL_LATE]
    assert rows(to) == [(Reason.MODEL_LATE, True)]
    told.let_go.set()


def test_what_the_budget_has_no_room_for_is_never_sent(world: World) -> None:
    told = Told()
    to = wired(world, told, calls_per_day=1)
    asked = model.ask(to, [about(), about("MSFT", "Other")], NOON)
    assert reasons(asked) == [Reason.PASSED, Reason.MODEL_CALLS_SPENT]
    assert len(told.asked) == 1
    poor = wired(world, told, monthly_krw=a_book().model.monthly_krw * 0)
    assert reasons(model.ask(poor, [about("NVDA", "Third")], NOON)) == [Reason.MODEL_MONEY_SPENT]
    assert len(told.asked) == 1


def test_a_book_without_a_model_says_so(world: World) -> None:
    asked = model.ask(replace(world.to, model=None), [about()], NOON)
    assert reasons(asked) == [Reason.MODEL_OFF]
    assert asked.unanswered == {"AAPL": Reason.MODEL_OFF}
