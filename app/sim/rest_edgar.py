"""EDGAR's current filings and its table of tickers, with its rules of fair access."""

from collections.abc import Sequence
from datetime import timedelta
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from app.sim.answers import endpoint
from app.sim.companies import ticker_table
from app.sim.faults import Kind
from app.sim.happenings import Filing, Party, entries
from app.sim.times import in_new_york
from app.sim.world import World

COUNTS = (10, 20, 40, 80, 100)
DEFAULT_COUNT = 40
#: The list holds this many seconds, about the current day.
RECENT = 24 * 3600
#: From this hour and minute on a filing's date is the next day's.
LATE = (17, 30)
#: How many entries a page begins too early when new ones came in between.
SHIFT = 5
OWNERSHIP = ("3", "4", "5")
_AGENT_PAGE = """<!DOCTYPE html><html lang="en"><head><title>SEC.gov | Your Request Originates \
from an Undeclared Automated Tool</title></head><body><h1>Your Request Originates from an \
Undeclared Automated Tool</h1><p>Please declare your traffic by updating your user agent to \
include company specific information.</p></body></html>"""
_THRESHOLD_PAGE = """<!DOCTYPE html><html lang="en"><head><title>SEC.gov | Request Rate Threshold \
Exceeded</title></head><body><h1>Request Rate Threshold Exceeded</h1><p>Current guidelines limit \
each user to a total of no more than 10 requests per second.</p></body></html>"""
_UNAVAILABLE_PAGE = """<!DOCTYPE html><html lang="en"><head><title>SEC.gov | File Unavailable\
</title></head><body><h1 class="goodbye text-center">This page is temporarily unavailable.</h1>\
</body></html>"""
_SEC = "https://www.sec.gov"
_LIST = "/cgi-bin/browse-edgar?action=getcurrent"


def _turned_away(world: World, request: Request) -> Response | None:
    """Return the page for callers without a name, or too fast, or out of luck."""
    if "@" not in request.headers.get("user-agent", ""):
        return HTMLResponse(_AGENT_PAGE, 403)
    if not world.doors.edgar.take(world.exchange.at) or world.faults.draw(Kind.EDGAR_THRESHOLD_403):
        return HTMLResponse(_THRESHOLD_PAGE, 403)
    if world.faults.draw(Kind.EDGAR_HTML_503):
        return HTMLResponse(_UNAVAILABLE_PAGE, 503)
    return None


async def tickers(world: World, request: Request) -> Response:
    return _turned_away(world, request) or JSONResponse(ticker_table())


async def browse(world: World, request: Request) -> Response:
    if page := _turned_away(world, request):
        return page
    query, now = request.query_params, world.exchange.at
    if query.get("action") != "getcurrent" or query.get("output") != "atom":
        return HTMLResponse("<html><head><title>EDGAR</title></head><body></body></html>")
    recent = world.happenings.accepted(now - RECENT, now)
    owner, prefix = query.get("owner", "include"), query.get("type", "")
    listed = list(entries([f for f in recent if _is_listed(f, prefix, owner)]))
    start, count = _whole(query.get("start"), 0), _whole(query.get("count"), DEFAULT_COUNT)
    if start and start >= len(listed):
        return HTMLResponse(_UNAVAILABLE_PAGE, 503)
    if start and world.faults.draw(Kind.EDGAR_SHIFTED):
        start = max(0, start - SHIFT)
    shown = listed[start : start + (count if count in COUNTS else DEFAULT_COUNT)]
    body = _feed(shown, now).encode("iso-8859-1", "xmlcharrefreplace")
    return Response(body, media_type="application/atom+xml")


def _is_listed(filing: Filing, prefix: str, owner: str) -> bool:
    is_ownership = filing.form.removesuffix("/A") in OWNERSHIP
    if owner in ("only", "exclude") and is_ownership != (owner == "only"):
        return False
    return filing.form.startswith(prefix)


def _whole(given: str | None, otherwise: int) -> int:
    return int(given) if given and given.isdecimal() and len(given) < 9 else otherwise


def _feed(shown: Sequence[tuple[Filing, Party]], now: float) -> str:
    at = in_new_york(now)
    head = [
        '<?xml version="1.0" encoding="ISO-8859-1" ?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>Latest Filings - {at:%a, %d %b %Y %H:%M:%S %Z}</title>",
        f'<link rel="alternate" href="{_LIST}"/>',
        f'<link rel="self" href="{_LIST}"/>',
        f"<id>{_SEC}{_LIST}</id>",
        "<author><name>Webmaster</name><email>webmaster@sec.gov</email></author>",
        f"<updated>{at.isoformat(timespec='seconds')}</updated>",
    ]
    return "\n".join([*head, *(_entry(*pair) for pair in shown), "</feed>", ""])


def _entry(filing: Filing, party: Party) -> str:
    at = in_new_york(filing.at)
    filed = (at + timedelta(days=(at.hour, at.minute) >= LATE)).date()
    items = "".join(f"\n<br>{escape(item)}" for item in filing.items)
    summary = (
        f"\n <b>Filed:</b> {filed} <b>AccNo:</b> {filing.accession}"
        f" <b>Size:</b> {filing.size}{items}\n"
    )
    plain = filing.accession.replace("-", "")
    href = f"{_SEC}/Archives/edgar/data/{party.cik}/{plain}/{filing.accession}-index.htm"
    title = f"{filing.form} - {party.name} ({party.cik:010}) ({party.role})"
    lines: list[Any] = [
        "<entry>",
        f"<title>{escape(title, quote=False)}</title>",
        f'<link rel="alternate" type="text/html" href="{href}"/>',
        f'<summary type="html">{escape(summary, quote=False)}</summary>',
        f"<updated>{at.isoformat(timespec='seconds')}</updated>",
        f'<category scheme="{_SEC}/" label="form type" term="{filing.form}"/>',
        f"<id>urn:tag:sec.gov,2008:accession-number={filing.accession}</id>",
        "</entry>",
    ]
    return "\n".join(lines)


def routes(world: World) -> list[Route]:
    """Return the SEC's service of a world."""
    return [
        Route("/cgi-bin/browse-edgar", endpoint(world, browse)),
        Route("/files/company_tickers.json", endpoint(world, tickers)),
    ]
