"""Quotes: one bucket call, one batched request, validated prices become bars of 30 seconds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.engine import tiers
from app.engine.book import Book
from app.engine.ids import slot_of
from app.engine.market import Bar, Quote, sampled_bar
from app.engine.session import SessionHours
from app.engine.state import BookState
from app.io.store import bars, book_states, orders, positions, quarantine, quotes, tape
from app.pipeline import spikes
from app.pipeline.history import SPAN
from app.pipeline.messages import as_json
from app.pipeline.services import Services

#: Prices are wanted this long around the session: for the clean-up before it and the last fills.
BEFORE_OPEN, AFTER_CLOSE = timedelta(minutes=10), timedelta(minutes=1)
#: In these first seconds of a minute tier A may fall back on the reserve (requirement B3).
RESERVE_WINDOW_S = 10


def update(to: Services, slot: int) -> str:
    """Fetch the due symbols' newest quotes and store them, their bars and what was refused."""
    book, now = to.book, to.clock.now()
    at = datetime.fromtimestamp(slot * book.schedule.quotes.total_seconds(), UTC)
    hours = to.calendar.session_for(now)
    if not hours.open - BEFORE_OPEN <= now < hours.close + AFTER_CLOSE:
        return "outside the session"
    with to.database.begin() as db:
        interest = {
            *positions.held(db, book.id),
            *orders.open_symbols(db, book.id),
            *_gathering(book, book_states.load(db, book.id).engine),
        }
        before = quotes.load(db, book.id)
    due = tiers.due(book, at, interest)
    reserve = now.second < RESERVE_WINDOW_S and not set(book.universe.tier_a).isdisjoint(due)
    grant = to.buckets.take("quotes.tier_a", now)
    if not grant.allowed and reserve:
        grant = to.buckets.take("quotes.reserve", now)
    if not grant.allowed:
        return f"refused by the rate limit for {grant.retry_after_s:.0f} s"
    seen = to.quotes.latest(due)
    with to.database.begin() as db:
        quotes.save(db, book.id, seen.good.values())
        if bars.insert(db, book.id, _bars(before, seen.good, hours, at), "live"):
            spikes.record(to, db, hours, at)
        for bad in seen.bad:
            quarantine.add(
                db, book.id, now, "quotes", bad.symbol, bad.reason, {"said": bad.payload}
            )
        tape.append(db, book.id, now, "update_quotes", "quotes", as_json_quotes(seen.good))
    to.nudge("generate_signals", slot_of(at, book.schedule.signals))
    return f"{len(seen.good)} quotes, {len(seen.bad)} refused"


def _gathering(book: Book, state: BookState) -> set[str]:
    """Return the ETFs of baskets that have evidence: they may be bought on the next tick."""
    heard = {name for name, evidence in state.evidence.items() if evidence.scores}
    return {basket.etf for basket in book.routing.baskets if basket.name in heard}


def _bars(
    before: Mapping[str, Quote], after: Mapping[str, Quote], hours: SessionHours, at: datetime
) -> list[Bar]:
    """Return the bar that ends at ``at`` of each symbol that was seen before in this session."""
    start = at - SPAN
    if not hours.open <= start < hours.close:
        return []
    return [
        sampled_bar(before[symbol], quote, start)
        for symbol, quote in after.items()
        if symbol in before and before[symbol].at >= hours.open
    ]


def as_json_quotes(good: Mapping[str, Quote]) -> dict[str, object]:
    """Return quotes as JSON values, by symbol."""
    return {symbol: as_json(quote) for symbol, quote in sorted(good.items())}
