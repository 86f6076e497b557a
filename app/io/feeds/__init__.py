"""What comes in from outside: quotes and bars, news and filings."""

from collections.abc import Callable

from app.io.feeds.port import QuoteSource, Source


# A source's client library is imported when that source is asked for, not before.
def _alpaca(source: Source) -> QuoteSource:
    from app.io.feeds.quotes_alpaca import AlpacaQuotes

    return AlpacaQuotes(source)


FEEDS: dict[str, Callable[[Source], QuoteSource]] = {
    "alpaca": _alpaca,
}
