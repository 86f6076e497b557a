"""What comes in from outside: quotes and bars, news and filings."""

from collections.abc import Callable

from app.io.feeds.port import QuoteSource, Source


# A source's client library is imported when that source is asked for, not before.
def _alpaca(source: Source, plan: str) -> QuoteSource:
    from app.io.feeds.quotes_alpaca import AlpacaQuotes

    return AlpacaQuotes(source, plan)


#: By broker; the second argument is the plan of market data that the account has.
FEEDS: dict[str, Callable[[Source, str], QuoteSource]] = {
    "alpaca": _alpaca,
}
