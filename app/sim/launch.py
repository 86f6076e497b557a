"""From what a user typed to a running exchange, or one line that says what is wrong."""

import socket
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing import get_context

from app.engine.errors import InvalidData
from app.sim import memory
from app.sim.almanac import happenings_of, with_bursts
from app.sim.clock import SimClock
from app.sim.exchange import Exchange
from app.sim.happenings import Happenings
from app.sim.headlines import found_beside, read_headlines
from app.sim.keeper import Keeper, clock_of, restore
from app.sim.market import Market
from app.sim.recorded import recorded_market
from app.sim.server import serve
from app.sim.settings import Access, Terms
from app.sim.synthetic import synthetic_market
from app.sim.times import new_york
from app.sim.timetable import Timetable, new_york_sessions
from app.sim.wish import Wish, check
from app.sim.world import World, build, session_of, sessions_around

HOST = "127.0.0.1"


def run(wish: Wish) -> None:
    """Serve until interrupted. Raises InvalidData for anything that cannot be done."""
    check(wish)
    if wish.memory is not None:
        memory.read(wish.memory, wish.world())  # before the market is made, which takes seconds
    _check_port(wish.port)
    # Calendar and Parquet libraries take 100 MB that the exchange does not need once it is built.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workshop:
        made = workshop.submit(prepare, wish).result()
    world = world_of(wish, made)
    _begin(world, wish)
    for warning in made.market.warnings:
        print(f"warning: {warning}", flush=True)  # noqa: T201 - for the person at the terminal
    print(f"exchange on http://{HOST}:{wish.port} ({made.market.source})", flush=True)  # noqa: T201
    serve(world, HOST, wish.port).run()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What takes large libraries to make."""

    timetable: Timetable
    market: Market
    happenings: Happenings


def prepare(wish: Wish) -> Prepared:
    """Look up the sessions, make the market and what happens in it. Raises InvalidData."""
    day = wish.day()
    timetable = new_york_sessions(day)
    session = session_of(timetable, day)
    around = sessions_around(timetable, session)
    if wish.bars is not None:
        files = found_beside(wish.bars) if wish.news is None else (wish.news,)
        told = read_headlines(files)
        market = recorded_market(wish.bars, timetable, session, wish.seed)
        return Prepared(timetable, market, happenings_of(market, around, wish.seed, told))
    seed = wish.synthetic or 0
    market = synthetic_market(seed, around)
    happenings = happenings_of(market, around, seed)
    market = with_bursts(market, happenings)
    source = f"{market.source}, {session.day}"
    return Prepared(timetable, replace(market, source=source), happenings)


def world_of(wish: Wish, made: Prepared) -> World:
    """Build the world that was asked for, or take up the one remembered. Raises InvalidData."""
    terms = Terms(
        cash=_decimal(wish.cash),
        spread_bps=_decimal(wish.spread_bps),
        slippage_bps=_decimal(wish.slippage_bps),
        participation=_decimal(wish.participation),
        fee_per_share=_decimal(wish.fee_per_share),
        multiplier=_decimal(2 if wish.margin else 1),
    )
    clock = SimClock(new_york(wish.day(), wish.time_of_day()), wish.speed)
    access = Access(wish.key, wish.rate_limit, wish.news_per_day)
    faults, happenings = wish.fault_rules(), made.happenings
    if wish.memory is None:
        exchange = Exchange(made.market, made.timetable, clock, terms)
        return build(exchange, access, faults, happenings)
    said = memory.read(wish.memory, wish.world())
    if said is not None:
        at, speed, paused = clock_of(said, wish.speed, wish.memory)
        clock = SimClock(at, speed)
        clock.paused = paused
    exchange = Exchange(made.market, made.timetable, clock, terms)
    remembered = None if said is None else restore(exchange, said, wish.memory)
    keeper = Keeper(wish.memory, wish.world(), wish.speed, exchange)
    return build(exchange, access, faults, happenings, keeper, remembered=remembered)


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _begin(world: World, wish: Wish) -> None:
    """Write the memory for the first time, where it can be. Raises InvalidData."""
    try:
        world.exchange.advance()
        world.settle()
    except OSError as error:
        raise InvalidData(
            f"--memory {wish.memory}: {error.strerror}; name a file in a folder that can be written"
        ) from None


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidData(
                f"--port {port}: {error.strerror}; stop what uses it or choose another port"
            ) from None
