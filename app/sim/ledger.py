"""The account's money: cash, positions at average cost and executions, in exact decimals."""

from dataclasses import dataclass, replace
from decimal import Decimal

from app.sim.orders import ZERO


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; ``cumulative`` is the order's filled quantity after it."""

    id: str
    order_id: str
    client_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    leaves: Decimal
    at: float


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares held and what they cost in all."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def average(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO


@dataclass(frozen=True, slots=True)
class Ledger:
    """Cash and holdings; flat symbols are absent. ``realised`` is what closed trades earned."""

    cash: Decimal
    holdings: dict[str, Holding]
    realised: Decimal = ZERO

    def held(self, symbol: str) -> Decimal:
        """Return the shares held of a symbol."""
        return self.holdings.get(symbol, Holding()).quantity

    def market_value(self, prices: dict[str, Decimal]) -> Decimal:
        """Return what the holdings are worth; without a price, what they cost."""
        return sum(
            (h.quantity * prices[s] if s in prices else h.cost for s, h in self.holdings.items()),
            ZERO,
        )


def book(ledger: Ledger, fill: Fill, fee_per_share: Decimal) -> Ledger:
    """Fold an execution into the ledger; a sale takes its share of the cost out of the holding."""
    held = ledger.holdings.get(fill.symbol, Holding())
    amount, fee = fill.quantity * fill.price, fill.quantity * fee_per_share
    if fill.side == "buy":
        after = Holding(held.quantity + fill.quantity, held.cost + amount)
        cash, gain = ledger.cash - amount - fee, -fee
    else:
        cost = held.cost if fill.quantity == held.quantity else held.average * fill.quantity
        after = Holding(held.quantity - fill.quantity, held.cost - cost)
        cash, gain = ledger.cash + amount - fee, amount - cost - fee
    holdings = {**ledger.holdings, fill.symbol: after}
    if after.quantity == 0:
        del holdings[fill.symbol]
    return replace(ledger, cash=cash, holdings=holdings, realised=ledger.realised + gain)
