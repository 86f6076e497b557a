"""A symbol's signals do not flip from buy to sell and back within moments."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def direction_lock(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass unless the symbol signalled the opposite direction less than the lock ago."""
    limit, last, direction = context.policy.direction_lock, candidate.last, candidate.direction
    if last is None or last.direction == direction:
        return verdict("direction_lock", direction != 0, Reason.DIRECTION_LOCK, limit=limit)
    since = context.at - last.at
    ok = direction != 0 and since >= limit
    return verdict("direction_lock", ok, Reason.DIRECTION_LOCK, since, limit)
