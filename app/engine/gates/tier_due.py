"""Only symbols whose turn it is are scored: their tier's interval has passed, or they are held."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict


def tier_due(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a symbol whose tier is due in this slot."""
    return Verdict("tier_due", Reason.PASSED if candidate.due else Reason.NOT_DUE)
