"""A world's happenings as people and tests are shown them, the future ones too."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from app.sim.happenings import Article, Filing, Happenings
from app.sim.times import in_new_york, rfc3339


def listing(happenings: Happenings, now: float, given: str | None) -> dict[str, Any]:
    """Return what happens on a day (``all``: on every day; None: today) and how much of what.

    Raises ValueError for what is no day.
    """
    today = in_new_york(now).date()
    day = None if given == "all" else date.fromisoformat(given) if given else today
    articles = [a for a in happenings.articles if day in (None, in_new_york(a.at).date())]
    filings = [f for f in happenings.filings if day in (None, in_new_york(f.at).date())]
    return {
        "date": "all" if day is None else day.isoformat(),
        "counts": {
            "articles": _counted(a.kind for a in articles),
            "filings": _counted(f.form for f in filings),
            "filings_of_the_market": sum(f.symbol != "" for f in filings),
            "hostile": sum(a.hostile for a in articles) + sum(f.hostile for f in filings),
        },
        "articles": [_article(a, now) for a in articles],
        "filings": [_filing(f, now) for f in filings],
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _article(article: Article, now: float) -> dict[str, Any]:
    return {
        "at": rfc3339(article.at),
        "told": article.at <= now,
        "id": article.id,
        "kind": article.kind,
        "title": article.title.encode("utf-8", "replace").decode(),
        "symbols": list(article.symbols),
        "tone": article.tone,
        "url": article.url,
        "wire": article.wire,
        "hostile": article.hostile,
        "recorded": article.recorded,
    }


def _filing(filing: Filing, now: float) -> dict[str, Any]:
    return {
        "at": rfc3339(filing.at),
        "told": filing.at <= now,
        "form": filing.form,
        "accession": filing.accession,
        "symbol": filing.symbol,
        "parties": [{"name": p.name, "cik": p.cik, "role": p.role} for p in filing.parties],
        "items": list(filing.items),
        "hostile": filing.hostile,
    }
