"""Model: questions become bounded opinions, within the budget and the time; else the fallback."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.opinions import Opinion, Question
from app.engine.verdicts import Judged, Reason, Verdict
from app.pipeline.services import Services


@dataclass(frozen=True, slots=True)
class Asked:
    """The opinions that came in time, and a verdict for every question."""

    opinions: tuple[Opinion, ...] = ()
    judged: tuple[Judged, ...] = ()


def ask(to: Services, questions: Sequence[Question]) -> Asked:
    """Ask about each question; called outside of any transaction, before the scores are judged."""
    if to.model is None or not to.book.model.enabled:
        off = Verdict("model", Reason.MODEL_OFF)
        return Asked(judged=tuple((q.symbol, f"event:{q.event.id}", off) for q in questions))
    return Asked()
