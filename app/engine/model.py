"""Which questions the language model is asked: few, fresh, and where the score is large already."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from app.engine.book import Book
from app.engine.events import FED, Event, is_fresh
from app.engine.model_prompt import prompt
from app.engine.opinions import Question
from app.engine.verdicts import Judged, Reason, Verdict

#: The contents (``Prompt.key``) of which the ledger still has a call.
Known = Collection[str]


class Round(NamedTuple):
    """What is asked in a round, the largest scores first, and why other fresh events are not."""

    questions: tuple[Question, ...]
    passed_over: tuple[Judged, ...]


def asking(
    book: Book,
    scores: Mapping[str, float],
    events: Sequence[Event],
    at: datetime,
    known: Known = frozenset(),
) -> Round:
    """Return what to ask at ``at``, and what not (D1).

    ``scores`` are mixed without the model. Asked is of each symbol about the newest event about it
    or about the whole market, and where that is ``known``, the newest one that is not, too. The
    Federal Reserve comes first (B4). An event counts for ``events.window`` after it happened, once
    it was seen, if its kind is among the model's and its relevance suffices. Of questions that are
    not ``known`` there are at most ``questions_per_slot``; the others cost nothing, so they keep
    nobody else from being asked.

    Passed over is, MODEL_BELOW_SCORE: a symbol whose score is too small (or no number); not said of
    an event about the whole market, which only the largest scores are asked about.
    MODEL_RATE_LIMITED: larger scores took the round's questions; measured is the place in the row.
    """
    fresh = sorted((event for event in events if _fresh(book, event, at)), key=_rank, reverse=True)
    if not fresh:
        return Round((), ())
    least, most = book.model.min_score, book.model.questions_per_slot
    strong = {symbol: score for symbol, score in scores.items() if _strong(score, least)}
    asked, beyond = _parted(book, list(_about(book, strong, fresh, known)), known)
    weak = {s: scores[s] for s in sorted(scores) if s not in strong}
    own = [event for event in fresh if event.symbol is not None]
    small = [
        (q.symbol, _subject(q), Verdict("model", Reason.MODEL_BELOW_SCORE, abs(q.score), least))
        for q in _about(book, weak, own)
    ]
    full = [
        (q.symbol, _subject(q), Verdict("model", Reason.MODEL_RATE_LIMITED, most + n, most))
        for n, q in enumerate(beyond, start=1)
    ]
    return Round(tuple(asked), (*small, *full))


def _parted(
    book: Book, about: Sequence[Question], known: Known
) -> tuple[list[Question], list[Question]]:
    """Part the questions about large scores into those for this round and those beyond it."""
    asked: list[Question] = []
    beyond: list[Question] = []
    left = book.model.questions_per_slot
    for q in sorted(about, key=lambda q: (-abs(q.score), q.symbol)):
        new = not _is_known(book, q, known)
        (beyond if new and left == 0 else asked).append(q)
        left -= new and left > 0
    return asked, beyond


def _about(
    book: Book,
    scores: Mapping[str, float],
    fresh: Sequence[Event],
    known: Known = frozenset(),
) -> Iterator[Question]:
    """Yield each symbol's first question, and the first that is not known where that is another."""
    for symbol, score in scores.items():
        about = [Question(symbol, e, score) for e in fresh if e.symbol in (symbol, None)]
        yield from about[:1]
        if about and _is_known(book, about[0], known):
            yield from islice((q for q in about if not _is_known(book, q, known)), 1)


def _is_known(book: Book, question: Question, known: Known) -> bool:
    return bool(known) and prompt(question, book.model).key in known


def _rank(event: Event) -> tuple[bool, datetime, datetime, str]:
    # When it happened before when we saw it: one fetch brings many, and a late one older ones.
    return event.kind in FED, event.at, event.first_seen_at, event.id


def _fresh(book: Book, event: Event, at: datetime) -> bool:
    return (
        event.kind in book.model.events
        and is_fresh(event, at, book.events.window)
        and book.events.min_relevance <= event.relevance <= 1
    )


def _strong(score: float, least: float) -> bool:
    return least <= abs(score) <= 1


def _subject(question: Question) -> str:
    return f"event:{question.event.id}"
