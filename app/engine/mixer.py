"""The mixer: technical, news, filing and model evidence become one score per symbol, in bounds.

Each source s has a value v in [-1, 1], a weight w from the settings, and a freshness f in [0, 1].
A text's weight is u = relevance x 2^(-age / half-life), so that it loses half in a half-life:

    v = sum(u x tone) / sum(u)              f = the largest u
    mixed = sum(w x f x v) / sum(w x f)     the technical score always has f = 1

Without texts the technical score stands alone. What the model says of a text (stance x
confidence) is weighed as the text's tone is, by the age of the text: an answer makes old news no
newer. Then three bounds hold, whatever the texts say:

    |mixed without model - technical| <= text_bound
    |mixed - mixed without model| <= model_bound,   |mixed - technical| <= text_bound
    mixed in [-1, 1];  a technical score of NaN stays NaN

Sums are exact before they are rounded, so that the order of events is of no importance.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum

import numpy as np

from app.engine.book import Book
from app.engine.events import NEWS, Event, EventKind
from app.engine.market import Floats
from app.engine.opinions import Opinion
from app.engine.score import Scores

#: Evidence older than so many half-lives (a weight below 2 %) is none.
HALF_LIVES = 6

#: (value, weight) of one piece of evidence.
_Piece = tuple[float, float]
#: Pieces by symbol; None is the whole market.
_Pieces = Mapping[str | None, list[_Piece]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was known at ``at`` besides prices; what became known later is left out."""

    at: datetime
    events: tuple[Event, ...] = ()
    opinions: tuple[Opinion, ...] = ()


def lasts(book: Book) -> timedelta:
    """Return how far back evidence must be loaded so that none is missing."""
    mixer = book.mixer
    return max(mixer.news_half_life, mixer.filing_half_life, mixer.model_half_life) * HALF_LIVES


def mix(book: Book, technical: Scores, evidence: Evidence) -> Scores:
    """Return mixed scores; components are the features, ``news``, ``filing`` and ``model``.

    The components add up to the score: a source's is its share of the weighted mean, in step with
    the bounds; the model's is what it moved the score by.
    """
    with np.errstate(invalid="ignore"):
        return _mix(book, technical, evidence)


def _mix(book: Book, technical: Scores, evidence: Evidence) -> Scores:
    weights, bound = book.mixer.weights, book.mixer.text_bound
    own = technical.score
    known = tuple(_known(book, evidence))
    texts = {
        name: _reading(book, technical.symbols, _texts(book, evidence.at, known, name))
        for name in ("news", "filing")
    }
    total = np.full(len(own), weights["technical"])
    drawn = {name: weights[name] * fresh for name, (_, fresh) in texts.items()}
    for share in drawn.values():
        total = total + share
    moves = {name: drawn[name] / total * (value - own) for name, (value, _) in texts.items()}
    wished = moves["news"] + moves["filing"]
    without = _within(own, own + wished, bound)
    kept = np.divide(without - own, wished, out=np.ones_like(own), where=wished != 0)
    said, fresh = _reading(book, technical.symbols, _opinions(book, evidence, known))
    heard = weights["model"] * fresh
    raw = own + wished + heard / (total + heard) * (said - own - wished)
    mixed = _within(own, _within(without, raw, book.mixer.model_bound), bound)
    mixed = np.where(heard > 0, mixed, without)
    parts = {name: kept * drawn[name] / total * texts[name][0] for name in texts}
    left = 1 - kept * (drawn["news"] + drawn["filing"]) / total
    features = {name: part * left for name, part in technical.components.items()}
    return Scores(technical.symbols, mixed, {**features, **parts, "model": mixed - without})


def _within(of: Floats, wished: Floats, bound: float) -> Floats:
    """Return what is wished for, at most ``bound`` from ``of`` and within [-1, 1]."""
    return np.clip(np.clip(wished, of - bound, of + bound), -1.0, 1.0)


def _reading(book: Book, symbols: tuple[str, ...], pieces: _Pieces) -> tuple[Floats, Floats]:
    """Return value and freshness by symbol; of what nothing was said both are 0.

    What is said of the market counts for every symbol, reversed for inverse ETFs: they fall when
    the market rises.
    """
    value, fresh = np.zeros(len(symbols)), np.zeros(len(symbols))
    market = pieces.get(None, [])
    reversed_ = [(-tone, weight) for tone, weight in market]
    for row, symbol in enumerate(symbols if pieces else ()):
        about = reversed_ if symbol in book.universe.inverse else market
        found = [*pieces.get(symbol, []), *about]
        if found:
            total = fsum(weight for _, weight in found)
            value[row] = fsum(tone * weight for tone, weight in found) / total
            fresh[row] = max(weight for _, weight in found)
    return value, fresh


def _texts(book: Book, at: datetime, known: Iterable[Event], source: str) -> _Pieces:
    """Return the tones of a source's events; one without, or not yet, says nothing by itself."""
    mixer = book.mixer
    kinds, half_life = (
        (NEWS, mixer.news_half_life)
        if source == "news"
        else (frozenset({EventKind.EDGAR}), mixer.filing_half_life)
    )
    return _by_symbol(
        (event.symbol, event.tone, _weight(event.relevance, at - event.at, half_life))
        for event in known
        if event.kind in kinds
        and event.tone is not None
        and (event.tone_at or event.first_seen_at) <= at
    )


def _opinions(book: Book, evidence: Evidence, known: Iterable[Event]) -> _Pieces:
    """Return the model's newest answer about each event and symbol, if the event is known."""
    about = {event.id: event for event in known}
    newest: dict[tuple[str, str], Opinion] = {}
    for opinion in sorted(evidence.opinions, key=lambda o: (o.at, o.call)):
        if opinion.event_id in about and opinion.at <= evidence.at:
            newest[opinion.symbol, opinion.event_id] = opinion
    half_life = book.mixer.model_half_life
    return _by_symbol(
        (
            o.symbol,
            o.stance * o.confidence if 0 <= o.confidence <= 1 else float("nan"),
            _weight(about[o.event_id].relevance, evidence.at - about[o.event_id].at, half_life),
        )
        for o in newest.values()
    )


def _known(book: Book, evidence: Evidence) -> Iterator[Event]:
    """Yield each event once that was known at the time and is relevant enough."""
    for event in {event.id: event for event in evidence.events}.values():
        seen = event.first_seen_at <= evidence.at
        if seen and book.events.min_relevance <= event.relevance <= 1:
            yield event


def _by_symbol(said: Iterable[tuple[str | None, float, float]]) -> _Pieces:
    pieces: dict[str | None, list[_Piece]] = {}
    for symbol, tone, weight in said:
        if -1 <= tone <= 1 and 0 < weight <= 1:
            pieces.setdefault(symbol, []).append((tone, weight))
    return pieces


def _weight(relevance: float, age: timedelta, half_life: timedelta) -> float:
    """Return what a text weighs; a source's clock may be ahead of ours: its age is then 0."""
    lives = max(age / half_life, 0.0)
    return float(relevance * 2.0**-lives) if lives <= HALF_LIVES else 0.0
