"""Quotes and minute bars from Alpaca's market data, one snapshot request for all symbols."""

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from requests.adapters import HTTPAdapter
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
)

from app.engine.errors import AppError, InvalidData, Rejected, Transient
from app.engine.market import Bar, Quote
from app.engine.times import LONGEST_PAUSE_S, pause_told
from app.io.feeds import alpaca_json
from app.io.feeds.port import BadEntry, Bars, Quotes, Source, Take

BARS_A_PAGE = 10_000
MOST_PAGES = 1_000
ATTEMPTS = 4
UNKNOWN = "unknown to the market data"

_INCLUSIVE_END = timedelta(microseconds=1)
_REFUSALS = frozenset({400, 401, 403, 404, 422})
_BROKEN = (OSError, ValueError, RecursionError, urllib3.exceptions.HTTPError)


class AlpacaQuotes:
    """Prices from Alpaca; safe across forks and threads, each of which gets a client of its own.

    ``plan`` is always named: by default an account of the free one is refused recent prices.
    """

    def __init__(self, source: Source, plan: str) -> None:
        parts = urlsplit(source.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidData("the data URL must start with http:// or https:// and name a host")
        self._source, self._plan = source, plan
        self._own = threading.local()

    def latest(self, symbols: Sequence[str], take: Take) -> Quotes:
        if not symbols:
            return Quotes({})
        query = {"symbols": ",".join(symbols), "feed": self._plan}
        answer = self._get("/stocks/snapshots", query, take)
        good: dict[str, Quote] = {}
        bad: list[BadEntry] = []
        for symbol in dict.fromkeys(symbols):
            if symbol not in answer:
                bad.append(BadEntry(symbol, UNKNOWN, ""))
                continue
            try:
                good[symbol] = alpaca_json.quote(symbol, answer[symbol])
            except InvalidData as why:
                bad.append(alpaca_json.bad_entry(symbol, why, answer[symbol]))
        return Quotes(good, tuple(bad))

    def minute_bars(
        self, symbols: Sequence[str], start: datetime, end: datetime, take: Take
    ) -> Bars:
        if not symbols or start >= end:
            return Bars(())
        query = {
            "symbols": ",".join(symbols),
            "timeframe": "1Min",
            "start": _stamp(start),
            "end": _stamp(end - _INCLUSIVE_END),
            "limit": str(BARS_A_PAGE),
            "adjustment": "raw",
            "sort": "asc",
            "feed": self._plan,
        }
        good: dict[tuple[str, datetime], Bar] = {}
        bad: list[BadEntry] = []
        wanted = frozenset(symbols)
        for _ in range(MOST_PAGES):
            entries, token = self._page(query, take)
            for symbol, value in entries:
                if symbol in wanted:
                    _sort_out(symbol, value, good, bad)
            if token is None:
                return Bars(tuple(good[key] for key in sorted(good)), tuple(bad))
            if token == query.get("page_token"):
                break
            query["page_token"] = token
        raise Transient("the market data lists bars without an end")

    def _page(
        self, query: Mapping[str, str], take: Take
    ) -> tuple[list[tuple[str, object]], str | None]:
        answer = self._get("/stocks/bars", query, take)
        listed, token = answer.get("bars") or {}, answer.get("next_page_token")
        shaped = isinstance(listed, dict) and isinstance(token, str | None)
        if not shaped or not all(isinstance(bars, list | None) for bars in listed.values()):
            raise Transient("the market data's page of bars cannot be read")
        entries = [(symbol, bar) for symbol, bars in listed.items() for bar in bars or ()]
        return entries, token or None

    def _get(self, path: str, query: Mapping[str, str], take: Take) -> Mapping[str, Any]:
        again: Any = Retrying(
            retry=retry_if_exception(_may_pass_soon),
            stop=stop_any(
                stop_after_attempt(ATTEMPTS), stop_before_delay(self._source.read_timeout_s)
            ),
            wait=_pause,
            reraise=True,
        )
        answer: Mapping[str, Any] = again(self._get_once, path, dict(query), take)
        return answer

    def _get_once(self, path: str, query: dict[str, str], take: Take) -> Mapping[str, Any]:
        take()
        try:
            answer = self._client().get(path, query)
        except APIError as error:
            raise self._refused(error) from None
        except _BROKEN as error:
            raise Transient(f"the market data did not answer: {type(error).__name__}") from error
        if not isinstance(answer, dict):
            raise Transient("the market data's answer is not an object")
        return answer

    def _refused(self, error: Any) -> AppError:
        status, words = error.status_code, " ".join(str(error).split())
        for secret in (self._source.secret, self._source.key):
            words = words.replace(secret, "***")
        # The service refuses in JSON; a page in HTML is some gateway's, and may pass.
        if status in _REFUSALS and words.startswith("{"):
            return Rejected(str(status), words[:200])
        if status == 429:
            pause = pause_told(error.response.headers) or LONGEST_PAUSE_S
            return Transient("the market data were asked too fast", pause)
        return Transient(f"the market data answered {status}")

    def _client(self) -> Any:
        if getattr(self._own, "pid", None) != os.getpid():
            self._own.client, self._own.pid = _connected(self._source), os.getpid()
        return self._own.client


def _connected(to: Source) -> Any:
    url = to.url.rstrip("/").removesuffix("/v2")
    client = StockHistoricalDataClient(to.key, to.secret, raw_data=True, url_override=url)
    # The library knows no time-out, and waits 3 s before each of its own repeats.
    client._retry, client._retry_codes = 0, []
    session: Any = client._session
    session.adapters.clear()
    session.mount(f"{urlsplit(url).scheme}://", _Transport(to))
    if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}:
        session.trust_env = False
    return client


class _Transport:
    """What a session sends through, with our time-outs."""

    def __init__(self, to: Source) -> None:
        self._inner = HTTPAdapter(pool_connections=1, pool_maxsize=1)
        self._timeout = (to.connect_timeout_s, to.read_timeout_s)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        return self._inner.send(request, **options | {"timeout": self._timeout})

    def close(self) -> None:
        self._inner.close()


def _sort_out(
    symbol: str, value: object, good: dict[tuple[str, datetime], Bar], bad: list[BadEntry]
) -> None:
    try:
        bar = alpaca_json.bar(symbol, value)
        if (symbol, bar.at) in good:
            raise InvalidData(f"a second bar at {bar.at:%H:%M:%S}")
        good[symbol, bar.at] = bar
    except InvalidData as why:
        bad.append(alpaca_json.bad_entry(symbol, why, value))


def _may_pass_soon(error: BaseException) -> bool:
    """Say whether a request may be made again at once: not where a rate limit asks for a pause."""
    return isinstance(error, Transient) and error.retry_after_s is None


def _pause(state: RetryCallState) -> float:
    return float(0.2 * 2 ** (state.attempt_number - 1))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
