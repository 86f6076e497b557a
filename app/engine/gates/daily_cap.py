"""A day has room for so many entries: of a ticker by its tier, and of all together."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.caps import cap_of
from app.engine.verdicts import Reason, Verdict, verdict


def daily_cap(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass while both counts are below their caps; entries count once their order was made.

    A signal that can begin no entry passes: one to sell, and one on an inverse ETF, are evidence
    for baskets and exits, which must not fall silent because a day was lively.
    """
    book, entries, direction = context.book, context.entries, candidate.direction
    evidence = direction < 0 or (direction > 0 and candidate.symbol in book.universe.inverse)
    of_ticker, cap = entries.by_symbol.get(candidate.symbol, 0), cap_of(book, candidate.symbol)
    if of_ticker >= cap:
        return verdict("daily_cap", evidence, Reason.DAILY_CAP, of_ticker, cap)
    ok = evidence or (direction > 0 and entries.total < book.caps.total)
    return verdict("daily_cap", ok, Reason.DAILY_CAP, entries.total, book.caps.total)
