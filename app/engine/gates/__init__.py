"""The gates that a candidate passes to become a signal, in the order in which they are asked."""

from app.engine.candidates import Candidate, Gate, SignalContext
from app.engine.gates.cooldown import cooldown
from app.engine.gates.cutoff import cutoff
from app.engine.gates.direction_lock import direction_lock
from app.engine.gates.history import history
from app.engine.gates.market_open import market_open
from app.engine.gates.stale_data import stale_data
from app.engine.gates.tier_due import tier_due
from app.engine.verdicts import Verdict

#: Cheap and common refusals first; the gates that compare with earlier signals last.
GATES: tuple[Gate, ...] = (
    tier_due,
    market_open,
    history,
    stale_data,
    cutoff,
    cooldown,
    direction_lock,
)


def judge(candidate: Candidate, context: SignalContext) -> tuple[Verdict, ...]:
    """Ask the gates in order; return every answer up to and including the first refusal."""
    verdicts: list[Verdict] = []
    for gate in GATES:
        verdicts.append(gate(candidate, context))
        if not verdicts[-1].passed:
            break
    return tuple(verdicts)
