"""What happens in a world beside its prices: articles and filings, each at its moment."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Article:
    """A piece of news that appears at ``at`` (epoch seconds).

    ``topics`` and ``tickers`` are names with their relevance in (0, 1]; a ticker has its own tone
    too. ``wire``: Alpaca carries it as well as Alpha Vantage. ``kind`` is why the world made it;
    ``recorded`` says that the world did not.
    """

    id: int
    at: float
    kind: str
    title: str
    summary: str
    source: str
    domain: str
    url: str
    tone: float
    topics: tuple[tuple[str, float], ...]
    tickers: tuple[tuple[str, float, float], ...]
    wire: bool = True
    hostile: bool = False
    recorded: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols of the market; a currency is none."""
        return tuple(ticker for ticker, _, _ in self.tickers if ":" not in ticker)


@dataclass(frozen=True, slots=True)
class Party:
    """Who is named by a filing: a company or a person, and in which role."""

    name: str
    cik: int
    role: str


@dataclass(frozen=True, slots=True)
class Filing:
    """A filing, accepted at ``at``; it is listed once for each of its parties.

    ``symbol`` is empty for companies that are not in the market.
    """

    at: float
    form: str
    accession: str
    parties: tuple[Party, ...]
    symbol: str
    items: tuple[str, ...] = ()
    size: str = "12 KB"
    hostile: bool = False


class Happenings:
    """Everything that happens, in order of time; nobody is told of anything before its moment.

    ``seed`` is what it was drawn from, and what readers of it draw from.
    """

    def __init__(
        self, articles: Sequence[Article] = (), filings: Sequence[Filing] = (), seed: int = 0
    ) -> None:
        self.seed = seed
        self.articles = tuple(sorted(articles, key=lambda a: (a.at, a.id)))
        self.filings = tuple(sorted(filings, key=lambda f: (f.at, f.accession)))
        self._told_at = [article.at for article in self.articles]
        self._accepted_at = [filing.at for filing in self.filings]

    def told(self, since: float, now: float) -> Sequence[Article]:
        """Return the articles of [since, now], oldest first."""
        return self.articles[bisect_left(self._told_at, since) : bisect_right(self._told_at, now)]

    def told_after(self, since: float, now: float) -> Sequence[Article]:
        """Return the articles of (since, now], oldest first."""
        return self.articles[bisect_right(self._told_at, since) : bisect_right(self._told_at, now)]

    def accepted(self, since: float, now: float) -> Sequence[Filing]:
        """Return the filings of [since, now], oldest first."""
        first = bisect_left(self._accepted_at, since)
        return self.filings[first : bisect_right(self._accepted_at, now)]


def entries(filings: Sequence[Filing]) -> Iterator[tuple[Filing, Party]]:
    """Yield a list's entries, newest first: one for each party of each filing."""
    for filing in reversed(filings):
        for party in filing.parties:
            yield filing, party
