"""A seeded synthetic market: correlated stocks driven by regimes, and the ETFs on top of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from app.sim.derived import inverse
from app.sim.market import Market
from app.sim.tape import Tape, low_first
from app.sim.timetable import Session

Floats = NDArray[np.float64]

#: name: first price, beta to the market, beta to its sector, own minute volatility, minute volume
STOCKS: dict[str, tuple[float, float, float, float, float]] = {
    "NVDA": (176.0, 1.20, 1.00, 0.00045, 250_000),
    "AAPL": (252.0, 0.85, 0.00, 0.00035, 50_000),
    "MSFT": (391.0, 0.85, 0.00, 0.00035, 40_000),
    "TSLA": (382.0, 1.40, 0.00, 0.00055, 110_000),
    "AMZN": (209.0, 1.05, 0.00, 0.00040, 60_000),
    "GOOGL": (306.0, 0.95, 0.00, 0.00040, 50_000),
    "META": (607.0, 1.10, 0.00, 0.00045, 25_000),
    "AMD": (201.0, 1.30, 1.20, 0.00065, 50_000),
    "AVGO": (316.0, 1.20, 1.10, 0.00050, 40_000),
    "NFLX": (92.0, 0.80, 0.00, 0.00055, 45_000),
    "QQQ": (594.0, 1.00, 0.15, 0.00004, 100_000),
    "SMH": (383.0, 1.20, 1.00, 0.00010, 15_000),
    "SPY": (652.0, 0.80, 0.05, 0.00003, 160_000),
}
#: name: the ETF it moves against, how many times, first price, minute volume
INVERSE: dict[str, tuple[str, float, float, float]] = {
    "SQQQ": ("QQQ", 3.0, 74.0, 120_000),
    "SOXS": ("SMH", 3.0, 42.0, 80_000),
}
#: What a stretch of a session may do: total drift of the market, and its minute volatility.
REGIMES: dict[str, tuple[float, float]] = {
    "up": (0.011, 0.00045),
    "down": (-0.011, 0.00045),
    "chop": (0.0, 0.00060),
    "quiet": (0.0, 0.00025),
}


@dataclass(frozen=True, slots=True)
class _Stretch:
    regime: str
    minutes: int


def synthetic_market(seed: int, sessions: list[Session]) -> Market:
    """Return the default universe over the sessions, the same for the same seed."""
    random = np.random.default_rng(seed)
    market, lively = _factor(Random(seed), random, sessions, strength=1.0)
    sector, _ = _factor(Random(seed + 1), random, sessions, strength=0.5)
    starts = np.concatenate([_minutes(s) for s in sessions])
    tapes = {}
    for symbol, (price, beta, sector_beta, noise, volume) in STOCKS.items():
        own = random.normal(0.0, noise, starts.size) + _own_trends(random, starts.size)
        returns = beta * market + sector_beta * sector + own
        closes = price * np.exp(np.cumsum(returns))
        tapes[symbol] = _tape(random, symbol, starts, closes, volume * lively, seed)
    for symbol, (of, times, price, volume) in INVERSE.items():
        tape = inverse(tapes[of], symbol, times, first_price=price)
        traded = np.floor(volume * lively * random.lognormal(0.0, 0.3, starts.size))
        tapes[symbol] = replace(tape, volume=traded)
    return Market(tapes, source=f"synthetic, seed {seed}")


def _minutes(session: Session) -> NDArray[np.int64]:
    return np.arange(int(session.open), int(session.close), 60, dtype=np.int64)


def _factor(
    plan: Random, random: np.random.Generator, sessions: list[Session], strength: float
) -> tuple[Floats, Floats]:
    """Return a factor's minute returns and how many times the usual volume is traded with them."""
    returns, activity = [], []
    for session in sessions:
        minutes = int(session.close - session.open) // 60
        moves, lively = _session(plan, random, minutes, strength)
        returns.append(moves)
        activity.append(lively * _day_shape(minutes))
    return np.concatenate(returns), np.concatenate(activity)


def _session(
    plan: Random, random: np.random.Generator, minutes: int, strength: float
) -> tuple[Floats, Floats]:
    moves, lively = np.zeros(minutes), np.ones(minutes)
    moves[0] = random.normal(0.0, 0.003) * strength
    at = 1
    for stretch in _stretches(plan, minutes - 1):
        drift, volatility = REGIMES[stretch.regime]
        part = slice(at, at + stretch.minutes)
        size = plan.uniform(0.5, 1.5) * strength
        pace = random.uniform(0.4, 1.6, stretch.minutes)
        moves[part] = drift * size * pace / pace.sum()
        moves[part] += random.normal(0.0, volatility * strength, stretch.minutes)
        lively[part] *= 1.5 if drift else 0.9
        at += stretch.minutes
    shock = plan.randrange(30, max(31, minutes - 30))
    moves[shock] += plan.choice((-1, 1)) * plan.uniform(0.002, 0.006) * strength
    lively[shock : shock + 5] *= np.array([6.0, 5.0, 4.0, 3.0, 2.0])[: minutes - shock]
    return moves, lively


def _stretches(plan: Random, minutes: int) -> Iterator[_Stretch]:
    """Yield regimes that fill a session; every deck holds rises and falls alike."""
    deck: list[str] = []
    while minutes > 0:
        if not deck:
            deck = ["up", "down", "up", "down", plan.choice(("chop", "quiet"))]
            plan.shuffle(deck)
        length = min(minutes, plan.randrange(20, 50))
        yield _Stretch(deck.pop(), length)
        minutes -= length


def _day_shape(minutes: int) -> Floats:
    """Return the smile of a day's volume: twice the usual at both ends."""
    place = np.linspace(-1.0, 1.0, minutes)
    return 0.7 + 1.5 * place**4


def _own_trends(random: np.random.Generator, size: int) -> Floats:
    """Return slow waves of a stock's own, so that stocks do not move in lockstep."""
    every = 30
    knots = random.normal(0.0, 0.00010, size // every + 2)
    return np.interp(np.arange(size) / every, np.arange(knots.size), knots)


def _tape(
    random: np.random.Generator,
    symbol: str,
    starts: NDArray[np.int64],
    closes: Floats,
    volume: Floats,
    seed: int,
) -> Tape:
    opens = np.concatenate([closes[:1], closes[:-1]]) * np.exp(
        random.normal(0.0, 0.00005, closes.size)
    )
    reach = np.abs(random.normal(0.0, 0.0003, (2, closes.size)))
    opens, closes = np.round(opens, 2), np.round(closes, 2)
    return Tape(
        symbol=symbol,
        starts=starts,
        open=opens,
        high=np.round(np.maximum(opens, closes) * (1 + reach[0]), 2),
        low=np.round(np.minimum(opens, closes) * (1 - reach[1]), 2),
        close=closes,
        volume=np.floor(volume * random.lognormal(0.0, 0.3, closes.size)),
        low_first=low_first(symbol, starts, seed),
    )
