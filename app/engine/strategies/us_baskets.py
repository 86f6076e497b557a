"""US baskets: each symbol's technical score through the gates."""

from dataclasses import replace

import numpy as np

from app.engine import gates
from app.engine.book import Book
from app.engine.candidates import Candidate, SignalContext
from app.engine.ids import signal_id
from app.engine.market import Panel
from app.engine.opinions import Question
from app.engine.score import Scores, technical
from app.engine.signals import Signal
from app.engine.state import BookState, LastSignal
from app.engine.strategies.port import Decision, SignalInputs
from app.engine.verdicts import Judged


def decide(book: Book, state: BookState, inputs: SignalInputs) -> Decision:
    """Score the panel, ask the gates, and remember the direction of what passed.

    A signal carries its symbol's own sign. That a signal on an inverse ETF is evidence with its
    sign reversed is the router's business: ``baskets.evidence_score``.
    """
    scores = technical(inputs.panel, book.signals.weights)
    context = SignalContext(inputs.at, inputs.hours, book.signals)
    judged: list[Judged] = []
    signals: list[Signal] = []
    for candidate in _candidates(book, state, inputs, scores):
        name = signal_id(book.id, candidate.symbol, inputs.slot)
        verdicts = gates.judge(candidate, context)
        judged += [(candidate.symbol, f"signal:{name}", verdict) for verdict in verdicts]
        if verdicts[-1].passed:
            signals.append(_signal(book, inputs, candidate, scores))
    newest = {s.symbol: LastSignal(s.at, 1 if s.score > 0 else -1) for s in signals}
    remembered = replace(state, last_signals={**state.last_signals, **newest})
    return Decision(remembered, tuple(signals), tuple(judged))


def questions(book: Book, inputs: SignalInputs) -> tuple[Question, ...]:
    """Return what the model should be asked about before the scores are judged."""
    return ()


def _candidates(
    book: Book, state: BookState, inputs: SignalInputs, scores: Scores
) -> list[Candidate]:
    """Return a candidate for each symbol of the book or the panel, by name."""
    rows = {symbol: row for row, symbol in enumerate(inputs.panel.symbols)}
    symbols = sorted({*book.universe.symbols, *rows, *inputs.held})
    return [
        Candidate(
            symbol=symbol,
            score=float(scores.score[rows[symbol]]) if symbol in rows else float("nan"),
            price=_last_close(inputs.panel, rows.get(symbol)),
            bars=_bars(inputs.panel, rows.get(symbol)),
            due=symbol in inputs.due or symbol in inputs.held,
            quoted_at=inputs.quoted_at.get(symbol),
            last=state.last_signals.get(symbol),
        )
        for symbol in symbols
    ]


def _last_close(panel: Panel, row: int | None) -> float:
    has_bars = row is not None and panel.close.shape[1] > 0
    return float(panel.close[row, -1]) if has_bars else float("nan")


def _bars(panel: Panel, row: int | None) -> int:
    return 0 if row is None else int(np.count_nonzero(np.isfinite(panel.close[row])))


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
