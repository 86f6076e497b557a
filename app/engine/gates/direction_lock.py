"""A symbol's signals do not flip from buy to sell and back within moments."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def direction_lock(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass unless the symbol signalled the opposite direction less than the lock ago."""
    limit, last = context.policy.direction_lock, candidate.last
    if last is None or last.direction == candidate.direction:
        return Verdict("direction_lock", Reason.PASSED, limit=limit)
    since = context.at - last.at
    return verdict("direction_lock", since >= limit, Reason.DIRECTION_LOCK, since, limit)
