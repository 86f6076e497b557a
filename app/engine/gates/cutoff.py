"""A score must be large enough, whichever its sign."""

from app.engine.book import SignalPolicy
from app.engine.candidates import Candidate, SignalContext
from app.engine.session import regular
from app.engine.verdicts import Reason, Verdict, verdict


def cutoff(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a score whose size reaches the cutoff of the hours; NaN never does."""
    limit = cutoff_of(context.policy, in_regular_hours=regular(context.hours, context.at))
    size = abs(candidate.score)
    return verdict("cutoff", limit <= size <= 1, Reason.BELOW_CUTOFF, size, limit)


def cutoff_of(policy: SignalPolicy, *, in_regular_hours: bool) -> float:
    """Return the mixer's threshold or the hours' cutoff, whichever is larger, plus the delta.

    The delta moves both: added to the cutoff alone, a negative one would do nothing, because the
    threshold equals the cutoff of the regular hours.
    """
    of_hours = policy.cutoff_regular if in_regular_hours else policy.cutoff_extended
    return round(max(policy.mixer_threshold, of_hours) + policy.cutoff_delta, 9)
