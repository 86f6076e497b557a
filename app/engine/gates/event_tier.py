"""The bench wakes on an event and sleeps again when it is old."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.tiers import awake
from app.engine.verdicts import Reason, Verdict, verdict


def event_tier(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass what is not on the bench, what is held, and what had an event within the window."""
    window = context.book.events.window
    seen = candidate.event_at
    age = None if seen is None else context.at - seen
    free = candidate.held or candidate.symbol not in context.book.universe.bench
    woken = seen is not None and awake(context.book, seen, context.at)
    return verdict("event_tier", free or woken, Reason.NO_EVENT, age, window)
