"""How endpoints answer: a value and a status, or a refusal in the service's words."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.sim.refusals import Refused
from app.sim.world import World


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answers; None is an empty body."""

    value: Any
    status: int = 200


#: A handler whose service does not speak Alpaca's JSON answers whole.
Handler = Callable[[World, Request], Awaitable[Reply | Response]]


def endpoint(world: World, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Bind a handler to its world and let it see the market as of now."""

    async def answer(request: Request) -> Response:
        world.exchange.advance()
        try:
            reply = await handler(world, request)
        except Refused as refusal:
            reply = Reply(refusal.body, refusal.status)
        try:
            world.settle()
        except OSError as error:
            # What is not written down is not told: the client has to look it up later.
            reply = Reply({"code": 50010000, "message": f"memory: {error.strerror}"}, 500)
        if isinstance(reply, Response):
            return reply
        if reply.value is None:
            return Response(status_code=reply.status)
        return JSONResponse(reply.value, reply.status)

    return answer


async def body_of(request: Request) -> Any:
    """Return the request's JSON. Raises Refused."""
    try:
        return json.loads(await request.body())
    except ValueError:
        raise Refused(400, 40010000, "request body format is invalid") from None
