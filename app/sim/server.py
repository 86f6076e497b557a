"""The web server around a world: endpoints, streams, and the pump that moves the market."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from app.sim import (
    rest_articles,
    rest_data,
    rest_edgar,
    rest_model,
    rest_news,
    rest_sim,
    rest_trading,
    streams,
)
from app.sim.gate import gate
from app.sim.tape import tick_after
from app.sim.world import World

log = logging.getLogger(__name__)

#: The longest wall seconds between two looks at the clock, which a client may set at any time.
LONGEST_NAP = 0.5
#: Wall seconds between two draws of the fault that disconnects the data stream.
DISCONNECT_EVERY = 10.0


async def pump(world: World) -> None:
    """Let the market act on open orders and on the data stream at every tick of its clock."""
    loop = asyncio.get_running_loop()
    draw_at = loop.time() + DISCONNECT_EVERY
    while True:
        try:
            now = world.exchange.advance()
            world.settle()
            world.data.advance()
        except Exception:
            log.exception("the market could not advance")
            await asyncio.sleep(LONGEST_NAP)
            continue
        if loop.time() >= draw_at:
            world.data.disconnect()
            draw_at = loop.time() + DISCONNECT_EVERY
        wait = world.exchange.clock.wall_seconds_until(tick_after(now))
        await asyncio.sleep(LONGEST_NAP if wait is None else min(wait, LONGEST_NAP))


def application(world: World) -> ASGIApp:
    """Return the whole exchange as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(pump(world))
        yield
        task.cancel()
        try:
            world.leave()
        except OSError as error:
            log.warning("the last moments are not remembered: %s", error)

    async def unknown(request: Request, _: Exception) -> JSONResponse:
        return JSONResponse({"code": 40410000, "message": "endpoint not found."}, 404)

    app = Starlette(
        routes=[
            *rest_trading.routes(world),
            *rest_data.routes(world),
            *rest_articles.routes(world),
            *rest_news.routes(world),
            *rest_edgar.routes(world),
            *rest_model.routes(world),
            *rest_sim.routes(world),
            *streams.routes(world),
        ],
        lifespan=lifespan,
        exception_handlers={404: unknown},
    )
    return gate(world, app)


def serve(world: World, host: str, port: int) -> uvicorn.Server:
    """Return a server for a world; ``run`` blocks until it is told to stop."""
    config = uvicorn.Config(
        application(world),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
