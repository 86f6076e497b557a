"""Calls to Alpaca through its client library: time-outs, one request a write, few a read."""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from requests.adapters import HTTPAdapter
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
)

from app.adapters.alpaca import outcomes
from app.adapters.port import Connection
from app.engine.errors import AppError, InvalidData, OutcomeUnknown, Transient

T = TypeVar("T")

READ_ATTEMPTS = 4

#: Whatever a hostile or broken answer makes the client raise besides APIError.
_BROKEN = (OSError, ValueError, RecursionError, urllib3.exceptions.HTTPError)


class Wire:
    """A line to Alpaca; safe across forks and threads, each of which gets a client of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = _checked(connection)
        self._own = threading.local()

    def read(self, path: str, parse: Callable[[object], T], **query: str | int) -> T:
        """GET and parse, again after a pause while nothing better than Transient comes back."""
        again: Any = Retrying(
            retry=retry_if_exception_type(Transient),
            stop=stop_any(
                stop_after_attempt(READ_ATTEMPTS),
                stop_before_delay(self._connection.read_timeout_s),
            ),
            wait=_pause,
            reraise=True,
        )
        answer: T = again(self._read_once, path, parse, query)
        return answer

    def write(
        self,
        method: str,
        path: str,
        parse: Callable[[object], T],
        body: Mapping[str, object] | None,
    ) -> T:
        """Send one request that may change something, and never a second one."""
        send = getattr(self._client(), method)
        try:
            return parse(send(path, body) if body is not None else send(path))
        except InvalidData as error:
            raise OutcomeUnknown(f"the broker's answer cannot be read: {error}") from error
        except APIError as error:
            raise self._translated(error, outcomes.of_write) from None
        except _BROKEN as error:
            if outcomes.never_sent(error):
                raise Transient(f"the broker cannot be reached: {_named(error)}") from error
            raise OutcomeUnknown(f"the broker's answer was lost: {_named(error)}") from error

    def _read_once(self, path: str, parse: Callable[[object], T], query: Mapping[str, Any]) -> T:
        try:
            return parse(self._client().get(path, dict(query)))
        except InvalidData as error:
            raise Transient(f"the broker's answer cannot be read: {error}") from error
        except APIError as error:
            raise self._translated(error, outcomes.of_read) from None
        except _BROKEN as error:
            raise Transient(f"the broker did not answer: {_named(error)}") from error

    def _translated(self, error: Any, judge: Callable[[outcomes.Failure], AppError]) -> AppError:
        response = error.response
        body = str(error)
        for secret in (self._connection.secret, self._connection.key):
            body = body.replace(secret, "***")
        return judge(outcomes.failure(response.status_code, body, response.headers))

    def _client(self) -> Any:
        if getattr(self._own, "pid", None) != os.getpid():
            self._own.client, self._own.pid = _connected(self._connection), os.getpid()
        return self._own.client


def _connected(to: Connection) -> Any:
    client = TradingClient(to.key, to.secret, raw_data=True, url_override=to.url)
    # The library knows no time-out, and sends a POST again after 429 and 504.
    client._retry, client._retry_codes = 0, []
    session: Any = client._session
    session.adapters.clear()
    session.mount(f"{urlsplit(to.url).scheme}://", _Transport(to))
    if urlsplit(to.url).hostname in {"localhost", "127.0.0.1", "::1"}:
        session.trust_env = False
    return client


class _Transport:
    """What a session sends through, with our time-outs, and a redirect for an error."""

    def __init__(self, to: Connection) -> None:
        self._inner = HTTPAdapter(pool_connections=1, pool_maxsize=1)
        self._timeout = (to.connect_timeout_s, to.read_timeout_s)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = self._inner.send(request, **options | {"timeout": self._timeout})
        if 300 <= response.status_code < 400:
            # The library takes one with an empty body for a success.
            response.close()
            raise requests.TooManyRedirects(f"redirected with {response.status_code}")
        return response

    def close(self) -> None:
        self._inner.close()


def _checked(connection: Connection) -> Connection:
    parts = urlsplit(connection.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidData("the broker's URL must start with http:// or https:// and name a host")
    for name, value in (("key", connection.key), ("secret", connection.secret)):
        if not (value.isascii() and value.isprintable() and value.strip() == value != ""):
            raise InvalidData(
                f"the broker's {name} is empty or holds characters no header can carry"
            )
    url = connection.url.rstrip("/").removesuffix("/v2")
    return Connection(
        url,
        connection.key,
        connection.secret,
        connection.connect_timeout_s,
        connection.read_timeout_s,
    )


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = error.retry_after_s if isinstance(error, Transient) else None
    return told if told is not None else float(0.2 * 2 ** (state.attempt_number - 1))


def _named(error: Exception) -> str:
    # The text of a transport's error may quote a URL; its kind is enough.
    return type(error).__name__
