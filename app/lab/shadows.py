"""Shadows: what the entries that a gate refused would have come to, had they been made.

A shadow buys at the ask of the moment what the limits of risk and exposure leave room for in an
empty book, and sells at the bid of its stop, its target or the pre-close, whichever comes first.
While one is open, another refusal of the same symbol by the same gate adds none: a gate that says
no every thirty seconds stops one trade, not a hundred.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.engine.book import Book
from app.engine.market import Quote
from app.engine.rounding import decimal
from app.engine.sizing import position_limit

_NOTHING = Decimal(0)


@dataclass(slots=True)
class Gate:
    """What a gate's refusals came to; below zero it has saved, above it has cost."""

    refused: int = 0
    trades: int = 0
    gained: Decimal = _NOTHING


@dataclass(frozen=True, slots=True)
class _Shadow:
    quantity: Decimal
    paid: Decimal
    stop: Decimal
    target: Decimal


class Shadows:
    """The shadows of a day."""

    def __init__(self) -> None:
        self.gates: dict[str, Gate] = {}
        self._open: dict[tuple[str, str], _Shadow] = {}

    def refuse(
        self, book: Book, gate: str, symbol: str, market: Mapping[str, Quote], equity: Decimal
    ) -> None:
        """Count a refusal, and begin a shadow where none is open and there is a price."""
        sums = self.gates.setdefault(gate, Gate())
        sums.refused += 1
        quote = market.get(symbol)
        if (gate, symbol) in self._open or quote is None or not 0 < quote.ask < float("inf"):
            return
        paid, risk = decimal(quote.ask), book.risk
        at_risk = risk.risk_per_trade * equity / risk.stop_loss
        quantity = min(at_risk, position_limit(risk, equity)) // paid
        if quantity >= 1:
            sums.trades += 1
            self._open[gate, symbol] = _Shadow(
                quantity,
                paid,
                stop=paid * (1 - risk.stop_loss),
                target=paid * (1 + book.exits.take_profit),
            )

    def look(self, market: Mapping[str, Quote], ends: bool) -> None:
        """Let the prices act on what is open; ``ends``: everything is sold."""
        for (gate, symbol), shadow in list(self._open.items()):
            quote = market.get(symbol)
            bid = decimal(quote.bid) if quote and 0 < quote.bid < float("inf") else None
            if bid is not None and (ends or not shadow.stop < bid < shadow.target):
                self.gates[gate].gained += (bid - shadow.paid) * shadow.quantity
                del self._open[gate, symbol]
