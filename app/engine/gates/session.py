"""Signals are made while the exchange trades: in regular hours, or in extended ones if set."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.session import trading_hours
from app.engine.verdicts import Reason, Verdict, verdict


def session(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass inside the hours of signals; the limit is the end of them."""
    if context.hours is None:
        return Verdict("session", Reason.MARKET_CLOSED, context.at)
    start, end = trading_hours(context.hours, extended=context.policy.extended_hours)
    is_open = start <= context.at < end
    return verdict("session", is_open, Reason.MARKET_CLOSED, context.at, end)
