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
    """Shares held and what they cost in all; both are negative where they were sold short."""

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

    def market_values(self, prices: dict[str, Decimal]) -> tuple[Decimal, Decimal]:
        """Return what is held and what is owed (negative) is worth; without a price, its cost."""
        values = [
            h.quantity * prices[s] if s in prices else h.cost for s, h in self.holdings.items()
        ]
        return sum((v for v in values if v > 0), ZERO), sum((v for v in values if v < 0), ZERO)


def book(ledger: Ledger, fill: Fill, fee_per_share: Decimal) -> Ledger:
    """Fold an execution into the ledger; what closes takes its share of the cost out with it."""
    held = ledger.holdings.get(fill.symbol, Holding())
    signed = fill.quantity if fill.side == "buy" else -fill.quantity
    if held.quantity * signed < 0 and fill.quantity > (closed := abs(held.quantity)):
        flat = book(ledger, replace(fill, quantity=closed), fee_per_share)
        return book(flat, replace(fill, quantity=fill.quantity - closed), fee_per_share)
    amount, fee = signed * fill.price, fill.quantity * fee_per_share
    if held.quantity * signed >= 0:
        after, gain = Holding(held.quantity + signed, held.cost + amount), -fee
    else:
        cost = held.cost if signed == -held.quantity else held.average * -signed
        after, gain = Holding(held.quantity + signed, held.cost - cost), -amount - cost - fee
    holdings = {**ledger.holdings, fill.symbol: after}
    if after.quantity == 0:
        del holdings[fill.symbol]
    cash = ledger.cash - amount - fee
    return replace(ledger, cash=cash, holdings=holdings, realised=ledger.realised + gain)
