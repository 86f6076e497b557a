"""A score needs enough bars behind it."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def history(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a symbol with at least ``history`` bars."""
    bars, limit = candidate.bars, context.policy.history
    return verdict("history", bars >= limit, Reason.NO_HISTORY, bars, limit)
