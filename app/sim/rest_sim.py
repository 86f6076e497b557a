"""The world's own endpoints: what is inside it, and the controls over its clock and faults."""

import time
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from app.engine.errors import InvalidData
from app.sim.almanac_json import listing
from app.sim.answers import Reply, body_of, endpoint
from app.sim.faults import read_rules
from app.sim.orders import text, to_json
from app.sim.refusals import invalid
from app.sim.replies import activity
from app.sim.times import parse, rfc3339
from app.sim.world import World


def _clock(world: World) -> dict[str, Any]:
    clock = world.exchange.clock
    return {
        "now": rfc3339(world.exchange.at),
        "speed": clock.speed,
        "paused": clock.paused,
        "wall": rfc3339(time.time()),
    }


async def state(world: World, request: Request) -> Reply:
    exchange = world.exchange
    orders = exchange.book.all.values()
    return Reply(
        {
            "source": exchange.market.source,
            "clock": _clock(world),
            "orders": len(orders),
            "open_orders": sum(o.is_open for o in orders),
            "fills": len(exchange.fills),
            "cash": text(exchange.ledger.cash),
            "equity": text(exchange.equity()),
            "realised": text(round(exchange.ledger.realised, 9)),
            "positions": {s: text(h.quantity) for s, h in exchange.ledger.holdings.items()},
            "listeners": {
                "trading": len(world.trades.listeners),
                "data": len(world.data.listeners),
            },
        }
    )


async def orders(world: World, request: Request) -> Reply:
    return Reply([to_json(o) for o in world.exchange.book.all.values()])


async def fills(world: World, request: Request) -> Reply:
    return Reply([{**activity(f), "client_order_id": f.client_id} for f in world.exchange.fills])


async def market(world: World, request: Request) -> Reply:
    shown = world.exchange.market
    return Reply(
        {
            "source": shown.source,
            "warnings": list(shown.warnings),
            "symbols": {
                symbol: {
                    "derived": tape.derived or None,
                    "first_bar": rfc3339(float(tape.starts[0])),
                    "last_bar": rfc3339(float(tape.starts[-1])),
                    "bars": int(tape.starts.size),
                    "last_price": text(world.exchange.price(symbol)),
                }
                for symbol, tape in shown.tapes.items()
            },
        }
    )


async def clock(world: World, request: Request) -> Reply:
    return Reply(_clock(world))


async def set_clock(world: World, request: Request) -> Reply:
    body = await body_of(request)
    known = {"speed", "paused", "jump_to"}
    if not isinstance(body, dict) or not body or set(body) - known:
        raise invalid(f"accepted: {', '.join(sorted(known))}")
    try:
        jump = parse(str(body["jump_to"])) if body.get("jump_to") else None
        speed = float(body["speed"]) if body.get("speed") is not None else None
        paused = body.get("paused")
        if paused not in (None, True, False):
            raise ValueError("paused must be true or false")
        if jump is not None and jump > world.exchange.timetable.end:
            raise ValueError(f"the world ends at {rfc3339(world.exchange.timetable.end)}")
        world.exchange.clock.set(speed=speed, paused=paused, jump_to=jump)
    except (ValueError, TypeError) as error:
        raise invalid(str(error)) from None
    world.exchange.advance()
    return Reply(_clock(world))


async def happenings(world: World, request: Request) -> Reply:
    try:
        return Reply(listing(world.happenings, world.exchange.at, request.query_params.get("date")))
    except ValueError:
        raise invalid("date must be a day such as 2026-03-20, or all") from None


async def faults(world: World, request: Request) -> Reply:
    return Reply(world.faults.to_json())


async def set_faults(world: World, request: Request) -> Reply:
    try:
        rules, seed = read_rules(await body_of(request))
    except InvalidData as error:
        raise invalid(str(error)) from None
    world.faults.set(rules, seed)
    return Reply(world.faults.to_json())


def routes(world: World) -> list[Route]:
    """Return the endpoints that show and set the inside of a world."""
    table = [
        ("GET", "/sim/state", state),
        ("GET", "/sim/orders", orders),
        ("GET", "/sim/fills", fills),
        ("GET", "/sim/market", market),
        ("GET", "/sim/clock", clock),
        ("POST", "/sim/clock", set_clock),
        ("GET", "/sim/happenings", happenings),
        ("GET", "/sim/faults", faults),
        ("POST", "/sim/faults", set_faults),
    ]
    return [Route(path, endpoint(world, what), methods=[verb]) for verb, path, what in table]
