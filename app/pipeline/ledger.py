"""The ledger: money and positions as our own fills say, for sizing, limits and reports."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from app.engine import portfolio
from app.engine.market import Quote
from app.engine.portfolio import Position
from app.engine.rounding import decimal
from app.io.store import accounts, positions, quotes
from app.io.store.taping import Transaction


@dataclass(frozen=True, slots=True)
class Ledger:
    """Cash, equity and positions now; ``equity_open`` is the equity at the session's opening."""

    cash: Decimal
    equity: Decimal
    equity_open: Decimal
    positions: dict[str, Position]
    quotes: dict[str, Quote]

    def less(self, short: Decimal) -> "Ledger":
        """Return the money without what the broker does not have: limits are shares of the rest.

        Both equities are less by it, so that money that left is no loss of the day.
        """
        return replace(
            self,
            cash=self.cash - short,
            equity=self.equity - short,
            equity_open=self.equity_open - short,
        )


def read(db: Transaction, book: str) -> Ledger:
    """Return the book's money: the account at the session's opening, fills and fees since.

    Before the first opening there is no money to trade with.
    """
    held, seen = positions.held(db, book), quotes.load(db, book)
    cash, equity_open = accounts.money(db, book) or (Decimal(0), Decimal(0))
    return Ledger(cash, _equity(cash, held, seen), equity_open, held, seen)


def equity_of(db: Transaction, book: str, cash: Decimal) -> Decimal:
    """Return what the book is worth with this cash: what else the account holds is not its."""
    return _equity(cash, positions.held(db, book), quotes.load(db, book))


def _equity(cash: Decimal, held: Mapping[str, Position], seen: Mapping[str, Quote]) -> Decimal:
    return portfolio.equity(cash, held.values(), prices(seen))


def prices(seen: Mapping[str, Quote]) -> dict[str, Decimal]:
    """Return the last trade of each symbol."""
    return {symbol: decimal(quote.last) for symbol, quote in seen.items()}
