"""Tiers: once a week, after its last session, who should be watched how often is proposed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite

from app.engine import tiers
from app.engine.session import SessionHours
from app.io.feeds.port import Throttled
from app.io.store import overrides, quarantine, tier_proposals
from app.pipeline import calls
from app.pipeline.services import Services

#: A Monday: weeks are counted from it, so that one ends between two sessions.
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
#: Sessions that speak for a symbol's volatility.
SESSIONS = 5
NAMES = ("TIER_A_TICKERS", "TIER_B_TICKERS", "BENCH_TICKERS")


def propose(to: Services) -> str:
    """Store and log the proposal that is due; apply it where the book says so."""
    book, now = to.book, to.clock.now()
    last = _last_of_period(to, now)
    with to.database.begin() as db:
        newest = tier_proposals.newest_at(db, book.id)
    if newest is not None and newest >= last.close:
        return "proposed already"
    try:
        volatility = _volatility(to, last)
    except Throttled as error:
        return str(error)
    if not volatility:
        return "no bars to propose tiers from"
    proposed = tiers.propose(book, volatility)
    changed = tiers.changed(book.universe, proposed)
    applied = changed and book.universe.apply_proposals
    texts = {name: ",".join(tier) or "none" for name, tier in zip(NAMES, proposed, strict=True)}
    with to.database.begin() as db:
        tier_proposals.add(db, book.id, now, proposed, volatility, applied=applied)
        for name, text in texts.items() if applied else ():
            overrides.set(db, book.id, name, text, "tiers", at=now)
    to.log("tiers_proposed", book=book.id, changed=changed, applied=applied, **texts)
    return f"{'applied' if applied else 'proposed'}: {texts if changed else 'no change'}"


def _last_of_period(to: Services, now: datetime) -> SessionHours:
    """Return the newest session that is over and was the last of its week.

    It is looked for by the calendar and not by a slot, so that a machine that was off over the
    weekend proposes when it is back.
    """
    following = to.calendar.session_for(now)
    if now >= following.close:
        following = to.calendar.next_after(following.date)
    while True:
        session = to.calendar.previous(following.date)
        if _period(to, session.close) != _period(to, following.open):
            return session
        following = session


def _period(to: Services, at: datetime) -> int:
    return (at - MONDAY) // to.book.schedule.tiers


def _volatility(to: Services, last: SessionHours) -> Mapping[str, float]:
    """Return each symbol's realised volatility over the last sessions."""
    days: dict[str, list[Sequence[float]]] = {}
    session = last
    for _ in range(SESSIONS):
        for symbol, closes in _closes(to, session).items():
            days.setdefault(symbol, []).append(closes)
        session = to.calendar.previous(session.date)
    found = {symbol: tiers.realised_volatility(each) for symbol, each in sorted(days.items())}
    return {symbol: value for symbol, value in found.items() if isfinite(value)}


def _closes(to: Services, session: SessionHours) -> Mapping[str, list[float]]:
    symbols, pay = to.book.universe.symbols, calls.taker(to, "history")
    with calls.heeding(to):
        seen = to.quotes.minute_bars(symbols, session.open, session.close, pay)
    if seen.bad:
        with to.database.begin() as db:
            now = to.clock.now()
            for bad in seen.bad:
                said = {"said": bad.payload}
                quarantine.add(db, to.book.id, now, "bars", bad.symbol, bad.reason, said)
    closes: dict[str, list[float]] = {}
    for bar in seen.good:
        closes.setdefault(bar.symbol, []).append(bar.close)
    return closes
