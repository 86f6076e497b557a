"""The gates that a candidate passes to become a signal, in the order in which they are asked."""

from app.engine.candidates import Candidate, Gate, SignalContext
from app.engine.gates.bad_data import bad_data
from app.engine.gates.cooldown import cooldown
from app.engine.gates.cutoff import cutoff
from app.engine.gates.daily_cap import daily_cap
from app.engine.gates.direction_lock import direction_lock
from app.engine.gates.event_tier import event_tier
from app.engine.gates.history import history
from app.engine.gates.model import model
from app.engine.gates.own_score import own_score
from app.engine.gates.session import session
from app.engine.gates.stale_data import stale_data
from app.engine.gates.tier_due import tier_due
from app.engine.verdicts import Verdict

#: Whose turn it is, and whether its data may be trusted: what no score has a say in.
ADMISSION: tuple[Gate, ...] = (tier_due, event_tier, session, history, stale_data, bad_data)
#: Cheap and common refusals first; then what the data say; the gates that compare with earlier
#: signals and entries last.
GATES: tuple[Gate, ...] = (
    *ADMISSION,
    cutoff,
    own_score,
    model,
    cooldown,
    direction_lock,
    daily_cap,
)


def admits(candidate: Candidate, context: SignalContext) -> bool:
    """May a candidate still become a signal, whatever anybody says of it?"""
    return all(gate(candidate, context).passed for gate in ADMISSION)


def judge(candidate: Candidate, context: SignalContext) -> tuple[Verdict, ...]:
    """Ask the gates in order; return every answer up to and including the first refusal."""
    verdicts: list[Verdict] = []
    for gate in GATES:
        answer = gate(candidate, context)
        if not answer.passed and answer.gate in context.book.gates_off:
            continue
        verdicts.append(answer)
        if not answer.passed:
            break
    return tuple(verdicts)
