"""Alpaca's news endpoint: articles by page, the newest first unless asked otherwise."""

import base64
import binascii
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from app.sim.answers import Reply, endpoint
from app.sim.data_json import article_json
from app.sim.happenings import Article
from app.sim.refusals import invalid
from app.sim.selection import moment_in, whole_in
from app.sim.times import rfc3339
from app.sim.world import World

MOST = 50


async def news(world: World, request: Request) -> Reply:
    query, now = request.query_params, world.exchange.at
    start, end = moment_in(query, "start") or 0.0, moment_in(query, "end", end_of_day=True)
    limit, order = whole_in(query, "limit", 10, MOST), query.get("sort", "desc").lower()
    if order not in ("asc", "desc"):
        raise invalid(f"sort must be asc or desc: {order!r}")
    wanted = {s.strip().upper() for s in query.get("symbols", "").split(",") if s.strip()}
    listed = [
        article
        for article in world.happenings.told(start, now if end is None else min(end, now))
        if article.wire and (not wanted or wanted.intersection(article.symbols))
    ]
    if order == "desc":
        listed.reverse()
    if query.get("exclude_contentless", "").lower() == "true":
        listed = []  # no article here has more than its headline and summary
    after = _read(query.get("page_token"))
    rest = listed if after is None else _behind(listed, after, order)
    page, more = rest[:limit], len(rest) > limit
    token = _token(page[-1]) if more else None
    return Reply({"news": [_json(article) for article in page], "next_page_token": token})


def _behind(listed: list[Article], after: tuple[float, int], order: str) -> list[Article]:
    if order == "asc":
        return [a for a in listed if (a.at, a.id) > after]
    return [a for a in listed if (a.at, a.id) < after]


def _json(article: Article) -> dict[str, Any]:
    said = {**article_json(article), "images": []}
    return {k: rfc3339(v) if k in ("created_at", "updated_at") else v for k, v in said.items()}


def _token(article: Article) -> str:
    return base64.b64encode(f"{article.at * 1e9:.0f}|{article.id}".encode()).decode()


def _read(given: str | None) -> tuple[float, int] | None:
    if not given:
        return None
    try:
        at, _, number = base64.b64decode(given, validate=True).decode().partition("|")
        return int(at) / 1e9, int(number)
    except (binascii.Error, ValueError):
        raise invalid("invalid page_token") from None


def routes(world: World) -> list[Route]:
    """Return the news endpoint of a world."""
    return [Route("/v1beta1/news", endpoint(world, news))]
