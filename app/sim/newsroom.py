"""A session's articles, made from its prices: what goes up is written up, mostly."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from app.sim import phrases
from app.sim.companies import COMPANIES
from app.sim.happenings import Article
from app.sim.hostile import TEXTS
from app.sim.tape import Tape
from app.sim.times import in_new_york
from app.sim.timetable import Session

#: Minutes of a move, and how many of a stock's and of a fund's are written about.
MOVE, STOCK_MOVES, FUND_MOVES = 10, 3, 1
#: Seconds from a move's first minute at which its article may appear: before it, or after.
EARLIEST, LATEST = -150, 240
#: Every so many articles about a move say the contrary of it.
CONTRARY = 0.15
#: A rate decision comes at this hour, on every third day.
DECISION_HOUR, DECISION_EVERY = 14, 3
SPEECHES, MARKET_WIDE, EARNINGS, HOSTILE = 2, 4, 2, 6
SOURCES = (
    ("Simulated Wire", "wire.example.com"),
    ("Market Example", "www.market.example"),
    ("Example Business Daily", "business.example.org"),
)
_INDEX = "SPY"
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Move:
    """What a price does in the minutes after ``at``, and which way."""

    symbol: str
    at: float
    size: float

    @property
    def way(self) -> int:
        return 1 if self.size > 0 else -1


def session_articles(
    tapes: Mapping[str, Tape], session: Session, seed: int, *, hostile_only: bool = False
) -> list[Article]:
    """Return the articles of a session; ``hostile_only`` for a day that has headlines of its own.

    The same prices, session and seed give the same articles.
    """
    random = Random(f"news {seed} {session.day}")
    symbols = [s for s in tapes if _moves(tapes[s], session, 1)]
    if not symbols:
        return []
    made = [] if hostile_only else list(_honest(random, tapes, symbols, session, seed))
    made += _hostile(random, symbols, session)
    first = int(session.open) // 60  # a day has more minutes than articles
    made.sort(key=lambda a: (a.at, a.title))
    return [_numbered(article, first + n) for n, article in enumerate(made)]


def _honest(
    random: Random, tapes: Mapping[str, Tape], symbols: list[str], session: Session, seed: int
) -> Iterator[Article]:
    stocks = [s for s in symbols if s in COMPANIES]
    moves: list[Move] = []
    for symbol in symbols:
        most = STOCK_MOVES if symbol in COMPANIES else FUND_MOVES
        moves += _moves(tapes[symbol], session, most)
    results = sorted((m for m in moves if m.symbol in stocks), key=lambda m: -abs(m.size))
    for move in moves:
        yield _about_move(random, move, earnings=move in results[:EARNINGS])
    for symbol in stocks:
        for _ in range(random.randrange(1, 3)):
            yield _idle(random, symbol, _any_time(random, session))
    index = tapes[_INDEX if _INDEX in tapes else symbols[0]]
    turns = _moves(index, session, MARKET_WIDE + SPEECHES)
    random.shuffle(turns)
    for n, turn in enumerate(turns):
        yield _fed(random, turn, "fed_speech") if n < SPEECHES else _market_wide(random, turn)
    yield from _decision(random, index, session, seed)


def _moves(tape: Tape, session: Session, most: int) -> list[Move]:
    """Return the largest move of each of ``most`` parts of a session, in order of time."""
    first, last = tape.span(session.open, session.close - 1)
    starts, closes = tape.starts[first:last], tape.close[first:last]
    if starts.size <= MOVE:
        return []
    places = np.arange(0, starts.size - MOVE, MOVE)
    sizes = np.log(closes[places + MOVE] / closes[places])
    parts = [part for part in np.array_split(np.arange(sizes.size), most) if part.size]
    largest = [part[np.argmax(np.abs(sizes[part]))] for part in parts]
    return [Move(tape.symbol, float(starts[places[i]]), float(sizes[i])) for i in largest]


def _about_move(random: Random, move: Move, earnings: bool) -> Article:
    at = move.at + random.uniform(EARLIEST, LATEST)
    way = -move.way if not earnings and random.random() < CONTRARY else move.way
    name, is_company = _name(move.symbol)
    book = phrases.EARNINGS if earnings else phrases.COMPANY if is_company else phrases.FUND
    title, summary = phrases.written(random, book[way], name, move.symbol)
    tone = way * random.uniform(0.3, 0.9)
    kind = "tech_earnings" if earnings else "company" if way == move.way else "contrary"
    topics = (("Earnings", 0.95), ("Technology", 0.9)) if earnings else (("Technology", 0.7),)
    tickers = ((move.symbol, random.uniform(0.6, 1.0), tone),)
    return _article(random, at, kind, (title, summary), tone, _financial(random, topics), tickers)


def _idle(random: Random, symbol: str, at: float) -> Article:
    """Return an article that says nothing, and often not of this symbol."""
    said = phrases.written(random, phrases.COMPANY[0], _name(symbol)[0], symbol)
    tone = max(-0.3, min(0.3, random.gauss(0.0, 0.1)))
    tickers = ((symbol, random.uniform(0.05, 0.8), tone),)
    return _article(random, at, "noise", said, tone, (("Technology", 0.6),), tickers)


def _market_wide(random: Random, turn: Move) -> Article:
    at, tone = turn.at + random.uniform(0, LATEST), turn.way * random.uniform(0.2, 0.7)
    said = phrases.written(random, phrases.MARKET[turn.way], "", turn.symbol)
    tickers = tuple((s, random.uniform(0.5, 0.8), tone) for s in (turn.symbol, "QQQ"))
    return _article(random, at, "market_news", said, tone, (("Financial Markets", 0.95),), tickers)


def _fed(random: Random, turn: Move, kind: str, at: float | None = None) -> Article:
    book = phrases.SPEECH if kind == "fed_speech" else phrases.DECISION
    at = turn.at + random.uniform(EARLIEST, 0) if at is None else at
    tone = turn.way * random.uniform(0.3, 0.8)
    said = phrases.written(random, book[turn.way], "", "")
    topics = (("Economy - Monetary", 0.98), ("Financial Markets", 0.6))
    return _article(random, at, kind, said, tone, topics, (("FOREX:USD", 0.5, tone),))


def _decision(random: Random, index: Tape, session: Session, seed: int) -> Iterator[Article]:
    hour = session.open + (DECISION_HOUR * 60 - 570) * 60
    if (session.day.toordinal() + seed) % DECISION_EVERY == 1 and hour < session.close - 60 * MOVE:
        first, last = index.span(hour, hour + 1800)
        change = float(np.log(index.close[last - 1] / index.open[first])) if last > first else 0.0
        yield _fed(random, Move(index.symbol, hour, change), "rate_decision", hour + 5)


def _hostile(random: Random, symbols: list[str], session: Session) -> Iterator[Article]:
    for title, summary, side in random.sample(TEXTS, min(HOSTILE, len(TEXTS))):
        symbol = random.choice(symbols)
        tone = 0.9 if side == "buy" else -0.9
        said = title.format(symbol=symbol), summary.format(symbol=symbol)
        topics = _financial(random, (("Technology", 0.9),))
        at, tickers = _any_time(random, session), ((symbol, 1.0, tone),)
        article = _article(random, at, "hostile", said, tone, topics, tickers)
        yield replace(article, hostile=True, wire=True)


def _financial(
    random: Random, topics: tuple[tuple[str, float], ...]
) -> tuple[tuple[str, float], ...]:
    return (*topics, ("Financial Markets", round(random.uniform(0.3, 0.8), 4)))


def _article(
    random: Random,
    at: float,
    kind: str,
    said: tuple[str, str],
    tone: float,
    topics: tuple[tuple[str, float], ...],
    tickers: tuple[tuple[str, float, float], ...],
) -> Article:
    source, domain = random.choice(SOURCES)
    return Article(
        id=0,
        at=float(int(at)),
        kind=kind,
        title=said[0],
        summary=said[1],
        source=source,
        domain=domain,
        url="",
        tone=round(tone, 6),
        topics=topics,
        tickers=tuple((t, round(r, 6), round(s, 6)) for t, r, s in tickers),
        wire=random.random() < 2 / 3,
    )


def _numbered(article: Article, number: int) -> Article:
    """Give an article its number and an address that no other has."""
    slug = _NOT_WORD.sub("-", article.title[:60].lower()).strip("-")
    day = in_new_york(article.at)
    url = f"https://{article.domain}/{day:%y/%m/%d}/{number}/{slug}"
    return replace(article, id=number, url=url)


def _any_time(random: Random, session: Session) -> float:
    return random.uniform(session.open - 300, session.close - 600)


def _name(symbol: str) -> tuple[str, bool]:
    """Return a company's name as newspapers write it, or the symbol itself."""
    found = COMPANIES.get(symbol)
    if found is None:
        return symbol, False
    words = re.sub(r",? (CORP|Inc\.|INC|COM INC)$", "", found[0])
    return words.title() if words.isupper() and len(words) > 6 else words, True
