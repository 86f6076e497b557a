"""The bench wakes on an event and sleeps again when it is old."""

from datetime import timedelta

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def event_tier(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass what is not on the bench, what is held, and what had an event within the window."""
    window = context.book.events.window
    happened = candidate.event_at
    age = None if happened is None else context.at - happened
    free = candidate.held or candidate.symbol not in context.book.universe.bench
    woken = age is not None and timedelta(0) <= age <= window
    return verdict("event_tier", free or woken, Reason.NO_EVENT, age, window)
