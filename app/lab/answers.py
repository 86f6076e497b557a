"""Answers: what the model said on a day, for whoever asks the same now. Nothing is guessed."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.engine.book import Book
from app.engine.model_prompt import prompt
from app.engine.opinions import Opinion, Question
from app.engine.verdicts import Judged, Reason, Verdict
from app.io.memory.state import State
from app.io.store.model_calls import Known, opinion
from app.io.store.tape import Kind, Row
from app.pipeline.model import Asked


class Answers:
    """The valid answers of a day by the content of the question, whenever they came."""

    def __init__(self, rows: Sequence[Row], state: State) -> None:
        opened = {number: call.key for number, call in state.calls.items()}
        ended: dict[int, Any] = {number: call.answer for number, call in state.calls.items()}
        for row in rows:
            for name, args, _ in row.read() if row.kind is Kind.FACTS else ():
                if name == "model_calls.opened":
                    opened[args[0]] = args[4]
                elif name == "model_calls.settle" and args[1]["name"] == Reason.PASSED:
                    ended[args[0]] = args[1]["answer"]
        self._by_key = {opened[n]: (n, said) for n, said in ended.items() if said and n in opened}

    def to(self, questions: Iterable[Question], then: Asked, book: Book) -> tuple[Asked, int]:
        """Return what is known of each question, and of how many nothing is.

        What was asked in the very same slot has the outcome that it had, whatever that was.
        """
        said = {(symbol, subject): verdict for symbol, subject, verdict in then.judged}
        given = {(o.symbol, o.event_id): o for o in then.opinions}
        judged: list[Judged] = []
        heard: list[Opinion] = []
        unanswered = 0
        for question in questions:
            subject, about = f"event:{question.event.id}", (question.symbol, question.event.id)
            verdict, found = said.get((question.symbol, subject)), given.get(about)
            if verdict is None:
                found = self._find(question, book)
                verdict = _verdict(found)
                unanswered += found is None
            judged.append((question.symbol, subject, verdict))
            heard += [found] if found else []
        return Asked(tuple(heard), tuple(judged)), unanswered

    def _find(self, question: Question, book: Book) -> Opinion | None:
        known = self._by_key.get(prompt(question, book.model).key)
        if known is None:
            return None
        number, answer = known
        at = question.event.first_seen_at
        return opinion(question.event.id, question.symbol, Known(number, at, Reason.PASSED, answer))


def _verdict(found: Opinion | None) -> Verdict:
    if found is None:
        return Verdict("model", Reason.MODEL_UNAVAILABLE, "not on the tape")
    return Verdict("model", Reason.PASSED, f"stance {found.stance:g}, from the tape")
