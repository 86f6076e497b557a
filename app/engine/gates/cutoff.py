"""A score must be large enough, whichever its sign."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def cutoff(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a score whose size reaches the cutoff of the hours; NaN never does."""
    limit, size = context.cutoff, abs(candidate.score)
    return verdict("cutoff", limit <= size <= 1, Reason.BELOW_CUTOFF, size, limit)
