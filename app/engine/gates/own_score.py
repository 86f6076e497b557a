"""Texts confirm or weaken what prices say; they never begin a trade."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def own_score(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass where the technical score points the same way and reaches ``own_share`` of the cutoff.

    What is measured is the technical score in the direction of the mixed one.
    """
    limit = round(context.book.mixer.own_share * context.cutoff, 9)
    own = candidate.own * candidate.direction
    enough = candidate.direction != 0 and limit <= own <= 1
    return verdict("own_score", enough, Reason.TEXT_ALONE, own, limit)
