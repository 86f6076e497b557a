"""Signals are made in regular hours only."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.session import regular
from app.engine.verdicts import Reason, Verdict, verdict


def market_open(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass while the exchange trades; the limit is the close that ends it."""
    is_open = regular(context.hours, context.at)
    limit = context.hours.close if context.hours else None
    return verdict("market_open", is_open, Reason.MARKET_CLOSED, context.at, limit)
