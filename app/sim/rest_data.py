"""The market data endpoints: latest bars, quotes and trades, snapshots, history."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from app.sim.answers import Reply, endpoint
from app.sim.bars import page, read_query, read_token, token
from app.sim.data_json import bar_json, dated, merged_bars, quote_json, trade_json
from app.sim.market import quote_of
from app.sim.refusals import invalid
from app.sim.selection import moment_in, whole_in
from app.sim.tape import Tape, Trade
from app.sim.times import in_new_york, new_york
from app.sim.world import World

Latest = Callable[[World, Tape], dict[str, Any] | None]


def _symbols(request: Request) -> tuple[str, ...]:
    given = [s.strip().upper() for s in request.query_params.get("symbols", "").split(",")]
    wanted = tuple(s for s in given if s)
    if not wanted:
        raise invalid("symbols is required")
    return wanted


def _each(world: World, symbols: tuple[str, ...], what: Latest) -> dict[str, Any]:
    """Return the latest of something by symbol; unknown symbols are missing."""
    tapes = world.exchange.market.tapes
    found = {s: what(world, tapes[s]) for s in symbols if s in tapes}
    return {symbol: value for symbol, value in found.items() if value is not None}


def latest_bar(world: World, tape: Tape) -> dict[str, Any] | None:
    over = tape.completed(world.exchange.at)
    return dated(bar_json(tape, over - 1)) if over else None


def latest_trade(world: World, tape: Tape) -> dict[str, Any] | None:
    trade = tape.last_trade(world.exchange.at)
    return dated(trade_json(trade)) if trade else None


def latest_quote(world: World, tape: Tape) -> dict[str, Any] | None:
    trade = tape.last_trade(world.exchange.at)
    return dated(quote_json(quote_of(trade, world.exchange.terms))) if trade else None


def snapshot(world: World, tape: Tape) -> dict[str, Any] | None:
    return {
        "latestTrade": latest_trade(world, tape),
        "latestQuote": latest_quote(world, tape),
        "minuteBar": latest_bar(world, tape),
        "dailyBar": _day_bar(world, tape, 0),
        "prevDailyBar": _day_bar(world, tape, 1),
    }


def _day_bar(world: World, tape: Tape, back: int) -> dict[str, Any] | None:
    """Return the newest session's bar so far, or the one ``back`` sessions before it."""
    at, timetable = world.exchange.at, world.exchange.timetable
    newest = timetable.latest(at)
    if newest is None:
        return None
    index = timetable.sessions.index(newest) - back
    session = timetable.sessions[index] if index >= 0 else None
    if session is None:
        return None
    first, last = tape.span(session.open, min(session.close - 1, at))
    over = min(last, tape.completed(at))
    bars = merged_bars(tape, first, over, [0], [new_york(session.day)]) if over > first else []
    trades = list(tape.trades(float(tape.starts[over]), at)) if over < last else []
    return _with_trades(bars[0] if bars else None, trades, new_york(session.day))


def _with_trades(
    bar: dict[str, Any] | None, trades: list[Trade], start: float
) -> dict[str, Any] | None:
    """Add the trades of the minute that is under way to a day's bar."""
    if not trades:
        return dated(bar) if bar else None
    prices, size = [float(t.price) for t in trades], sum(t.size for t in trades)
    if bar is None:
        bar = {"t": start, "o": prices[0], "h": prices[0], "l": prices[0], "v": 0, "n": 0, "vw": 0}
    volume = bar["v"] + size
    value = bar["vw"] * bar["v"] + sum(p * t.size for p, t in zip(prices, trades, strict=True))
    return dated(
        {
            **bar,
            "h": max(bar["h"], *prices),
            "l": min(bar["l"], *prices),
            "c": prices[-1],
            "v": volume,
            "n": bar["n"] + len(trades),
            "vw": round(value / volume, 6) if volume else prices[-1],
        }
    )


async def bars(world: World, request: Request) -> Reply:
    exchange = world.exchange
    wanted = read_query(request.query_params, _symbols(request), exchange.at)
    return Reply(page(exchange.market, exchange.timetable, wanted, exchange.at))


async def bars_latest(world: World, request: Request) -> Reply:
    return Reply({"bars": _each(world, _symbols(request), latest_bar)})


async def trades_latest(world: World, request: Request) -> Reply:
    return Reply({"trades": _each(world, _symbols(request), latest_trade)})


async def quotes_latest(world: World, request: Request) -> Reply:
    return Reply({"quotes": _each(world, _symbols(request), latest_quote)})


async def snapshots(world: World, request: Request) -> Reply:
    return Reply(_each(world, _symbols(request), snapshot))


async def trades(world: World, request: Request) -> Reply:
    return Reply(_history(world, request, "trades", trade_json))


async def quotes(world: World, request: Request) -> Reply:
    terms = world.exchange.terms
    return Reply(_history(world, request, "quotes", lambda t: quote_json(quote_of(t, terms))))


def _history(
    world: World, request: Request, name: str, write: Callable[[Trade], dict[str, Any]]
) -> dict[str, Any]:
    """Return one page of past trades, or of the quotes around them."""
    query, now = request.query_params, world.exchange.at
    start, end = moment_in(query, "start"), moment_in(query, "end", end_of_day=True)
    start = new_york(in_new_york(now).date()) if start is None else start
    end = now if end is None else min(end, now)
    limit, after = whole_in(query, "limit", 1000, 10_000), read_token(query.get("page_token"))
    result: dict[str, list[dict[str, Any]]] = {}
    left, last = limit, ("", 0.0)
    for symbol in sorted(set(_symbols(request)) & set(world.exchange.market.tapes)):
        for trade in world.exchange.market.tapes[symbol].trades(start, end):
            if after and (symbol, trade.at) <= after:
                continue
            if left == 0:
                return {name: result, "next_page_token": token(*last), "currency": "USD"}
            result.setdefault(symbol, []).append(dated(write(trade)))
            left, last = left - 1, (symbol, trade.at)
    return {name: result, "next_page_token": None, "currency": "USD"}


def routes(world: World) -> list[Route]:
    """Return the market data endpoints of a world."""
    table = {
        "/v2/stocks/bars": bars,
        "/v2/stocks/bars/latest": bars_latest,
        "/v2/stocks/trades": trades,
        "/v2/stocks/trades/latest": trades_latest,
        "/v2/stocks/quotes": quotes,
        "/v2/stocks/quotes/latest": quotes_latest,
        "/v2/stocks/snapshots": snapshots,
    }
    return [Route(path, endpoint(world, handler)) for path, handler in table.items()]
