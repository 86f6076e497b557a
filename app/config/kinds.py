"""Kinds of values: what each setting's text means, and what to say where it means nothing."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.engine.book import Price
from app.engine.events import EventKind

_TICKER = re.compile(r"[A-Z]{1,5}(\.[A-Z])?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e-?[0-9]{1,3})?", re.IGNORECASE)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value; ``parse`` raises ValueError for what is not ``accepted``."""

    accepted: str
    parse: Callable[[str], Any]


def _flag(text: str) -> bool:
    words = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


FLAG = Kind("0 or 1", _flag)
TEXT = Kind("any text", str)
PATH = Kind("a path", lambda text: Path(text).expanduser())


def choice(*words: str) -> Kind:
    """One of the words, spelt like that."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Kind(" or ".join(words), parse)


def count(low: int, high: int) -> Kind:
    """A whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Kind(f"a whole number from {low} to {high}", parse)


def _exact(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def number(low: str, high: str) -> Kind:
    """A float from ``low`` to ``high``."""

    def parse(text: str) -> float:
        if not Decimal(low) <= _exact(text) <= Decimal(high):
            raise ValueError(text)
        return float(text)

    return Kind(f"a number from {low} to {high}", parse)


def amount(low: str, high: str) -> Kind:
    """An exact sum of money from ``low`` to ``high``."""

    def parse(text: str) -> Decimal:
        if not Decimal(low) <= (exact := _exact(text)) <= Decimal(high):
            raise ValueError(text)
        return exact

    return Kind(f"an amount from {low} to {high}", parse)


def share(below: str, *, included: bool = False) -> Kind:
    """An exact share of something: more than nothing, less than (or up to) ``below``."""

    def parse(text: str) -> Decimal:
        exact = _exact(text)
        if not (0 < exact < Decimal(below) or (included and exact == Decimal(below))):
            raise ValueError(text)
        return exact

    ceiling = f"at most {below}" if included else f"less than {below}"
    return Kind(f"a share above 0 and {ceiling} (0.015 is 1.5 %)", parse)


def duration(unit: str, *, least: str = "0.001", most: str = "86400") -> Kind:
    """A length of time, counted in ``unit`` (seconds or minutes)."""

    def parse(text: str) -> timedelta:
        exact = _exact(text)
        if not Decimal(least) <= exact <= Decimal(most):
            raise ValueError(text)
        return timedelta(**{unit: float(exact)})

    return Kind(f"{unit}, from {least} to {most}", parse)


def _ticker(text: str) -> str:
    if not _TICKER.fullmatch(text):
        raise ValueError(text)
    return text


def _words(text: str) -> list[str]:
    return [] if text == "none" else [word.strip() for word in text.split(",")]


def _unique(items: list[Any]) -> tuple[Any, ...]:
    if len(set(items)) != len(items):
        raise ValueError("named twice")
    return tuple(items)


def _tickers(text: str) -> tuple[str, ...]:
    return _unique([_ticker(word) for word in _words(text)])


def _pair(text: str) -> tuple[str, str]:
    first, second = (_ticker(part.strip()) for part in text.split(":"))
    if first == second:
        raise ValueError(text)
    return first, second


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return _unique([_pair(word) for word in _words(text)])


def _map(text: str) -> Mapping[str, str]:
    pairs = _pairs(text)
    _unique([first for first, _ in pairs])
    return dict(pairs)


def _weight(text: str) -> tuple[str, float]:
    name, value = (part.strip() for part in text.split(":"))
    if not _WORD.fullmatch(name) or not 0 <= _exact(value) <= 1:
        raise ValueError(text)
    return name, float(value)


def _weights(text: str) -> Mapping[str, float]:
    weights = [_weight(word) for word in _words(text)]
    _unique([name for name, _ in weights])
    return dict(weights)


def _basket(text: str) -> tuple[str, str, tuple[str, ...]]:
    name, etf, members = (part.strip() for part in text.split(":"))
    if not _WORD.fullmatch(name):
        raise ValueError(text)
    return name, _ticker(etf), _unique([_ticker(member.strip()) for member in members.split("+")])


def _baskets(text: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    baskets = [_basket(word) for word in _words(text)]
    _unique([name for name, _, _ in baskets])
    return tuple(baskets)


def _delays(text: str) -> tuple[float, ...]:
    seconds = tuple(float(_exact(item.strip())) for item in text.split(","))
    if not all(0 < second <= 600 for second in seconds) or sorted(seconds) != list(seconds):
        raise ValueError(text)
    return seconds


def _events(text: str) -> tuple[str, ...]:
    return _unique([EventKind(word).value for word in _words(text)])


def _leverage(text: str) -> Mapping[str, Decimal]:
    pairs = [word.split(":") for word in _words(text)]
    times = {_ticker(fund.strip()): _exact(number.strip()) for fund, number in pairs}
    if len(times) != len(pairs) or not all(1 <= abs(number) <= 10 for number in times.values()):
        raise ValueError(text)
    return times


def _prices(text: str) -> Mapping[str, Price]:
    # From the right: a model's own name may have colons in it.
    entries = [word.strip().rsplit(":", 2) for word in text.split(",")]
    usd = amount("0", "1000000").parse
    prices = {name: Price(usd(sent), usd(answered)) for name, sent, answered in entries}
    if len(prices) != len(entries) or not all(re.fullmatch(r"[!-~]+", name) for name in prices):
        raise ValueError(text)
    return prices


EVENTS = Kind(f"of {', '.join(EventKind)}, each once, or none", _events)
LEVERAGE = Kind("FUND:TIMES separated by commas, -10 to -1 or 1 to 10, or none", _leverage)
PRICES = Kind("MODEL:SENT:ANSWERED separated by commas, each model once", _prices)
DELAYS = Kind("seconds above 0 up to 600, rising, separated by commas", _delays)
TICKERS = Kind("tickers in capitals separated by commas, each once, or none", _tickers)
PAIRS = Kind("pairs of tickers such as QQQ:SQQQ, separated by commas, each once, or none", _pairs)
MAP = Kind("ETF:OPPOSITE separated by commas, each ETF once, or none", _map)
WEIGHTS = Kind("name:weight separated by commas, each weight from 0 to 1", _weights)
BASKETS = Kind("NAME:ETF:MEMBER+MEMBER separated by commas, each name once, or none", _baskets)


def names(text: str) -> tuple[str, ...]:
    """Return words separated by commas, each once and at least one."""
    words = [word.strip() for word in text.split(",")]
    if not all(_WORD.fullmatch(word) for word in words):
        raise ValueError(text)
    return _unique(words)


NAMES = Kind("names separated by commas, each once", names)


def url(*schemes: str, host: bool = True) -> Kind:
    """A URL of one of the schemes; ``host`` says whether it must name one."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError where the port is none
        if parts.scheme not in schemes or (host and not parts.hostname):
            raise ValueError(text)
        return text

    return Kind(" or ".join(f"{scheme}://…" for scheme in schemes), parse)


def is_loopback(address: str) -> bool:
    """Say whether a URL leads to this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _token(text: str) -> str:
    if not re.fullmatch(r"[!-~]{8,}", text):
        raise ValueError(text)
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:-]+", text):
        raise ValueError(text)
    return text


def _redis(text: str) -> str:
    """Return the URL without a database: 0 and 1 are used, so only 0 may be named."""
    parts = urlsplit(text)
    _ = parts.port
    if parts.scheme == "unix":
        known = bool(parts.path.strip("/")) and parts.query in ("", "db=0")
        bare = text.partition("?")[0]
    else:
        known = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and not parts.query
        known = known and parts.path in ("", "/", "/0")
        bare = text.removesuffix(parts.path)
    if not known:
        raise ValueError(text)
    return bare


def _agent(text: str) -> str:
    if not re.fullmatch(r"[ -~]*\S [ -~]*[^\s@]+@[^\s@]+\.[^\s@]+", text):
        raise ValueError(text)
    return text


AGENT = Kind("a name and an e-mail address, such as Jane Doe jane@example.com", _agent)
TOKEN = Kind("at least 8 characters without blanks", _token)
HOST = Kind("an address or a host's name", _host)
REDIS = Kind("redis://host:port, rediss://host:port or unix:///path, without a database", _redis)
