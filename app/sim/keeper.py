"""What an exchange remembers: its state in exact decimals, written down before it is told."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_origin

from app.sim import memory
from app.sim.exchange import Exchange
from app.sim.ledger import Fill, Holding, Ledger
from app.sim.market import fingerprint
from app.sim.orders import Order

#: Wall seconds for which the clock is written down ahead. A killed exchange goes on from there, so
#: that its time never runs back behind what it has told, and is written down this often only.
LEAD_S = 0.5
Remembered = TypeVar("Remembered", Order, Fill)


class Keeper:
    """Writes an exchange down. ``speed`` is the clock's as typed, which a client may change."""

    def __init__(self, file: Path, world: memory.World, speed: float, exchange: Exchange) -> None:
        self._journal, self._exchange = memory.Journal(file), exchange
        self._head = {
            "version": memory.VERSION,
            "world": dict(world),
            "market": fingerprint(exchange.market),
            "speed": speed,
        }
        self._orders: dict[str, Order] = {}
        self._fills = 0
        self._written: tuple[Any, ...] = ()
        self._until = exchange.at

    def keep(self, configurations: Mapping[str, Any], lead_s: float = LEAD_S) -> None:
        """Write what changed, or that time went on, before anybody is told. Raises OSError."""
        exchange, clock = self._exchange, self._exchange.clock
        state = (exchange.book.changes, clock.speed, clock.paused, dict(configurations))
        if state == self._written and exchange.at <= self._until and lead_s:
            return
        if self._journal.wants_rewriting:
            self._orders, self._fills = {}, 0
        until = exchange.at if clock.paused else exchange.at + lead_s * clock.speed
        orders = [o for o in exchange.book.all.values() if self._orders.get(o.id) is not o]
        news = {
            **_state(exchange, until),
            "configurations": dict(configurations),
            "orders": [_plain(order) for order in orders],
            "fills": [_plain(fill) for fill in exchange.fills[self._fills :]],
        }
        if self._journal.wants_rewriting:
            self._journal.rewrite(self._head, news)
        else:
            self._journal.add(news)
        self._orders.update({order.id: order for order in orders})
        self._fills = len(exchange.fills)
        self._written, self._until = state, until


def _state(exchange: Exchange, until: float) -> dict[str, Any]:
    clock, ledger = exchange.clock, exchange.ledger
    holdings, liquidity = ledger.holdings.items(), exchange.liquidity.items()
    return {
        "clock": {"at": until, "speed": clock.speed, "paused": clock.paused},
        "at": exchange.at,
        "started_at": exchange.started_at,
        "last_equity": str(exchange.last_equity),
        "cash": str(ledger.cash),
        "realised": str(ledger.realised),
        "holdings": {symbol: [str(h.quantity), str(h.cost)] for symbol, h in holdings},
        "liquidity": {symbol: [t.bar, t.tick, str(left)] for symbol, (t, left) in liquidity},
    }


def restore(exchange: Exchange, lines: Sequence[Mapping[str, Any]], file: Path) -> dict[str, Any]:
    """Put what was remembered into a new exchange; return the account's configurations.

    Raises InvalidData where the market is not the same or a value is not what it must be.
    """
    if lines[0].get("market") != fingerprint(exchange.market):
        raise memory.refused(file, "is of other prices: the market's bars have changed since")
    try:
        return _restore(exchange, memory.merged(lines))
    except KeyError as error:
        raise memory.damaged(file, f"no {error}") from None
    except (ValueError, TypeError, ArithmeticError, IndexError, AttributeError) as error:
        raise memory.damaged(file, str(error) or type(error).__name__) from None


def _restore(exchange: Exchange, said: Mapping[str, Any]) -> dict[str, Any]:
    tapes = exchange.market.tapes
    exchange.at, exchange.started_at = _number(said["at"]), _number(said["started_at"])
    exchange.last_equity = _decimal(said["last_equity"])
    holdings = {
        tapes[symbol].symbol: Holding(_decimal(quantity), _decimal(cost))
        for symbol, (quantity, cost) in said["holdings"].items()
    }
    exchange.ledger = Ledger(_decimal(said["cash"]), holdings, _decimal(said["realised"]))
    exchange.liquidity = {
        symbol: (tapes[symbol].trade(bar, tick), _decimal(left))
        for symbol, (bar, tick, left) in said["liquidity"].items()
    }
    for entry in said["orders"]:
        exchange.book.keep(_read(Order, entry))
    exchange.fills = [_read(Fill, entry) for entry in said["fills"]]
    return dict(said["configurations"])


def clock_of(
    lines: Sequence[Mapping[str, Any]], speed: float, file: Path
) -> tuple[float, float, bool]:
    """Return when the clock goes on, how fast and whether it stands. Raises InvalidData.

    Another ``speed`` than the one that was typed last time goes before what a client had set.
    """
    try:
        clock = lines[-1]["clock"]
        at, set_speed = _number(clock["at"]), _number(clock["speed"])
        if not isinstance(clock["paused"], bool) or not 0 < set_speed <= 10_000:
            raise ValueError(f"{clock}")
        return at, set_speed if lines[0]["speed"] == speed else speed, clock["paused"]
    except (KeyError, TypeError, ValueError) as error:
        raise memory.damaged(file, f"clock: {error}") from None


def _plain(value: Order | Fill) -> dict[str, Any]:
    given = {f.name: getattr(value, f.name) for f in fields(value)}
    return {name: str(v) if isinstance(v, Decimal) else v for name, v in given.items()}


def _read(kind: type[Remembered], data: Mapping[str, Any]) -> Remembered:
    return kind(**{f.name: _value(f.name, f.type, data[f.name]) for f in fields(kind)})


def _value(name: str, wanted: Any, given: Any) -> Any:
    optional = isinstance(wanted, types.UnionType)
    if given is None and optional:
        return None
    if Decimal in (wanted.__args__ if optional else (wanted,)):
        return _decimal(given)
    if not isinstance(given, get_origin(wanted) or wanted if not optional else wanted):
        raise ValueError(f"{name}: {given!r}")
    return given


def _decimal(given: Any) -> Decimal:
    if not isinstance(given, str) or not (number := Decimal(given)).is_finite():
        raise ValueError(f"{given!r} is not a decimal in quotes")
    return number


def _number(given: Any) -> float:
    if not isinstance(given, float):
        raise ValueError(f"{given!r} is not a number with a point")
    return given
