"""The market of a simulated world: the tapes of its symbols and the quotes around their trades."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.sim.matching import quote_around
from app.sim.settings import Terms
from app.sim.tape import Tape, Trade


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask with their sizes in shares."""

    at: float
    bid: Decimal
    ask: Decimal
    size: int


@dataclass(frozen=True, slots=True)
class Market:
    """Every symbol's tape. ``source`` says in words where the prices come from."""

    tapes: dict[str, Tape]
    source: str
    warnings: tuple[str, ...] = ()

    @property
    def symbols(self) -> Sequence[str]:
        return tuple(self.tapes)

    def last_trade(self, symbol: str, now: float) -> Trade | None:
        """Return the newest trade of a symbol."""
        return self.tapes[symbol].last_trade(now)

    def prices(self, symbols: Sequence[str], now: float) -> dict[str, Decimal]:
        """Return the last price of each symbol that has traded."""
        trades = {s: self.last_trade(s, now) for s in symbols if s in self.tapes}
        return {s: t.price for s, t in trades.items() if t is not None}


def fingerprint(market: Market) -> str:
    """Return a short digest of every bar, the same for the same prices in the same order."""
    digest = hashlib.sha256()
    for symbol, tape in market.tapes.items():
        digest.update(symbol.encode())
        for column in (tape.starts, tape.open, tape.high, tape.low, tape.close, tape.volume):
            digest.update(column.tobytes())
        digest.update(tape.low_first.tobytes())
    return digest.hexdigest()[:16]


def quote_of(trade: Trade, terms: Terms) -> Quote:
    """Return the quote around a trade."""
    bid, ask = quote_around(trade.price, terms)
    return Quote(trade.at, bid, ask, max(100, trade.size // 100 * 100))
