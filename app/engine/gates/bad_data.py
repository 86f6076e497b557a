"""Nothing is traded on bars that cannot be right: no price, a split, a bad print, a gap."""

from math import isfinite

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict, verdict


def bad_data(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass a symbol whose window has no flaw and whose close is a finite price above 0."""
    limit = context.policy.max_bar_move
    if candidate.flaw is not None:
        return Verdict("bad_data", Reason.BAD_DATA, candidate.flaw, limit)
    price = candidate.price
    return verdict("bad_data", price > 0 and isfinite(price), Reason.BAD_DATA, price, limit)
