"""The trading endpoints: orders, positions, account, clock, calendar, assets, activities."""

from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from app.sim import replies
from app.sim.answers import Reply, body_of, endpoint
from app.sim.changes import changed
from app.sim.matching import NANO_SHARE
from app.sim.orders import Order, asset_id, text, to_json
from app.sim.refusals import Refused, invalid, not_found
from app.sim.selection import is_nested, select_activities, select_orders
from app.sim.tickets import number
from app.sim.world import World


async def place(world: World, request: Request) -> Reply:
    order, reply = world.exchange.submit(await body_of(request))
    world.visibility.hide(order.id)
    return Reply(reply)


async def orders(world: World, request: Request) -> Reply:
    seen = (o for o in world.exchange.book.all.values() if world.visibility.shows(o.id))
    chosen = select_orders(seen, request.query_params)
    return Reply([_shown(world, request, o) for o in chosen])


async def order(world: World, request: Request) -> Reply:
    found = world.exchange.book.find(request.path_params["order_id"])
    return Reply(_shown(world, request, world.visibility.check(found)))


def _shown(world: World, request: Request, order: Order) -> dict[str, Any]:
    nested = is_nested(request.query_params)
    return to_json(order, world.exchange.book.children(order.id) if nested else ())


async def order_by_client_id(world: World, request: Request) -> Reply:
    client_id = request.query_params.get("client_order_id", "")
    found = world.exchange.book.find_client(client_id)
    return Reply(to_json(world.visibility.check(found)))


async def change(world: World, request: Request) -> Reply:
    old = world.exchange.book.find(request.path_params["order_id"])
    new = changed(old, await body_of(request), world.exchange.at)
    return Reply(to_json(world.exchange.replace(old, new)))


async def cancel(world: World, request: Request) -> Reply:
    world.exchange.cancel(request.path_params["order_id"])
    return Reply(None, 204)


async def cancel_all(world: World, request: Request) -> Reply:
    answers = []
    for open_order in world.exchange.book.open():
        world.exchange.end(open_order, "canceled")
        answers.append({"id": open_order.id, "status": 200})
    return Reply(answers, 207)


async def positions(world: World, request: Request) -> Reply:
    held = world.exchange.ledger.holdings
    return Reply([replies.position(world.exchange, symbol) for symbol in held])


async def position(world: World, request: Request) -> Reply:
    return Reply(replies.position(world.exchange, _held_symbol(world, request)))


async def close_position(world: World, request: Request) -> Reply:
    symbol = _held_symbol(world, request)
    held = world.exchange.ledger.held(symbol)
    size, side = abs(held), "sell" if held > 0 else "buy"
    quantity = number(request.query_params, "qty")
    percentage = number(request.query_params, "percentage")
    if quantity is not None and percentage is not None:
        raise invalid("only one of qty or percentage is accepted")
    if percentage is not None:
        if percentage > 100:
            raise invalid("percentage must be between 0 and 100")
        quantity = (size * percentage / 100).quantize(NANO_SHARE, rounding=ROUND_DOWN)
    return Reply(_close(world, symbol, side, size if quantity is None else quantity))


async def close_all(world: World, request: Request) -> Reply:
    if request.query_params.get("cancel_orders", "").lower() == "true":
        for open_order in world.exchange.book.open():
            world.exchange.end(open_order, "canceled")
    answers: list[dict[str, Any]] = []
    for symbol, holding in list(world.exchange.ledger.holdings.items()):
        try:
            side = "sell" if holding.quantity > 0 else "buy"
            body = _close(world, symbol, side, abs(holding.quantity))
            answers.append({"symbol": symbol, "status": 200, "body": body})
        except Refused as refusal:
            answers.append({"symbol": symbol, "status": refusal.status, "body": refusal.body})
    return Reply(answers, 207)


def _close(world: World, symbol: str, side: str, quantity: Decimal) -> dict[str, Any]:
    ticket = {
        "symbol": symbol,
        "qty": text(quantity),
        "side": side,
        "type": "market",
        "time_in_force": "day",
    }
    return world.exchange.submit(ticket)[1]


def _held_symbol(world: World, request: Request) -> str:
    given = request.path_params["symbol"]
    for symbol in world.exchange.ledger.holdings:
        if given.upper() == symbol or given == asset_id(symbol):
            return symbol
    raise not_found("position does not exist")


async def account(world: World, request: Request) -> Reply:
    return Reply(replies.account(world.exchange))


async def configurations(world: World, request: Request) -> Reply:
    return Reply(world.configurations)


async def configure(world: World, request: Request) -> Reply:
    given = await body_of(request)
    unknown = set(given) - set(world.configurations) if isinstance(given, dict) else {"body"}
    if unknown:
        raise invalid(f"unknown configuration: {', '.join(sorted(unknown))}")
    world.configurations.update(given)
    return Reply(world.configurations)


async def clock(world: World, request: Request) -> Reply:
    return Reply(replies.clock(world.exchange.timetable, world.exchange.at))


async def calendar(world: World, request: Request) -> Reply:
    try:
        first = date.fromisoformat(request.query_params.get("start", "1970-01-01")[:10])
        last = date.fromisoformat(request.query_params.get("end", "2099-12-31")[:10])
    except ValueError:
        raise invalid("start and end must be dates, YYYY-MM-DD") from None
    return Reply(replies.calendar(world.exchange.timetable, first, last))


async def assets(world: World, request: Request) -> Reply:
    wanted = request.query_params
    if wanted.get("status", "active") != "active":
        return Reply([])
    if wanted.get("asset_class", "us_equity") != "us_equity":
        return Reply([])
    tapes = world.exchange.market.tapes
    listed = [replies.asset(world.exchange, tape) for tape in tapes.values()]
    return Reply([a for a in listed if wanted.get("exchange", a["exchange"]) == a["exchange"]])


async def asset(world: World, request: Request) -> Reply:
    given = request.path_params["symbol"]
    for symbol, tape in world.exchange.market.tapes.items():
        if given.upper() == symbol or given == asset_id(symbol):
            return Reply(replies.asset(world.exchange, tape))
    raise not_found(f"asset not found for {given}")


async def activities(world: World, request: Request) -> Reply:
    kinds = request.path_params.get("kind") or request.query_params.get("activity_types", "FILL")
    wanted = kinds.upper().split(",")
    fee = world.exchange.terms.fee_per_share
    told = ("FILL",) if not fee else ("FILL", "FEE")
    entries = [(f, kind) for f in world.exchange.fills for kind in told if kind in wanted]
    return Reply(
        [
            replies.activity(fill) if kind == "FILL" else replies.fee(fill, fee)
            for fill, kind in select_activities(entries, request.query_params)
        ]
    )


def routes(world: World) -> list[Route]:
    """Return the trading endpoints of a world."""
    table = [
        ("POST", "/v2/orders", place),
        ("GET", "/v2/orders", orders),
        ("DELETE", "/v2/orders", cancel_all),
        ("GET", "/v2/orders:by_client_order_id", order_by_client_id),
        ("GET", "/v2/orders/{order_id}", order),
        ("PATCH", "/v2/orders/{order_id}", change),
        ("DELETE", "/v2/orders/{order_id}", cancel),
        ("GET", "/v2/positions", positions),
        ("DELETE", "/v2/positions", close_all),
        ("GET", "/v2/positions/{symbol}", position),
        ("DELETE", "/v2/positions/{symbol}", close_position),
        ("GET", "/v2/account", account),
        ("GET", "/v2/account/configurations", configurations),
        ("PATCH", "/v2/account/configurations", configure),
        ("GET", "/v2/account/activities", activities),
        ("GET", "/v2/account/activities/{kind}", activities),
        ("GET", "/v2/clock", clock),
        ("GET", "/v2/calendar", calendar),
        ("GET", "/v2/assets", assets),
        ("GET", "/v2/assets/{symbol}", asset),
    ]
    return [Route(path, endpoint(world, what), methods=[verb]) for verb, path, what in table]
