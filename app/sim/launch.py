"""From what a user typed to a running exchange, or one line that says what is wrong."""

import socket
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

from app.engine.errors import InvalidData
from app.sim.clock import SimClock
from app.sim.exchange import Exchange
from app.sim.faults import Faults, parse_rules
from app.sim.market import Market
from app.sim.recorded import recorded_market
from app.sim.server import serve
from app.sim.settings import Access, Terms
from app.sim.synthetic import synthetic_market
from app.sim.times import new_york
from app.sim.timetable import Timetable, new_york_sessions
from app.sim.world import DEFAULT_DATE, World, build, session_of, sessions_around

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of the command, as typed."""

    port: int = 8080
    bars: Path | None = None
    synthetic: int | None = None
    date: str | None = None
    speed: float = 1.0
    faults: str | None = None
    start: str = "09:20"
    cash: float = 100_000
    seed: int = 1
    spread_bps: float = 2.0
    slippage_bps: float = 1.0
    participation: float = 0.1
    rate_limit: int = 200
    key: str | None = None


def run(wish: Wish) -> None:
    """Serve until interrupted. Raises InvalidData for anything that cannot be done."""
    _check(wish)
    _check_port(wish.port)
    # Calendar and Parquet libraries take 100 MB that the exchange does not need once it is built.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workshop:
        made = workshop.submit(prepare, wish).result()
    world = world_of(wish, made)
    for warning in made.market.warnings:
        print(f"warning: {warning}", flush=True)  # noqa: T201 - for the person at the terminal
    print(f"exchange on http://{HOST}:{wish.port} ({made.market.source})", flush=True)  # noqa: T201
    serve(world, HOST, wish.port).run()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What takes large libraries to make."""

    timetable: Timetable
    market: Market


def prepare(wish: Wish) -> Prepared:
    """Look up the sessions and make the market. Raises InvalidData."""
    day = _date(wish.date)
    timetable = new_york_sessions(day)
    session = session_of(timetable, day)
    if wish.bars is not None:
        return Prepared(timetable, recorded_market(wish.bars, timetable, session, wish.seed))
    market = synthetic_market(wish.synthetic or 0, sessions_around(timetable, session))
    return Prepared(timetable, replace(market, source=f"{market.source}, {session.day}"))


def world_of(wish: Wish, made: Prepared) -> World:
    """Build the world that was asked for. Raises InvalidData."""
    _check(wish)
    terms = Terms(
        cash=_decimal(wish.cash),
        spread_bps=_decimal(wish.spread_bps),
        slippage_bps=_decimal(wish.slippage_bps),
        participation=_decimal(wish.participation),
    )
    clock = SimClock(new_york(_date(wish.date), _time(wish.start)), wish.speed)
    exchange = Exchange(made.market, made.timetable, clock, terms)
    return build(exchange, Access(wish.key, wish.rate_limit), _faults(wish))


def _faults(wish: Wish) -> Faults:
    rules, seed = parse_rules(wish.faults) if wish.faults else ([], None)
    return Faults(rules, wish.seed if seed is None else seed)


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _date(given: str | None) -> date:
    if given is None:
        return DEFAULT_DATE
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InvalidData(f"--date {given!r} is not a date; write it as 2026-03-20") from None


def _time(given: str) -> time:
    try:
        return time.fromisoformat(given)
    except ValueError:
        raise InvalidData(f"--start {given!r} is not a time; write it as 09:20") from None


def _check(wish: Wish) -> None:
    if (wish.bars is None) == (wish.synthetic is None):
        raise InvalidData("give either --bars DIR or --synthetic SEED")
    _date(wish.date), _time(wish.start), _faults(wish)
    limits = {
        "--port": (wish.port, 1, 65_535),
        "--speed": (wish.speed, 0.01, 10_000),
        "--cash": (wish.cash, 0.01, 1e12),
        "--spread-bps": (wish.spread_bps, 0, 1000),
        "--slippage-bps": (wish.slippage_bps, 0, 1000),
        "--participation": (wish.participation, 0, 1),
        "--synthetic": (wish.synthetic or 0, 0, 2**31),
        "--seed": (wish.seed, 0, 2**31),
        "--rate-limit": (wish.rate_limit, 1, 1e9),
    }
    for name, (value, smallest, largest) in limits.items():
        if not smallest <= value <= largest:
            raise InvalidData(f"{name} {value}: must be from {smallest:g} to {largest:g}")
    if wish.key is not None and ":" not in wish.key:
        raise InvalidData("--key must be ID:SECRET")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidData(
                f"--port {port}: {error.strerror}; stop what uses it or choose another port"
            ) from None
