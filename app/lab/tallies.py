"""Tallies of a run: every verdict that the steps said, counted by step, gate and reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.engine.funnel import Tally
from app.engine.orders import Intent, Purpose
from app.engine.verdicts import Judged, Reason
from app.io.store.taping import Call

#: So many symbols are named of those that a gate refused most often.
TOP = 3
#: Between the parts of a key.
_BAR = "|"


@dataclass(slots=True)
class Tallies:
    """What was said so far, and the intents that it was said of, by id.

    ``refused`` counts symbols by step, kind, gate and reason, ``places`` are the gates' own in
    their row, ``passed`` counts by step and kind. Keys are joined: all of it is kept as JSON.
    """

    intents: dict[str, Intent] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)

    def hear(self, calls: Iterable[Call]) -> None:
        """Take in what steps have changed and said."""
        for name, args, _ in calls:
            if name == "intents.insert_once":
                self.intents |= {intent.id: intent for intent in args[0]}
            elif name == "verdicts.add":
                self._said(args[3])

    def _said(self, steps: Mapping[str, Iterable[Judged]]) -> None:
        for step, judged in steps.items():
            walks: dict[tuple[str, str], list[Judged]] = {}
            for one in judged:
                walks.setdefault((one[0], one[1]), []).append(one)
            for (symbol, subject), walk in walks.items():
                self._walked(step, symbol, self._kind(subject), walk)

    def _walked(self, step: str, symbol: str, kind: str, walk: list[Judged]) -> None:
        last = walk[-1][2]
        if last.passed:
            key = _BAR.join((step, kind))
            self.passed[key] = self.passed.get(key, 0) + 1
            return
        key = _BAR.join((step, kind, last.gate, last.reason))
        symbols = self.refused.setdefault(key, {})
        symbols[symbol] = symbols.get(symbol, 0) + 1
        self.places[key] = max(self.places.get(key, 0), len(walk))

    def _kind(self, subject: str) -> str:
        what, _, name = subject.partition(":")
        if what != "intent":
            return what
        intent = self.intents.get(name)
        entry = intent is not None and intent.purpose is Purpose.ENTRY
        return "entry" if entry else "exit"

    def counted(self) -> list[Tally]:
        """Return what was said, for the funnel."""
        counted = []
        for key, symbols in sorted(self.refused.items()):
            step, kind, gate, reason = key.split(_BAR)
            of = Counter(symbols)
            top = tuple(of.most_common(TOP))
            counted.append(Tally(step, kind, gate, reason, of.total(), self.places[key], top))
        for key, count in sorted(self.passed.items()):
            step, kind = key.split(_BAR)
            counted.append(Tally(step, kind, "", Reason.PASSED, count))
        return counted
