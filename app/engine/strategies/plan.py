"""Strategies that state their wishes as arrays, for all bars at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.engine.errors import InvalidData
from app.engine.market import Floats

Marks = NDArray[np.bool_]
Places = slice | NDArray[np.intp]
P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Bars:
    """Several symbols' bars side by side on the union of their times, oldest first.

    ``at`` holds the bars' starts, shape (bars,), and ``span`` their length, nanoseconds UTC; the
    others have the shape (symbols, bars), C's order, and are NaN where a symbol has no bar. ``own``
    are the places of each symbol's own bars, a slice where it has them all.
    """

    symbols: tuple[str, ...]
    span: int
    at: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    own: tuple[Places, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own", tuple(own_places(close) for close in self.close))


def own_places(values: Floats) -> Places:
    """Return where a symbol's values, of shape (bars,), are not NaN: a slice where none is."""
    missing = np.isnan(values)
    return np.flatnonzero(~missing) if missing.any() else slice(0, values.size)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a strategy wishes at the close of each bar; all of the shape (symbols, bars).

    ``enter`` asks for a position, ``leave`` for its end. ``stop`` and ``target`` are the prices at
    which a position entered here ends, ``risk`` what one of its shares may lose: NaN for none.
    They count where ``enter`` is true; elsewhere they may be anything. Nothing of a bar depends on
    a later one.
    """

    enter: Marks
    leave: Marks
    stop: Floats
    target: Floats
    risk: Floats


@dataclass(frozen=True, slots=True)
class Rules:
    """How wishes become orders.

    Whole shares: no more than ``lot``, than loses ``risk_share`` of the equity, than costs
    ``notional_share`` of it; what is infinite does not limit. Pending entries count as positions;
    symbols that wish at the same bar get theirs in order. ``warm_up`` bars of a symbol come before
    the first on which it may enter. Raises InvalidData where nothing limits the quantity.
    """

    max_positions: int
    warm_up: int
    lot: float = inf
    risk_share: float = inf
    notional_share: float = inf

    def __post_init__(self) -> None:
        sizes = (self.lot, self.risk_share, self.notional_share)
        if not (all(size > 0 for size in sizes) and min(sizes) < inf and self.max_positions > 0):
            raise InvalidData(f"{self}: limit the quantity, by numbers above 0, and the positions")


class Each(Protocol):
    """Apply a function of ``app.engine.series`` to each symbol's own bars; NaN where it has none.

    Numbers of the function (its span) follow the arrays.
    """

    def __call__(self, function: Callable[..., None], *of: Floats | int) -> Floats: ...


class Planner(Protocol[P_contra]):
    """A pure function from bars and parameters to a plan."""

    def __call__(self, bars: Bars, of: P_contra, each: Each) -> Plan: ...


@dataclass(frozen=True, slots=True)
class Planned(Generic[P]):
    """A strategy whose wishes can be stated for all bars at once."""

    plan: Planner[P]
    params: P
    rules: Rules


#: A strategy with parameters of whatever kind.
AnyPlanned = Planned[Any]


def each_symbol(function: Callable[..., None], *of: Floats | int) -> Floats:
    """Be an ``Each``, by calling the function as it is given."""
    arrays = [array for array in of if isinstance(array, np.ndarray)]
    numbers = [number for number in of if not isinstance(number, np.ndarray)]
    result = np.empty_like(arrays[0])
    for row, parts in enumerate(zip(*arrays, strict=True)):
        own = own_places(parts[0])
        if isinstance(own, slice):
            function(*parts, *numbers, result[row])
        else:
            filled = np.empty(own.size)
            function(*(part[own] for part in parts), *numbers, filled)
            result[row] = np.nan
            result[row, own] = filled
    return result
