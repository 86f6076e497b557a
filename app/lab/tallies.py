"""Tallies of a run: every verdict that the steps said, counted by step, gate and reason."""

from collections import Counter
from collections.abc import Iterable, Mapping

from app.engine.funnel import Tally
from app.engine.orders import Intent, Purpose
from app.engine.verdicts import Judged, Reason
from app.io.store.taping import Call

#: So many symbols are named of those that a gate refused most often.
TOP = 3
_Key = tuple[str, str, str, str]


class Tallies:
    """What was said so far, and the intents that it was said of, by id."""

    def __init__(self) -> None:
        self.intents: dict[str, Intent] = {}
        self._refused: Counter[tuple[_Key, str]] = Counter()
        self._places: dict[_Key, int] = {}
        self._passed: Counter[tuple[str, str]] = Counter()

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
                kind, last = self._kind(subject), walk[-1][2]
                if last.passed:
                    self._passed[step, kind] += 1
                    continue
                key = (step, kind, last.gate, str(last.reason))
                self._refused[key, symbol] += 1
                self._places[key] = max(self._places.get(key, 0), len(walk))

    def _kind(self, subject: str) -> str:
        what, _, name = subject.partition(":")
        if what != "intent":
            return what
        intent = self.intents.get(name)
        entry = intent is not None and intent.purpose is Purpose.ENTRY
        return "entry" if entry else "exit"

    def counted(self) -> list[Tally]:
        """Return what was said, for the funnel."""
        by_key: dict[_Key, Counter[str]] = {}
        for (key, symbol), count in self._refused.items():
            by_key.setdefault(key, Counter())[symbol] += count
        refused = [
            Tally(*key, of.total(), self._places[key], tuple(of.most_common(TOP)))
            for key, of in sorted(by_key.items())
        ]
        passed = [
            Tally(step, kind, "", Reason.PASSED, count)
            for (step, kind), count in sorted(self._passed.items())
        ]
        return [*refused, *passed]
