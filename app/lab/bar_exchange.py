"""An exchange of bars: an order fills in the bar after the one at whose close it was made.

At a bar's open fills what is at the market, a limit that the open satisfies, and a stop that the
open has passed: a gap fills at the open, never at the level. Within the bar a stop or a limit fills
at its level where the bar reached it, stops before anything else. An order for the closing auction
fills at the close of the session's last bar. What crosses the spread pays half of it, and slips.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from app.adapters.paper.matching import Resting
from app.adapters.port import BrokerClock
from app.engine.orders import Order, OrderState, OrderType, Side, TimeInForce
from app.engine.rounding import decimal, tick_size
from app.lab.exchange import Entry, Word, cancelled, ended, filled, taken

_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_BPS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Range:
    """A bar's prices."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class BarExchange:
    """Orders that rest between bars; ``worse_bps`` is by how much a crossing price is worse."""

    def __init__(self, worse_bps: float) -> None:
        self._worse = decimal(worse_bps) * _BPS
        self._open: dict[str, Entry] = {}

    @property
    def resting(self) -> dict[str, Entry]:
        """Return what rests, by client id, in the order in which it came."""
        return dict(self._open)

    def go_on_with(self, resting: Mapping[str, Entry]) -> None:
        """Let orders rest that rested when a walk was interrupted."""
        self._open = dict(resting)

    def submit(self, order: Order, clock: BrokerClock) -> list[Word]:
        """Take an order; nothing fills before the next bar."""
        entry, word = taken(order, clock)
        if entry is not None:
            self._open[order.client_id] = entry
        return [word]

    def cancel(self, client_id: str) -> list[Word]:
        """End an order; nothing is said of one that has ended."""
        return cancelled(self._open.pop(client_id, None))

    def look(self, clock: BrokerClock) -> list[Word]:
        """Say nothing: between two bars nothing trades."""
        return []

    def symbols(self) -> frozenset[str]:
        """Return the symbols of what rests."""
        return frozenset(entry.stated.symbol for entry in self._open.values())

    def at_open(self, bars: Mapping[str, Range], clock: BrokerClock) -> list[Word]:
        """Fill at the open what the open satisfies."""
        return self._fill(bars, clock, self._opening)

    def within(self, bars: Mapping[str, Range], clock: BrokerClock) -> list[Word]:
        """Fill at their levels the stops and the limits that a bar has reached."""
        stops = self._fill(bars, clock, self._stopped)
        return [*stops, *self._fill(bars, clock, _limited)]

    def at_close(self, bars: Mapping[str, Range], clock: BrokerClock) -> list[Word]:
        """Hold the closing auction, and end what was for the day only."""
        said = self._fill(bars, clock, self._closing)
        for name, entry in list(self._open.items()):
            if entry.rests.expires_at is not None or entry.rests.due is not None:
                del self._open[name]
                said.append(Word(ended(entry.stated, OrderState.EXPIRED)))
        return said

    def _fill(
        self,
        bars: Mapping[str, Range],
        clock: BrokerClock,
        price_in: Callable[[Resting, Range], Decimal | None],
    ) -> list[Word]:
        said = []
        for name, entry in list(self._open.items()):
            bar = bars.get(entry.stated.symbol)
            price = None if bar is None else price_in(entry.rests, bar)
            if price is not None:
                del self._open[name]
                said.append(filled(entry.stated, price, clock))
        return said

    def _opening(self, rests: Resting, bar: Range) -> Decimal | None:
        if rests.time_in_force is TimeInForce.CLS:
            return None
        if rests.type in _STOPPED and not _passed(rests, bar.open):
            return None
        return self._allowed(rests, self._crossed(rests.side, bar.open))

    def _stopped(self, rests: Resting, bar: Range) -> Decimal | None:
        stop = rests.stop_price
        if rests.type not in _STOPPED or stop is None:
            return None
        reached = bar.low <= stop if rests.side is Side.SELL else bar.high >= stop
        return self._allowed(rests, self._crossed(rests.side, stop)) if reached else None

    def _closing(self, rests: Resting, bar: Range) -> Decimal | None:
        if rests.time_in_force is not TimeInForce.CLS:
            return None
        return self._allowed(rests, self._crossed(rests.side, bar.close))

    def _crossed(self, side: Side, price: Decimal) -> Decimal:
        """Return what crossing costs, on the price step, rounded against whoever crosses."""
        step = tick_size(price)
        if side is Side.BUY:
            return (price * (1 + self._worse)).quantize(step, rounding=ROUND_CEILING)
        return max((price * (1 - self._worse)).quantize(step, rounding=ROUND_FLOOR), step)

    @staticmethod
    def _allowed(rests: Resting, price: Decimal) -> Decimal | None:
        limit = rests.limit_price
        if rests.type not in _LIMITED or limit is None:
            return price
        within = price <= limit if rests.side is Side.BUY else price >= limit
        return price if within else None


def _passed(rests: Resting, price: Decimal) -> bool:
    if rests.stop_price is None:
        return False
    return price <= rests.stop_price if rests.side is Side.SELL else price >= rests.stop_price


def _limited(rests: Resting, bar: Range) -> Decimal | None:
    """Return a limit's own price where the bar went through it; nobody crosses anything then."""
    limit = rests.limit_price
    if rests.type is not OrderType.LIMIT or limit is None:
        return None
    reached = bar.low < limit if rests.side is Side.BUY else bar.high > limit
    return limit if reached else None
