"""How a call to the model ended: what it cost, what the ledger keeps, and what the gate says."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.engine.book import Book, ModelPolicy
from app.engine.errors import OutcomeUnknown, Rejected, Transient
from app.engine.model_answer import Reading, read
from app.engine.model_cost import MOST_TOKENS, billed_usd, is_by
from app.engine.verdicts import Reason, Verdict
from app.io.llm.port import Answer, Finish, Late
from app.io.store.model_calls import UNSENT, Outcome

NOTHING = Decimal(0)
#: Characters kept of an answer that could not be read.
KEPT = 4000
_FAULTS = {
    Finish.REFUSED: Reason.MODEL_REFUSED,
    Finish.TRUNCATED: Reason.MODEL_TRUNCATED,
    Finish.MALFORMED: Reason.MODEL_MALFORMED,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """What the ledger keeps of a call, and the answer or the fallback's reason.

    ``leave_alone_s``: for so many wall seconds the server does not want to be asked.
    """

    outcome: Outcome
    said: Reading | Verdict
    leave_alone_s: float | None = None


def of_answer(answer: Answer, book: Book) -> Ended:
    """Judge an answer; whatever it says, its tokens are billed, in the worst case all of them.

    Where it is the worst case, ``billed`` says why.
    """
    said = read(answer.text) if answer.finish is Finish.ANSWERED else _fault(answer, book)
    kept: dict[str, Any] = {"text": answer.text[:KEPT]}
    reason = Reason.PASSED
    if isinstance(said, Reading):
        kept |= {"stance": said.stance, "confidence": said.confidence, "reason": said.reason}
    else:
        reason = said.reason
    tokens = answer.input_tokens, answer.output_tokens
    if (unknown := _unpriced(answer, book.model)) is not None:
        kept["billed"] = f"the worst case: {unknown}"
    outcome = Outcome(
        reason,
        billed_usd(book.model, *tokens) if unknown is None else None,
        answer=kept,
        model=answer.model,
        request_id=answer.request_id,
        input_tokens=_believable(tokens[0]),
        output_tokens=_believable(tokens[1]),
    )
    return Ended(outcome, said)


def _unpriced(answer: Answer, policy: ModelPolicy) -> str | None:
    """Return why what an answer cost is not known; None where it is."""
    if not is_by(policy.name, answer.model):
        return f"{policy.name} was asked and {answer.model or 'no name'} answered"
    if billed_usd(policy, answer.input_tokens, answer.output_tokens) is None:
        return "no believable number of tokens"
    return None


def of_error(error: BaseException, book: Book) -> Ended:
    """Return the fallback's reason for an error of the port, and what it may have cost."""
    match error:
        case Late():
            limit = timedelta(seconds=book.model.timeout_s)
            return _worst(Verdict("model", Reason.MODEL_LATE, limit=limit))
        case OutcomeUnknown():
            return _worst(Verdict("model", Reason.MODEL_UNAVAILABLE, str(error)))
        case Rejected():
            verdict = Verdict("model", Reason.MODEL_UNAVAILABLE, error.code)
            return Ended(Outcome(verdict.reason, NOTHING), verdict)
        case Transient(retry_after_s=None):
            return never_sent(Verdict("model", Reason.MODEL_UNAVAILABLE, str(error)))
        case Transient(retry_after_s=seconds):
            pause = timedelta(seconds=seconds or 0)
            verdict = Verdict("model", Reason.MODEL_RATE_LIMITED, pause, timedelta(0))
            return Ended(Outcome(verdict.reason, NOTHING), verdict, seconds)
    raise error


def never_sent(verdict: Verdict) -> Ended:
    """Return the end of a call that was reserved and certainly not made: it costs nothing."""
    return Ended(Outcome(UNSENT, NOTHING), verdict)


def _worst(verdict: Verdict) -> Ended:
    return Ended(Outcome(verdict.reason, None), verdict)


def _fault(answer: Answer, book: Book) -> Verdict:
    limit = book.model.max_output_tokens if answer.finish is Finish.TRUNCATED else None
    return Verdict("model", _FAULTS[answer.finish], answer.output_tokens if limit else None, limit)


def _believable(tokens: int | None) -> int | None:
    return tokens if tokens is not None and 0 <= tokens <= MOST_TOKENS else None
