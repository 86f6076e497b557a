"""A world's happenings put together, and the volume that goes with its news."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from app.sim.filing_room import session_filings
from app.sim.happenings import Article, Happenings
from app.sim.market import Market
from app.sim.newsroom import session_articles
from app.sim.tape import Tape
from app.sim.times import in_new_york
from app.sim.timetable import Session

#: Articles whose tone is at least this strong are traded upon: for so many minutes, so many times
#: the usual volume.
LOUD = 0.6
BURST = (7.0, 6.0, 4.0, 3.0, 2.0)


def happenings_of(
    market: Market, sessions: Sequence[Session], seed: int, recorded: Sequence[Article] = ()
) -> Happenings:
    """Return what happens in these sessions, as far as the market traded in them.

    A session with ``recorded`` headlines has those; only hostile texts are made beside them.
    """
    days = {in_new_york(article.at).date() for article in recorded}
    traded = [s for s in sessions if any(_trades(t, s) for t in market.tapes.values())]
    articles = list(recorded)
    filings = []
    for session in traded:
        told = session.day in days
        articles += session_articles(market.tapes, session, seed, hostile_only=told)
        filings += session_filings(list(market.symbols), session, seed)
    return Happenings(articles, filings, seed)


def _trades(tape: Tape, session: Session) -> bool:
    first, last = tape.span(session.open, session.close - 1)
    return last > first


def with_bursts(market: Market, happenings: Happenings) -> Market:
    """Return the market with more volume in the minutes after its loudest news; prices stay."""
    loud: dict[str, list[float]] = {}
    for article in happenings.articles:
        if article.kind == "company" and abs(article.tone) >= LOUD:
            for symbol in article.symbols:
                loud.setdefault(symbol, []).append(article.at)
    return replace(market, tapes=_burst(market.tapes, loud))


def _burst(tapes: Mapping[str, Tape], loud: Mapping[str, list[float]]) -> dict[str, Tape]:
    burst = dict(tapes)
    for symbol, moments in loud.items():
        volume = tapes[symbol].volume.copy()
        for at in moments:
            first = int(np.searchsorted(tapes[symbol].starts, at))
            part = volume[first : first + len(BURST)]
            part *= np.array(BURST[: part.size])
        burst[symbol] = replace(tapes[symbol], volume=np.floor(volume))
    return burst
