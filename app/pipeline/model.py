"""Model: questions become bounded opinions, within the budget and the time; else the fallback.

Per question: the cache, the rate limit, a reservation that is committed, one call, its settlement.
A content is asked once within ``model.cache``, by whichever process is first; the others, and
everyone after a fault, take the fallback and say the same reason. Only what certainly did not
reach the model is asked again.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.engine.model_cost import worst_usd
from app.engine.model_prompt import Prompt, prompt
from app.engine.opinions import Opinion, Question
from app.engine.verdicts import Judged, Reason, Verdict
from app.io.clock import monotonic
from app.io.llm.port import Answer, Model
from app.io.store import model_calls
from app.io.store.model_calls import Call, Known
from app.pipeline.model_outcomes import Ended, never_sent, of_answer, of_error
from app.pipeline.services import Services

#: Calls at the same time; a round's further ones wait within its time.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """The opinions that came in time, and a verdict for every question."""

    opinions: tuple[Opinion, ...] = ()
    judged: tuple[Judged, ...] = ()

    @property
    def unanswered(self) -> dict[str, Reason]:
        """Return why the model did not answer about a symbol."""
        return {s: verdict.reason for s, _, verdict in self.judged if not verdict.passed}


@dataclass(frozen=True, slots=True)
class _Open:
    """A reserved call."""

    call: int
    question: Question
    prompt: Prompt


def ask(to: Services, questions: Sequence[Question], at: datetime) -> Asked:
    """Ask about each question; called outside of any transaction, before the scores are judged.

    ``at`` is the market's time of the round: that of reservations and opinions. Returns within
    ``model.timeout_s`` wall seconds, but for the database. Raises Transient where that is away;
    what was reserved until then stays counted.
    """
    if to.model is None or not to.book.model.enabled:
        return _asked(to, [(q, Verdict("model", Reason.MODEL_OFF)) for q in questions])
    until = monotonic() + to.book.model.timeout_s
    begun = [(q, _begin(to, q, at, until)) for q in questions]
    open_ = [one for _, one in begun if isinstance(one, _Open)]
    ended = _call(to, to.model, open_, until)
    _settle(to, open_, ended)
    answers = iter([_said(one, end, at) for one, end in zip(open_, ended, strict=True)])
    return _asked(to, [(q, next(answers) if isinstance(b, _Open) else b) for q, b in begun])


def _begin(
    to: Services, question: Question, at: datetime, until: float
) -> _Open | Opinion | Verdict:
    """Look the question up, else reserve its call."""
    book = to.book
    made = prompt(question, book.model)
    with to.database.begin() as db:
        before = model_calls.known(db, book, made.key, at)
    if before is not None:
        return _again(to, question, before)
    grant = to.buckets.take("model", to.clock.now())
    if not grant.allowed:
        pause = timedelta(seconds=grant.retry_after_s)
        return Verdict("model", Reason.MODEL_RATE_LIMITED, pause, timedelta(0))
    if monotonic() >= until:
        return _late(to)
    day = at.astimezone(to.calendar.zone).date()
    worst = worst_usd(made, book.model)
    with to.database.begin() as db:
        reserved = model_calls.reserve(
            db, book, Call(at, day, question.symbol, question.event.id, made, worst)
        )
    if isinstance(reserved, int):
        return _Open(reserved, question, made)
    return _again(to, question, reserved) if isinstance(reserved, Known) else reserved


def _again(to: Services, question: Question, before: Known) -> Opinion | Verdict:
    """Return what a call about the same content said; one that is still open is late."""
    if before.outcome == Reason.PASSED:
        return model_calls.opinion(question.event.id, question.symbol, before)
    if before.outcome is None:
        return _late(to)
    return Verdict("model", Reason(before.outcome), f"call {before.id}")


def _late(to: Services) -> Verdict:
    limit = timedelta(seconds=to.book.model.timeout_s)
    return Verdict("model", Reason.MODEL_LATE, limit=limit)


def _call(to: Services, model: Model, open_: Sequence[_Open], until: float) -> list[Ended]:
    """Make the calls side by side and return how each ended at the latest when time is up."""
    if not open_:
        return []

    def call(one: _Open) -> Answer:
        return model.ask(one.prompt, until - monotonic())

    pool = ThreadPoolExecutor(min(len(open_), AT_ONCE), "model")
    calls = [pool.submit(call, one) for one in open_]
    wait(calls, max(until - monotonic(), 0.0))
    # What did not begin is never sent; what did not end is left behind, and ends by itself.
    pool.shutdown(wait=False, cancel_futures=True)
    return [_ended(to, future) for future in calls]


def _ended(to: Services, call: Future[Answer]) -> Ended:
    if call.cancelled():
        return never_sent(_late(to))
    if not call.done():
        return Ended(model_calls.Outcome(Reason.MODEL_LATE, None), _late(to))
    error = call.exception()
    if error is None:
        return of_answer(call.result(), to.book)
    return of_error(error, to.book)


def _settle(to: Services, open_: Sequence[_Open], ended: Sequence[Ended]) -> None:
    if not open_:
        return
    with to.database.begin() as db:
        for one, end in zip(open_, ended, strict=True):
            model_calls.settle(db, one.call, end.outcome)
    pauses = [end.leave_alone_s for end in ended if end.leave_alone_s is not None]
    if pauses:
        pause = timedelta(seconds=max(pauses) * to.clock.speed)
        to.buckets.penalise("model", to.clock.now() + pause)


def _said(one: _Open, end: Ended, at: datetime) -> Opinion | Verdict:
    said, question = end.said, one.question
    if isinstance(said, Verdict):
        return said
    event, symbol = question.event.id, question.symbol
    return Opinion(event, symbol, at, said.stance, said.confidence, one.call)


def _asked(to: Services, said: Sequence[tuple[Question, Opinion | Verdict]]) -> Asked:
    judged = tuple((q.symbol, f"event:{q.event.id}", _verdict(to, one)) for q, one in said)
    return Asked(tuple(one for _, one in said if isinstance(one, Opinion)), judged)


def _verdict(to: Services, said: Opinion | Verdict) -> Verdict:
    """Return the gate's answer; of an opinion what it says, and how far it may move a score."""
    if isinstance(said, Verdict):
        return said
    words = f"stance {said.stance:g}, confidence {said.confidence:g}"
    return Verdict("model", Reason.PASSED, words, to.book.mixer.model_bound)
