"""A strong signal against what is held sells part of it, once in the time of a lock (F5)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from app.engine.book import Book
from app.engine.evidence import RouteContext, against
from app.engine.ids import intent_id, slot_of
from app.engine.orders import Intent, Purpose, Side
from app.engine.signals import Signal
from app.engine.verdicts import Judged, Reason, Verdict, verdict


@dataclass(frozen=True, slots=True)
class Sales:
    """The intents, what is locked after them, and the verdicts on every strong signal."""

    intents: tuple[Intent, ...]
    locks: dict[str, datetime]
    judged: tuple[Judged, ...]


def sales(
    book: Book, locks: Mapping[str, datetime], signals: Sequence[Signal], context: RouteContext
) -> Sales:
    """Sell ``opposite_share`` of each holding that a signal speaks strongly against.

    The strongest signal counts; the others of its time meet the lock. What a sale is depends on the
    tick and the holding alone, so that it is one however a tick's signals arrive.
    """
    intents: list[Intent] = []
    judged: list[Judged] = []
    locked = dict(locks)
    for symbol, quantity in sorted(context.held.items()):
        for reading, signal in _strong(book, symbol, quantity, signals):
            verdicts = _verdicts(book, reading, signal, locked.get(symbol), context)
            judged += [(symbol, f"opposite:{signal.id}", answer) for answer in verdicts]
            if verdicts[-1].passed:
                intents.append(_sale(book, symbol, quantity, signal, context))
                locked[symbol] = context.at + book.routing.etf_lock
    return Sales(tuple(intents), locked, tuple(judged))


def _strong(
    book: Book, symbol: str, quantity: Decimal, signals: Sequence[Signal]
) -> list[tuple[float, Signal]]:
    """Return the signals that speak strongly against a holding, strongest first."""
    if not (quantity.is_finite() and quantity > 0):
        return []
    said = ((against(book, symbol, s.symbol, s.score), s) for s in signals)
    strong = [(r, s) for r, s in said if r is not None and r >= book.exits.opposite_score]
    return sorted(strong, key=lambda found: (-found[0], found[1].symbol, found[1].id))


def _verdicts(
    book: Book, reading: float, signal: Signal, until: datetime | None, context: RouteContext
) -> list[Verdict]:
    """Return the gates' answers up to the first refusal."""
    waited, oldest = context.at - signal.at, book.risk.max_intent_age

    def asked() -> Iterator[Verdict]:
        yield Verdict("opposite", Reason.PASSED, reading, book.exits.opposite_score)
        yield verdict("age", waited <= oldest, Reason.EXPIRED_INTENT, waited, oldest)
        yield verdict("etf_lock", until is None, Reason.ETF_LOCKED, context.at, until)

    answers: list[Verdict] = []
    for answer in asked():
        answers.append(answer)
        if not answer.passed:
            break
    return answers


def _sale(
    book: Book, symbol: str, quantity: Decimal, signal: Signal, context: RouteContext
) -> Intent:
    tick = slot_of(context.at, book.routing.tick)
    shares = (quantity * book.exits.opposite_share).to_integral_value(rounding=ROUND_FLOOR)
    return Intent(
        id=intent_id(book.id, Purpose.OPPOSITE, symbol, Side.SELL, f"{symbol}:{tick}"),
        book=book.id,
        symbol=symbol,
        side=Side.SELL,
        purpose=Purpose.OPPOSITE,
        price=context.prices.get(symbol, Decimal(0)),  # a sale needs none
        at=context.at,
        signals=(signal.id,),
        quantity=min(quantity, max(Decimal(1), shares)),
    )
