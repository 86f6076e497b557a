"""A day has room for so many entries: of a ticker by its tier, and of all together."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.caps import cap_of
from app.engine.verdicts import Reason, Verdict, verdict


def daily_cap(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass while both counts are below their caps; entries count once their order was made.

    A signal that can begin no entry passes: one to sell, and one on an inverse ETF, are evidence
    for baskets and exits, which must not fall silent because a day was lively.
    """
    book, entries = context.book, context.entries
    of_ticker, cap = entries.by_symbol.get(candidate.symbol, 0), cap_of(book, candidate.symbol)
    evidence = candidate.direction < 0 or candidate.symbol in book.universe.inverse
    if of_ticker >= cap:
        return verdict("daily_cap", evidence, Reason.DAILY_CAP, of_ticker, cap)
    room = entries.total < book.caps.total
    return verdict("daily_cap", room or evidence, Reason.DAILY_CAP, entries.total, book.caps.total)
