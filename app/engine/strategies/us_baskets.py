"""US baskets: each symbol's score, mixed from prices and texts, through the gates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from app.engine import gates, quality
from app.engine.book import Book
from app.engine.candidates import Candidate, SignalContext
from app.engine.events import Event
from app.engine.ids import signal_id
from app.engine.market import Panel
from app.engine.mixer import Evidence, mix
from app.engine.model import asking
from app.engine.quality import Flaw
from app.engine.score import Scores, technical
from app.engine.signals import Signal
from app.engine.state import BookState, LastSignal
from app.engine.strategies.port import Asking, Decision, SignalInputs
from app.engine.verdicts import Judged


@dataclass(frozen=True, slots=True)
class Reading:
    """Technical scores, what is wrong with which symbol's bars, and how many bars each has."""

    own: Scores
    flaws: Mapping[str, Flaw]
    bars: Mapping[str, int]


def read(book: Book, inputs: SignalInputs) -> Reading:
    """Return what the panel says."""
    panel = inputs.panel
    counts = np.count_nonzero(np.isfinite(panel.close), axis=1).tolist()
    return Reading(
        technical(panel, book.signals.weights),
        quality.flaws(panel, book.signals.max_bar_move),
        dict(zip(panel.symbols, counts, strict=True)),
    )


def questions(book: Book, inputs: SignalInputs, reading: Reading) -> Asking:
    """Return what the model should be asked before the scores are judged.

    Scores are mixed without the model, and only of symbols that the gates admit: nobody pays for
    an answer that no signal waits for.
    """
    if not inputs.events:
        return Asking()
    mixed = mix(book, reading.own, Evidence(inputs.at, inputs.events))
    context = SignalContext(inputs.at, inputs.hours, book, inputs.entries)
    candidates = _candidates(book, BookState(), inputs, (reading, mixed))
    scores = {c.symbol: c.score for c in candidates if gates.admits(c, context)}
    told = (book, scores, inputs.events, inputs.at, inputs.kept)
    return Asking(*asking(*told))


def decide(book: Book, state: BookState, inputs: SignalInputs, reading: Reading) -> Decision:
    """Score the panel, mix in texts, ask the gates, and remember the direction of what passed.

    A signal carries its symbol's own sign. That a signal on an inverse ETF is evidence with its
    sign reversed is the router's business: ``baskets.evidence_score``.
    """
    mixed = mix(book, reading.own, Evidence(inputs.at, inputs.events, inputs.opinions))
    context = SignalContext(inputs.at, inputs.hours, book, inputs.entries)
    judged: list[Judged] = []
    signals: list[Signal] = []
    candidates = _candidates(book, state, inputs, (reading, mixed))
    for candidate in candidates:
        name = signal_id(book.id, candidate.symbol, inputs.slot)
        verdicts = gates.judge(candidate, context)
        judged += [(candidate.symbol, f"signal:{name}", verdict) for verdict in verdicts]
        if verdicts[-1].passed:
            signals.append(_signal(book, inputs, candidate, mixed))
    newest = {s.symbol: LastSignal(s.at, 1 if s.score > 0 else -1) for s in signals}
    remembered = replace(state, last_signals={**state.last_signals, **newest})
    directions = {candidate.symbol: candidate.direction for candidate in candidates}
    return Decision(remembered, tuple(signals), tuple(judged), directions)


def _candidates(
    book: Book, state: BookState, inputs: SignalInputs, said: tuple[Reading, Scores]
) -> list[Candidate]:
    """Return a candidate for each symbol of the book or the panel, by name."""
    reading, mixed = said
    rows = {symbol: row for row, symbol in enumerate(inputs.panel.symbols)}
    symbols = sorted({*book.universe.symbols, *rows, *inputs.held})
    flaws, own = reading.flaws, reading.own
    woken = _newest_events(inputs)
    return [
        Candidate(
            symbol=symbol,
            score=float(mixed.score[rows[symbol]]) if symbol in rows else float("nan"),
            own=float(own.score[rows[symbol]]) if symbol in rows else float("nan"),
            price=_last_close(inputs.panel, rows.get(symbol)),
            bars=reading.bars.get(symbol, 0),
            due=symbol in inputs.due or symbol in inputs.held,
            held=symbol in inputs.held,
            quoted_at=inputs.quoted_at.get(symbol),
            last=state.last_signals.get(symbol),
            event_at=woken.get(symbol),
            flaw=flaws[symbol].what if symbol in flaws else None,
            unanswered=inputs.unanswered.get(symbol),
        )
        for symbol in symbols
    ]


def _newest_events(inputs: SignalInputs) -> dict[str, datetime]:
    """Return when the newest event about each symbol itself happened, of those known by now."""
    known: list[Event] = [e for e in inputs.events if e.first_seen_at <= inputs.at]
    by_time = sorted(known, key=lambda event: event.at)
    return {event.symbol: event.at for event in by_time if event.symbol is not None}


def _last_close(panel: Panel, row: int | None) -> float:
    has_bars = row is not None and panel.close.shape[1] > 0
    return float(panel.close[row, -1]) if has_bars else float("nan")


def _signal(book: Book, inputs: SignalInputs, candidate: Candidate, scores: Scores) -> Signal:
    row = scores.symbols.index(candidate.symbol)
    return Signal(
        id=signal_id(book.id, candidate.symbol, inputs.slot),
        book=book.id,
        symbol=candidate.symbol,
        slot=inputs.slot,
        at=inputs.at,
        score=candidate.score,
        price=candidate.price,
        components={name: float(part[row]) for name, part in sorted(scores.components.items())},
    )
