"""Which questions the language model is asked: few, fresh, and where the score is large already."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.engine.book import Book
from app.engine.events import Event
from app.engine.opinions import Question


def questions(
    book: Book, scores: Mapping[str, float], events: Sequence[Event], at: datetime
) -> tuple[Question, ...]:
    """Return what to ask at ``at``: a symbol's newest event each, the largest scores first (D1).

    ``scores`` are mixed without the model. An event is asked about while it is known for less than
    ``events.window``, if its kind is among the model's; one about the whole market is asked about
    for every symbol. At most ``questions_per_slot``; scores of NaN ask nothing.
    """
    policy, window = book.model, book.events.window
    fresh = [
        event
        for event in sorted(events, key=lambda e: (e.first_seen_at, e.id), reverse=True)
        if event.kind in policy.events and timedelta(0) <= at - event.first_seen_at <= window
    ]
    strong = sorted(
        (symbol for symbol, score in scores.items() if policy.min_score <= abs(score) <= 1),
        key=lambda symbol: (-abs(scores[symbol]), symbol),
    )
    found = [
        Question(symbol, event, scores[symbol])
        for symbol in strong
        if (event := next((e for e in fresh if e.symbol in (symbol, None)), None))
    ]
    return tuple(found[: policy.questions_per_slot])
