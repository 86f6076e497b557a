"""A score speaks of now only if its last quote is recent."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def stale_data(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a quote at most ``max_data_age`` away from now.

    Two clocks differ a little either way, so a quote from just ahead of ours is as good as one from
    just behind; one from further ahead is as wrong as one from further behind.
    """
    limit = context.policy.max_data_age
    if candidate.quoted_at is None:
        return Verdict("stale_data", Reason.STALE_DATA, limit=limit)
    age = context.at - candidate.quoted_at
    return verdict("stale_data", abs(age) <= limit, Reason.STALE_DATA, age, limit)
