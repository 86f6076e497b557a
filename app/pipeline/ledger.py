"""The ledger: money and positions as our own fills say, for sizing, limits and reports."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from app.engine import portfolio
from app.engine.portfolio import Position
from app.io.store import accounts, fills, positions, quotes


@dataclass(frozen=True, slots=True)
class Ledger:
    """Cash and positions now; ``prices`` are the last trades, ``priced_at`` their times."""

    cash: Decimal
    equity: Decimal
    equity_open: Decimal
    positions: dict[str, Position]
    prices: dict[str, Decimal]
    priced_at: dict[str, datetime]

    @property
    def profit_today(self) -> Decimal:
        return self.equity - self.equity_open


def read(db: Connection, book: str) -> Ledger:
    """Return the book's money: the account at the session's opening, and every fill since.

    Before the first opening there is no money to trade with.
    """
    held = positions.held(db, book)
    seen = quotes.load(db, book)
    prices = {symbol: Decimal(str(quote.last)) for symbol, quote in seen.items()}
    opening = accounts.latest(db, book, "open")
    cash, equity_open = Decimal(0), Decimal(0)
    if opening is not None:
        since = fills.since(db, book, opening.at)
        cash, equity_open = portfolio.cash_after(opening.cash, since), opening.equity
    return Ledger(
        cash=cash,
        equity=portfolio.equity(cash, held.values(), prices),
        equity_open=equity_open,
        positions=held,
        prices=prices,
        priced_at={symbol: quote.at for symbol, quote in seen.items()},
    )
