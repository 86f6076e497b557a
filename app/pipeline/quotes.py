"""Quotes: one bucket call, one batched request, validated prices become bars of 30 seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from app.engine import tiers
from app.engine.book import Book
from app.engine.errors import Rejected, Transient
from app.engine.ids import slot_of
from app.engine.market import Bar, Quote, sampled_bars
from app.engine.session import trading_hours
from app.engine.state import BookState
from app.engine.tiers import Due
from app.io.feeds.port import Quotes
from app.io.store import bars, book_states, events, orders, positions, quarantine, quotes
from app.pipeline import calls, history, spikes
from app.pipeline.messages import as_json
from app.pipeline.services import Services

#: Prices are wanted this long around the session: for the clean-up before it and the last fills.
BEFORE_OPEN, AFTER_CLOSE = timedelta(minutes=10), timedelta(minutes=1)
#: In these first seconds of a minute tier A may fall back on the reserve (requirement B3).
RESERVE, RESERVE_WINDOW_S = "quotes.reserve", 10
#: A bar joins two samples at most so many intervals of the symbol apart; more is a gap.
MOST_INTERVALS = 2


@dataclass(frozen=True, slots=True)
class _Before:
    """What was known before the request: the last quotes, and when each symbol's last bar began."""

    quotes: Mapping[str, Quote]
    bars: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class _Paid:
    """The symbols that a call was granted for, by which limit, and which tiers went without one."""

    symbols: tuple[str, ...]
    bucket: str = ""
    said: str = ""


def update(to: Services, slot: int) -> str:
    """Fetch the due symbols' newest quotes and store them, their bars and what was refused."""
    book, now = to.book, to.clock.now()
    at = datetime.fromtimestamp(slot * book.schedule.quotes.total_seconds(), UTC)
    hours = to.calendar.session_for(now)
    within = trading_hours(hours, extended=book.signals.extended_hours)
    if not within[0] - BEFORE_OPEN <= now < within[1] + AFTER_CLOSE:
        return "outside the session"
    with to.database.begin() as db:
        due = tiers.due(book, at, _interest(db, book, at))
        before = _Before(quotes.load(db, book.id), bars.last_at(db, book.id, due.symbols))
    paid = _pay(to, due, now)
    if not paid.symbols:
        return paid.said
    with calls.heeding(to):
        seen = to.quotes.latest(paid.symbols, calls.taker(to, paid.bucket, paid=1))
    made, broken = _bars(book, before, seen.good, within, at)
    with to.database.begin() as db:
        quotes.save(db, book.id, list(seen.good.values()))
        if bars.insert(db, book.id, made, "live"):
            spikes.record(to, db, hours, at)
        _quarantine(db, book, now, seen, before)
    to.nudge("generate_signals", slot_of(at, book.schedule.signals))
    notes = (paid.said, _mended(to, broken) if broken else "")
    counts = f"{len(seen.good)} quotes, {len(seen.bad)} refused"
    return "; ".join([counts, *(note for note in notes if note)])


def _interest(db: Connection, book: Book, at: datetime) -> set[str]:
    """Return what is watched whatever its tier: held, ordered, gathered for, or woken."""
    return {
        *positions.held(db, book.id),
        *orders.open_symbols(db, book.id),
        *_gathering(book, book_states.load(db, book.id).engine),
        *tiers.woken(book, events.listing(db, book.id, at - book.events.window), at),
    }


def _gathering(book: Book, state: BookState) -> set[str]:
    """Return the ETFs of baskets that have evidence: they may be bought on the next tick."""
    heard = {name for name, evidence in state.evidence.items() if evidence.scores}
    return {basket.etf for basket in book.routing.baskets if basket.name in heard}


def _pay(to: Services, due: Due, now: datetime) -> _Paid:
    """Take one token for one request; whichever tier has one pays for all that is due together.

    The reserve is tier A's alone: where it pays, the others are left out.
    """
    waits: list[str] = []
    for tier, wanted in (("tier_a", due.tier_a), ("tier_b", due.others)):
        if wanted:
            grant = to.buckets.take(f"quotes.{tier}", now)
            if grant.allowed:
                return _Paid(due.symbols, f"quotes.{tier}", "; ".join(waits))
            waits.append(f"{tier} refused by the rate limit for {grant.retry_after_s:.0f} s")
    if due.tier_a and _reserve(to, now):
        return _Paid(due.tier_a, RESERVE, "; ".join([*waits, "tier_a on the reserve"]))
    return _Paid((), said="; ".join(waits) or "nothing is due")


def _reserve(to: Services, now: datetime) -> bool:
    """Take the reserve's token, if this is its time and the book has one."""
    limit = to.book.rate_limits[RESERVE]
    if now.second >= RESERVE_WINDOW_S or limit.capacity < 1:
        return False
    granted = to.buckets.take(RESERVE, now).allowed
    if granted:
        to.log("quote_reserve_used", book=to.book.id, at=now.isoformat())
    return granted


def _bars(
    book: Book,
    before: _Before,
    after: Mapping[str, Quote],
    within: tuple[datetime, datetime],
    at: datetime,
) -> tuple[list[Bar], list[str]]:
    """Return each symbol's bars since it was seen shortly before ``at``, and who has a gap."""
    if not within[0] <= at - history.SPAN < within[1]:
        return [], []
    made: list[Bar] = []
    broken: list[str] = []
    for symbol, quote in sorted(after.items()):
        if _joins(book, before, quote, within[0], at):
            starts = _starts(book, before, symbol, at)
            made += sampled_bars(before.quotes[symbol], quote, starts)
        else:
            broken.append(symbol)
    return made, broken


def _joins(book: Book, before: _Before, quote: Quote, since: datetime, at: datetime) -> bool:
    """Was the symbol sampled in this session and recently, and is the new quote no older one?

    A quote's time is that of its last trade: of a symbol that trades rarely the bar made of the
    last sample says when it was looked at.
    """
    known = before.quotes.get(quote.symbol)
    if known is None or not since <= known.at <= quote.at:
        return False
    bar = before.bars.get(quote.symbol)
    sampled = known.at if bar is None else max(known.at, bar + history.SPAN)
    return at - sampled <= _longest(book, quote.symbol)


def _longest(book: Book, symbol: str) -> timedelta:
    """Return the longest time between two samples that is no gap."""
    return MOST_INTERVALS * tiers.interval(book, symbol)


def _starts(book: Book, before: _Before, symbol: str, at: datetime) -> list[datetime]:
    """Return when the bars begin that fill the time from the last sample to ``at``.

    They go on where the symbol's last bar ended. The first two samples after a gap have none that
    is near: theirs begin in the slot of the earlier one.
    """
    bar, span = before.bars.get(symbol), history.SPAN
    since = before.quotes[symbol].at if bar is None else bar + span
    if at - since > _longest(book, symbol):
        since = before.quotes[symbol].at
    count = max(-((since - at) // span), 1)
    return [at - n * span for n in range(count, 0, -1)]


def _mended(to: Services, symbols: list[str]) -> str:
    """Fetch the bars that were missed while a symbol slept or no quote came."""
    try:
        done = history.backfill(to, symbols)
    except (Transient, Rejected) as error:
        done = str(error)
        to.log("history_not_mended", book=to.book.id, symbols=symbols, why=done)
    return f"{', '.join(symbols)} had a gap: {done}"


def _quarantine(db: Connection, book: Book, now: datetime, seen: Quotes, before: _Before) -> None:
    """Keep what the source said and nobody uses, with the reason; what it repeats, once."""
    for bad in seen.bad:
        said = {"said": bad.payload}
        quarantine.add_once(db, book.id, now, "quotes", bad.symbol, bad.reason, said)
    for symbol, quote in sorted(seen.good.items()):
        known = before.quotes.get(symbol)
        if known is not None and quote.at < known.at:
            reason = f"out of order: its trade is older than that of {known.at.isoformat()}"
            quarantine.add(db, book.id, now, "quotes", symbol, reason, {"said": as_json(quote)})
