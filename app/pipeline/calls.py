"""Calls to the market data: a token for each request, and silence for as long as it asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from app.engine.errors import Transient
from app.io.feeds.port import Take, Throttled
from app.pipeline.services import Services

#: The rate limits whose calls one limit of the market data counts together.
MARKET_DATA = ("quotes.tier_a", "quotes.tier_b", "quotes.reserve", "history")


def take(to: Services, bucket: str) -> None:
    """Take a token for one request. Raises Throttled where there is none."""
    grant = to.buckets.take(bucket, to.clock.now())
    if not grant.allowed:
        raise Throttled(f"refused by the rate limit {bucket}", grant.retry_after_s)


def taker(to: Services, bucket: str, paid: int = 0) -> Take:
    """Return what a source calls before each request; the first ``paid`` have a token already."""
    made = 0

    def asked() -> None:
        nonlocal made
        made += 1
        if made > paid:
            take(to, bucket)

    return asked


@contextmanager
def heeding(to: Services) -> Iterator[None]:
    """Leave the market data alone for as long as a failed call says, and pass its error on."""
    try:
        yield
    except Throttled:
        raise
    except Transient as error:
        if error.retry_after_s:
            until = to.clock.now() + timedelta(seconds=error.retry_after_s)
            for bucket in MARKET_DATA:
                to.buckets.penalise(bucket, until)
        raise
