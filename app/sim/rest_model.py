"""An OpenAI-compatible endpoint: Responses and Chat Completions with structured output."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sim import reader
from app.sim.answers import endpoint
from app.sim.faults import Faults, Kind
from app.sim.model_bodies import Asked, BadRequest, Said, chat, read_chat, read_responses, responses
from app.sim.world import World

Read = Callable[[Any, int, int], Asked]
Write = Callable[[Asked, Said], dict[str, Any]]
Handler = Callable[[World, Request], Awaitable[Response]]

LARGEST_BODY = 4_000_000
TOKENS_PER_MINUTE = 200_000
RETRY_AFTER_S = 1
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header"
    " using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
)
QUOTA = "You exceeded your current quota, please check your plan and billing details."
BROKEN = "The server had an error while processing your request. Sorry about that!"
REFUSAL = "I'm sorry, but I can't help with that."
#: A stance and a confidence that no range allows.
WILD = (7.5, -3.0)


def _error(status: int, message: str, kind: str, code: str | None, **headers: str) -> Response:
    body = {"message": message, "type": kind, "param": None, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": body}, status, named)


def _endpoint(read: Read, write: Write) -> Handler:
    async def answer(world: World, request: Request) -> Response:
        number, now = next(world.doors.answers), world.exchange.at
        passes, limits = world.doors.model.take("model", now)
        reply = _turned_away(world, request, passes)
        if reply is None:
            reply = await _answered(
                world, request, lambda body: read(body, number, int(now)), write
            )
        limit, left, reset = (value.decode() for _, value in limits)
        reply.headers["x-request-id"] = f"req_{number:032x}"
        reply.headers["x-ratelimit-limit-requests"] = limit
        reply.headers["x-ratelimit-remaining-requests"] = left
        reply.headers["x-ratelimit-reset-requests"] = f"{int(reset) - int(now)}s"
        reply.headers["x-ratelimit-limit-tokens"] = str(TOKENS_PER_MINUTE)
        return reply

    return answer


def _turned_away(world: World, request: Request, passes: bool) -> Response | None:
    """Return the error for callers without a key, too fast, without money, or out of luck."""
    faults, asks = world.faults, "invalid_request_error"
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        return _error(401, NO_KEY, asks, None)
    if not passes or faults.draw(Kind.MODEL_RATE_LIMIT_429):
        said, after = "Rate limit reached for requests", str(RETRY_AFTER_S)
        return _error(429, said, "requests", "rate_limit_exceeded", retry_after=after)
    if faults.draw(Kind.MODEL_QUOTA_429):
        return _error(429, QUOTA, "insufficient_quota", "insufficient_quota")
    if faults.draw(Kind.MODEL_ERROR_500):
        return _error(500, BROKEN, "server_error", None)
    return None


async def _answered(
    world: World, request: Request, read: Callable[[Any], Asked], write: Write
) -> Response:
    for kind in (Kind.MODEL_SLOW, Kind.MODEL_TIMEOUT):
        if rule := world.faults.draw(kind):
            await asyncio.sleep(rule.seconds)
    body = await request.body()
    try:
        if len(body) > LARGEST_BODY:
            raise BadRequest("Your request is too large.", "request_too_large")
        asked = read(json.loads(body))
    except BadRequest as wrong:
        return _error(400, str(wrong), "invalid_request_error", wrong.code)
    except (ValueError, RecursionError):
        said = "We could not parse the JSON body of your request."
        return _error(400, said, "invalid_request_error", None)
    # Escaped to ASCII: a text may quote half of a surrogate pair.
    written = json.dumps(write(asked, say(asked, world.happenings.seed, world.faults)))
    return Response(written, media_type="application/json")


def say(asked: Asked, seed: int, faults: Faults) -> Said:
    """Return what the model says, faults included; tokens are counted from the texts."""
    reading = reader.read(asked.text, seed)
    if faults.draw(Kind.MODEL_OUT_OF_RANGE):
        reading = replace(reading, stance=WILD[0], confidence=WILD[1])
    said = reading.reason
    if asked.schema is not None:
        said = json.dumps(reader.answer(asked.schema, reading), ensure_ascii=False)
    if faults.draw(Kind.MODEL_MALFORMED):
        said = said[: len(said) * 2 // 3] + "…"
    refusal = REFUSAL if faults.draw(Kind.MODEL_REFUSAL) else None
    sent = reader.tokens(asked.text) + reader.tokens(json.dumps(asked.schema or ""))
    answered = reading.thinking + reader.tokens(refusal or said)
    most = answered - 1 if faults.draw(Kind.MODEL_TRUNCATED) else asked.most_tokens
    if most is not None and answered > most:
        return Said(said[: len(said) // 2], None, True, sent, most, min(most, reading.thinking))
    return Said(said, refusal, False, sent, answered, reading.thinking)


def routes(world: World) -> list[Route]:
    """Return the model's service of a world."""
    table = {
        "/v1/responses": _endpoint(read_responses, responses),
        "/v1/chat/completions": _endpoint(read_chat, chat),
    }
    return [Route(p, endpoint(world, what), methods=["POST"]) for p, what in table.items()]
