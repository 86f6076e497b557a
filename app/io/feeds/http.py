"""One bounded GET: a deadline, a size limit, no redirect, and no address in an error."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

import httpx

from app.engine.errors import InvalidData, Transient
from app.io.clock import monotonic

#: Wall seconds: to connect, to wait for the next bytes, and for everything that one fetch asks.
CONNECT_S, READ_S, FETCH_S = 3.0, 5.0, 10.0
LARGEST_BODY = 8_000_000

# The library logs the address of every request, and an address can hold a key.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: its status, its media type in small letters, its pause, and its bytes."""

    status: int
    type: str
    retry_after_s: float | None
    body: bytes


class Web:
    """A client for one fetch from one host, within one deadline."""

    def __init__(self, name: str, client: httpx.Client, fetch_s: float) -> None:
        self._name = name
        self._client = client
        self._until = monotonic() + fetch_s

    def get(
        self, path: str, query: Mapping[str, str | int], most_bytes: int = LARGEST_BODY
    ) -> Answer:
        """Return the answer, of any status. Raises Transient where none came within the limits."""
        try:
            with self._client.stream("GET", path, params=query) as told:
                body = self._read(told, most_bytes)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise Transient(f"{self._name} did not answer: {type(error).__name__}") from None
        media = Message()
        media["content-type"] = told.headers.get("content-type", "")
        return Answer(told.status_code, media.get_content_type(), _pause(told.headers), body)

    def _read(self, told: httpx.Response, most_bytes: int) -> bytes:
        body = bytearray()
        for piece in told.iter_bytes():
            body += piece
            if len(body) > most_bytes:
                raise Transient(f"{self._name} answered more than {most_bytes} bytes")
            if monotonic() > self._until:
                raise Transient(f"{self._name} was too slow")
        return bytes(body)


@contextmanager
def web(name: str, url: str, headers: Mapping[str, str], fetch_s: float = FETCH_S) -> Iterator[Web]:
    """Yield a client for requests below ``url``."""
    local = urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}
    waits = httpx.Timeout(READ_S, connect=CONNECT_S)
    kept = {"Accept-Encoding": "gzip, deflate", **headers}
    with httpx.Client(
        base_url=url, headers=kept, timeout=waits, trust_env=not local, follow_redirects=False
    ) as client:
        yield Web(name, client, fetch_s)


def checked(url: str, setting: str) -> str:
    """Return an http or https URL that names a host. Raises InvalidData naming its setting."""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return url.rstrip("/")
    raise InvalidData(f"{setting} must start with http:// or https:// and name a host")


def _pause(headers: httpx.Headers) -> float | None:
    """Read Retry-After in seconds; its other form, a date, is not worth a clock."""
    said = headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdecimal() and len(said) < 6 else None
