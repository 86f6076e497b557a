"""What a signal says of a basket or a holding: whose word counts, and which way it points."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.engine.book import Basket, Book


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What is held (shares), which symbols have an unfinished entry, and last prices.

    ``doubtful`` are the symbols of which an order is in doubt.
    ``prices`` needs the baskets' ETFs: a basket whose ETF has no price does not fire.
    """

    at: datetime
    held: Mapping[str, Decimal]
    pending: frozenset[str]
    prices: Mapping[str, Decimal]
    doubtful: frozenset[str] = frozenset()


def evidence_score(book: Book, symbol: str, score: float) -> float:
    """Return a score as evidence: reversed for an inverse ETF, which rises when stocks fall.

    This is the one place where the sign is turned (C5).
    """
    return -score if symbol in book.universe.inverse else score


def witnesses(book: Book, basket: Basket) -> tuple[str, ...]:
    """Return whose signals are a basket's evidence: its members', and its inverse ETF's own."""
    own = (basket.etf,) if basket.etf in book.universe.inverse else ()
    return tuple(dict.fromkeys((*basket.members, *own)))


def against(book: Book, held: str, symbol: str, score: float) -> float | None:
    """Return how strongly a signal speaks against a holding; None where it has no word on it.

    An inverse ETF falls when stocks rise: the evidence of its baskets' witnesses and its own speak
    against it. A stock has only its own signal, which does so where it is negative.
    """
    if held not in book.universe.inverse:
        return -score if symbol == held else None
    baskets = (basket for basket in book.routing.baskets if basket.etf == held)
    heard = symbol == held or any(symbol in witnesses(book, basket) for basket in baskets)
    return evidence_score(book, symbol, score) if heard else None
