"""Which questions the language model is asked: few, fresh, and where the score is large already."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from app.engine.book import Book
from app.engine.events import Event
from app.engine.opinions import Question
from app.engine.verdicts import Judged, Reason, Verdict

#: (symbol, event id) of what the ledger of calls knows already.
Known = Collection[tuple[str, str]]


def questions(
    book: Book,
    scores: Mapping[str, float],
    events: Sequence[Event],
    at: datetime,
    known: Known = frozenset(),
) -> tuple[Question, ...]:
    """Return what to ask at ``at``: of each symbol its newest event, the largest scores first (D1).

    ``scores`` are mixed without the model. An event is fresh for ``events.window`` after it was
    first seen, if its kind is among the model's and its relevance suffices; one about the whole
    market is fresh for every symbol. Of questions that are not ``known`` there are at most
    ``questions_per_slot``; the others cost nothing, so they keep nobody else from being asked.
    """
    asked, _ = _parted(book, scores, events, at, known)
    return tuple(asked)


def passed_over(
    book: Book,
    scores: Mapping[str, float],
    events: Sequence[Event],
    at: datetime,
    known: Known = frozenset(),
) -> tuple[Judged, ...]:
    """Return why the model is not asked now about other fresh events.

    MODEL_BELOW_SCORE: the symbol's score is too small (or no number); not said of an event about
    the whole market, which only the largest scores are asked about. MODEL_RATE_LIMITED: larger
    scores took the round's questions; measured is the place in the row.
    """
    _, waiting = _parted(book, scores, events, at, known)
    least, most = book.model.min_score, book.model.questions_per_slot
    small = [
        (q.symbol, _subject(q), Verdict("model", Reason.MODEL_BELOW_SCORE, abs(q.score), least))
        for q in sorted(_about(book, scores, events, at), key=lambda q: q.symbol)
        if not _strong(q.score, least) and q.event.symbol is not None
    ]
    full = [
        (q.symbol, _subject(q), Verdict("model", Reason.MODEL_RATE_LIMITED, most + n, most))
        for n, q in enumerate(waiting, start=1)
    ]
    return (*small, *full)


def _parted(
    book: Book, scores: Mapping[str, float], events: Sequence[Event], at: datetime, known: Known
) -> tuple[list[Question], list[Question]]:
    """Part the questions about large scores into those for this round and those beyond it."""
    strong = [q for q in _about(book, scores, events, at) if _strong(q.score, book.model.min_score)]
    asked: list[Question] = []
    beyond: list[Question] = []
    left = book.model.questions_per_slot
    for q in sorted(strong, key=lambda q: (-abs(q.score), q.symbol)):
        new = (q.symbol, q.event.id) not in known
        (beyond if new and left == 0 else asked).append(q)
        left -= new and left > 0
    return asked, beyond


def _about(
    book: Book, scores: Mapping[str, float], events: Sequence[Event], at: datetime
) -> Iterator[Question]:
    """Yield the newest fresh event of each symbol that has one, or of the whole market."""
    fresh = (event for event in events if _fresh(book, event, at))
    newest = {e.symbol: e for e in sorted(fresh, key=_age)}
    for symbol, score in scores.items():
        found = [newest[name] for name in (symbol, None) if name in newest]
        if found:
            yield Question(symbol, max(found, key=_age), score)


def _age(event: Event) -> tuple[datetime, str]:
    return event.first_seen_at, event.id


def _fresh(book: Book, event: Event, at: datetime) -> bool:
    return (
        event.kind in book.model.events
        and timedelta(0) <= at - event.first_seen_at <= book.events.window
        and book.events.min_relevance <= event.relevance <= 1
    )


def _strong(score: float, least: float) -> bool:
    return least <= abs(score) <= 1


def _subject(question: Question) -> str:
    return f"event:{question.event.id}"
