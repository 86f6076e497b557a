"""Signals are made in regular hours only."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.session import regular
from app.engine.verdicts import Reason, Verdict


def market_open(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass while the exchange trades; the limit is the close that ends it."""
    reason = Reason.PASSED if regular(context.hours, context.at) else Reason.MARKET_CLOSED
    limit = context.hours.close if context.hours else None
    return Verdict("market_open", reason, measured=context.at, limit=limit)
