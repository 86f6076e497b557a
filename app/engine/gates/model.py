"""With ``fallback = "refuse"`` a question that the model left unanswered stops the signal."""

from app.engine.candidates import Candidate, SignalContext
from app.engine.verdicts import Reason, Verdict


def model(candidate: Candidate, context: SignalContext) -> Verdict:
    """Pass unless an answer is missing and the book refuses without one; the reason says why."""
    fallback = context.book.model.fallback
    missing = candidate.unanswered
    if missing is None or fallback == "technical":
        return Verdict("model", Reason.PASSED, missing, fallback)
    return Verdict("model", missing, limit=fallback)
