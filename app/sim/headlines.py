"""Recorded headlines: a CSV file of published_utc, tickers, title, source, url."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from app.engine.errors import InvalidData
from app.sim import words
from app.sim.happenings import Article
from app.sim.times import parse

COLUMNS = ("published_utc", "tickers", "title", "source", "url")
LARGEST_BYTES = 20_000_000
#: Words of a title that say what it is about, as Alpha Vantage names topics.
_TOPICS = tuple(
    (name, re.compile(rf"\b(?:{signs})\b", re.IGNORECASE))
    for name, signs in (
        ("Economy - Monetary", "fed|federal reserve|fomc|powell|rate (?:cut|hike)s?"),
        ("Earnings", "earnings|results|revenue|guidance|quarter"),
        ("Technology", "ai|chips?|tech|technology|software|nvidia|apple|microsoft|tesla"),
    )
)


def found_beside(bars: Path) -> tuple[Path, ...]:
    """Return the headline files of a collection of recordings that a folder of bars is part of."""
    return tuple(sorted((bars.resolve().parent.parent / "news").glob("headlines_*.csv")))


def read_headlines(files: Sequence[Path]) -> list[Article]:
    """Return every headline of the files, oldest first. Raises InvalidData naming file and row."""
    articles = [article for file in files for article in _read(file)]
    ordered = sorted(articles, key=lambda a: (a.at, a.title))
    return [
        replace(article, id=int(a_id)) for a_id, article in enumerate(ordered, start=40_000_000)
    ]


def _read(file: Path) -> Iterator[Article]:
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise InvalidData(
                f"--news {file}: larger than {LARGEST_BYTES:,} bytes; give a part of it"
            )
        with file.open(newline="", encoding="utf-8", errors="replace") as text:
            rows = csv.DictReader(text)
            if missing := [c for c in COLUMNS if c not in (rows.fieldnames or ())]:
                raise InvalidData(
                    f"--news {file}: no column {missing[0]}; needed: {', '.join(COLUMNS)}"
                )
            for number, row in enumerate(rows, start=2):
                yield _article(file, number, row)
    except OSError as error:
        raise InvalidData(f"--news {file}: {error.strerror}; give a file of headlines") from None
    except csv.Error as error:
        raise InvalidData(f"--news {file}: not a CSV file: {error}") from None


def _article(file: Path, number: int, row: dict[str, str]) -> Article:
    try:
        at = parse(row["published_utc"] or "")
    except ValueError:
        raise InvalidData(
            f"--news {file} row {number}: published_utc {row['published_utc']!r} is no time;"
            " write it as 2026-03-20T14:30:00Z"
        ) from None
    title, symbols = row["title"] or "", (row["tickers"] or "").split()
    tone, _ = words.tone(title)
    relevance = round(1 / len(symbols) ** 0.5, 6) if symbols else 0.0
    topics = [(name, 0.9) for name, signs in _TOPICS if signs.search(title)]
    return Article(
        id=0,
        at=at,
        kind="recorded",
        title=title,
        summary="",
        source=row["source"] or "",
        domain=urlsplit(row["url"] or "").hostname or "",
        url=row["url"] or "",
        tone=tone,
        topics=(*topics, ("Financial Markets", 0.6)),
        tickers=tuple((symbol, relevance, tone) for symbol in symbols),
        recorded=True,
    )
