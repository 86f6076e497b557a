"""Only symbols whose turn it is are scored: their tier's interval has passed, or they are held."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def tier_due(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a symbol whose tier is due in this slot."""
    return verdict("tier_due", candidate.due, Reason.NOT_DUE)
