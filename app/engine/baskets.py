"""The basket router: single stocks are evidence, the basket is the trade.

A positive signal is an intent to buy its own stock. Every signal is also evidence in the baskets
that its symbol belongs to; a basket whose evidence is negative enough, for enough ticks in a row,
is an intent to buy the basket's inverse ETF. A strong signal against what is held is an intent to
sell part of it. The order of the signals is of no importance, nor how many calls a tick's signals
arrive in: a basket is judged by a tick when that tick is over, and of each member the newest score
counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import fsum, inf, isfinite

from app.engine import opposite
from app.engine.book import Basket, Book
from app.engine.evidence import RouteContext, evidence_score, witnesses
from app.engine.ids import intent_id, slot_of
from app.engine.orders import Intent, Purpose, Side
from app.engine.rounding import decimal
from app.engine.signals import Signal
from app.engine.state import BasketEvidence, BookState
from app.engine.verdicts import Judged, Reason, Verdict, verdict

__all__ = ["RouteContext", "Routed", "evidence_score", "route", "weigh", "witnesses"]


@dataclass(frozen=True, slots=True)
class Routed:
    """The book's new memory, the intents in the order to be tried, and every verdict."""

    state: BookState
    intents: tuple[Intent, ...]
    judged: tuple[Judged, ...]


def route(book: Book, state: BookState, signals: Sequence[Signal], context: RouteContext) -> Routed:
    """Turn signals into evidence and intents; call it on every tick, with or without signals."""
    held = frozenset(symbol for symbol, quantity in context.held.items() if quantity)
    locks = _ahead(state.etf_locks, context.at)
    desk = _Desk(book, context, locks, held, set(context.pending), [], [])
    against = opposite.sales(book, _ahead(state.opposite_locks, context.at), signals, context)
    evidence = {
        basket.name: _basket(desk, basket, state.evidence.get(basket.name), signals)
        for basket in book.routing.baskets
    }
    for signal in sorted(signals, key=_strongest_first):
        _long(desk, signal)
    after = replace(state, evidence=evidence, etf_locks=desk.locks, opposite_locks=against.locks)
    return Routed(after, (*against.intents, *desk.intents), (*against.judged, *desk.judged))


def _strongest_first(signal: Signal) -> tuple[float, str, str]:
    return (-signal.score if isfinite(signal.score) else inf, signal.symbol, signal.id)


def _ahead(locks: Mapping[str, datetime], at: datetime) -> dict[str, datetime]:
    return {symbol: until for symbol, until in locks.items() if until > at}


@dataclass(frozen=True, slots=True)
class _Desk:
    """One call's locks, intents and verdicts as they come about.

    ``held`` is what is not flat, ``coming`` every symbol with an unfinished entry or an intent.
    """

    book: Book
    context: RouteContext
    locks: dict[str, datetime]
    held: frozenset[str]
    coming: set[str]
    intents: list[Intent]
    judged: list[Judged]

    def passes(self, symbol: str, subject: str, verdicts: Iterable[Verdict]) -> bool:
        """Write down verdicts up to the first refusal; return whether all of them passed."""
        for answer in verdicts:
            if not answer.passed and answer.gate in self.book.gates_off:
                continue
            self.judged.append((symbol, subject, answer))
            if not answer.passed:
                return False
        return True

    def buy(self, intent: Intent) -> None:
        """Add an intent to those to be tried; its symbol is on its way from now on."""
        self.intents.append(intent)
        self.coming.add(intent.symbol)


# -- short: the basket's inverse ETF ------------------------------------------------------------


def _basket(
    desk: _Desk, basket: Basket, before: BasketEvidence | None, signals: Sequence[Signal]
) -> BasketEvidence:
    """Judge the basket once for each tick that ended since the last call; fire on the newest only.

    A tick counts by the evidence as it stood at its end, in however many calls that arrived until
    then, so that the number of calls moves no answer.
    """
    routing, at = desk.book.routing, desk.context.at
    evidence = before or BasketEvidence()
    ended = slot_of(at, routing.tick) - 1
    first = max(evidence.last_tick + 1, ended - basket.ticks + 1)
    streak = evidence.streak if first == evidence.last_tick + 1 else 0
    for tick in range(first, ended + 1):
        end = _end_of(tick, routing.tick)
        evidence = _heard(desk.book, basket, evidence, [s for s in signals if s.at <= end])
        inside = _inside(evidence, end - routing.evidence_window, end)
        weighed = weigh(basket, [score for _, score, _ in inside.values()])
        passed = all(each.passed or each.gate in desk.book.gates_off for each in weighed)
        streak = streak + 1 if passed else 0
        if tick == ended and inside:
            _fire(desk, basket, tick, inside, (*weighed, _confirmed(basket, streak)))
    evidence = _heard(desk.book, basket, evidence, signals)
    kept = _inside(evidence, at - routing.evidence_window, None)
    return BasketEvidence(kept, streak, max(ended, evidence.last_tick))


def _heard(
    book: Book, basket: Basket, before: BasketEvidence, signals: Sequence[Signal]
) -> BasketEvidence:
    """Keep the newest score of each witness, as evidence."""
    listened_to = frozenset(witnesses(book, basket))
    scores = dict(before.scores)
    for signal in signals:
        if signal.symbol not in listened_to or not isfinite(signal.score):
            continue
        known = scores.get(signal.symbol)
        if known is None or (known[0], known[2]) < (signal.at, signal.id):
            reading = evidence_score(book, signal.symbol, signal.score)
            scores[signal.symbol] = (signal.at, reading, signal.id)
    return replace(before, scores=scores)


def _inside(
    evidence: BasketEvidence, since: datetime, until: datetime | None
) -> dict[str, tuple[datetime, float, str]]:
    return {
        symbol: known
        for symbol, known in sorted(evidence.scores.items())
        if since <= known[0] and (until is None or known[0] <= until)
    }


def _end_of(tick: int, length: timedelta) -> datetime:
    """Return the last moment of a tick; the next one starts right after it."""
    return datetime.fromtimestamp((tick + 1) * length.total_seconds(), UTC) - timedelta.resolution


def weigh(basket: Basket, scores: Sequence[float]) -> tuple[Verdict, ...]:
    """Compare evidence with the basket's numbers: how many, what share negative, how low a mean."""
    count = len(scores)
    share = round(sum(score < 0 for score in scores) / count, 9) if count else 0.0
    mean = round(fsum(scores) / count, 9) if count else 0.0
    fewest, least, highest = basket.min_signals, basket.min_negative_share, basket.max_mean
    return (
        verdict("min_signals", count >= fewest, Reason.BASKET_TOO_FEW, count, fewest),
        verdict("negative_share", share >= least, Reason.BASKET_TOO_POSITIVE, share, least),
        verdict("mean", mean <= highest, Reason.BASKET_MEAN_TOO_HIGH, mean, highest),
    )


def _confirmed(basket: Basket, streak: int) -> Verdict:
    enough = streak >= basket.ticks
    return verdict("ticks", enough, Reason.BASKET_UNCONFIRMED, streak, basket.ticks)


def _fire(
    desk: _Desk,
    basket: Basket,
    tick: int,
    inside: Mapping[str, tuple[datetime, float, str]],
    evidence: tuple[Verdict, ...],
) -> None:
    """Buy the basket's ETF if the evidence and the way are clear; lock the ETF if so."""
    at, etf = desk.context.at, basket.etf
    price = desk.context.prices.get(etf)
    locked_until = desk.locks.get(etf)
    verdicts = (
        *evidence,
        verdict("etf_lock", locked_until is None, Reason.ETF_LOCKED, at, locked_until),
        *_free(desk, etf),
        verdict("price", price is not None and price > 0, Reason.STALE_PRICE, price),
    )
    if desk.passes(etf, f"basket:{basket.name}:{tick}", verdicts) and price is not None:
        causes = tuple(sorted(cause for _, _, cause in inside.values()))
        cause = f"{basket.name}:{tick}"
        desk.buy(_buy(desk, etf, price, cause, (causes, basket.name)))
        desk.locks[etf] = at + desk.book.routing.etf_lock


# -- long: the stock itself ---------------------------------------------------------------------


def _long(desk: _Desk, signal: Signal) -> None:
    """Buy the stock of a positive signal; everything else was evidence and nothing more."""
    if desk.passes(signal.symbol, f"signal:{signal.id}", _ways(desk, signal)):
        price = decimal(signal.price)
        desk.buy(_buy(desk, signal.symbol, price, signal.id, ((signal.id,), None)))


def _ways(desk: _Desk, signal: Signal) -> Iterator[Verdict]:
    """Yield what a long signal must pass, the commonest refusal first."""
    inverse = signal.symbol in desk.book.universe.inverse
    waited, oldest = desk.context.at - signal.at, desk.book.risk.max_intent_age
    yield verdict("positive", signal.score > 0, Reason.NOT_TRADED_ITSELF, signal.score, 0.0)
    yield verdict("stock", not inverse, Reason.NOT_TRADED_ITSELF, signal.score)
    yield verdict("age", waited <= oldest, Reason.EXPIRED_INTENT, waited, oldest)
    priced = isfinite(signal.price) and signal.price > 0
    yield verdict("price", priced, Reason.BAD_DATA, signal.price)
    yield from _free(desk, signal.symbol)


# -- both ---------------------------------------------------------------------------------------


def _free(desk: _Desk, symbol: str) -> Iterator[Verdict]:
    """Ask whether a symbol may be entered beside what is held and what is on its way."""
    rivals = desk.book.routing.rivals(symbol)
    clash = next((rival for rival in rivals if rival in desk.held or rival in desk.coming), None)
    yield verdict("conflict", clash is None, Reason.CONFLICTING_PAIR, clash)
    held = desk.context.held.get(symbol, Decimal(0))
    yield verdict("position", held == 0, Reason.POSITION_EXISTS, held, Decimal(0))
    doubtful = symbol in desk.context.doubtful
    why = Reason.ORDER_IN_DOUBT if doubtful else Reason.ORDER_PENDING
    yield verdict("pending", symbol not in desk.coming, why)


def _buy(
    desk: _Desk,
    symbol: str,
    price: Decimal,
    cause: str,
    why: tuple[tuple[str, ...], str | None],
) -> Intent:
    signals, basket = why
    book, side = desk.book.id, Side.BUY
    return Intent(
        id=intent_id(book, Purpose.ENTRY, symbol, side, cause),
        book=book,
        symbol=symbol,
        side=side,
        purpose=Purpose.ENTRY,
        price=price,
        at=desk.context.at,
        signals=signals,
        basket=basket,
    )
