"""Only symbols whose turn it is are judged: their tier's interval has passed, or they are held."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def tier_due(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a symbol whose tier is due in this slot; the bench has no turns, see ``event_tier``."""
    due = candidate.due or candidate.symbol in context.book.universe.bench
    return verdict("tier_due", due, Reason.NOT_DUE)
