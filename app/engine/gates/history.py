"""A score needs enough bars behind it."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict


def history(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a symbol with at least ``history`` bars."""
    enough = candidate.bars >= context.policy.history
    reason = Reason.PASSED if enough else Reason.NO_HISTORY
    return Verdict("history", reason, measured=candidate.bars, limit=context.policy.history)
