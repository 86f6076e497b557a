"""A symbol that has just signalled is not repeated at once."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def cooldown(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass unless the symbol signalled the same direction less than ``cooldown`` ago.

    A change of direction is news, not a repeat: that is for the direction lock, which is shorter.
    """
    limit, last, direction = context.policy.cooldown, candidate.last, candidate.direction
    if last is None or last.direction != direction:
        return verdict("cooldown", direction != 0, Reason.COOLDOWN, limit=limit)
    since = context.at - last.at
    return verdict("cooldown", since >= limit, Reason.COOLDOWN, since, limit)
