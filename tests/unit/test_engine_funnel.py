"""The funnel adds up, keeps the gates' order, and does not depend on the order of its tallies."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.funnel import STAGES, Tally, stages
from app.engine.verdicts import Reason

ORDER = {"signals": ("tier_due", "history", "cutoff")}
GATES = st.sampled_from(["tier_due", "cutoff", "status", "mean", "new_gate"])
TALLIES = st.lists(
    st.builds(
        Tally,
        st.sampled_from(["signals", "risk", "tomorrow"]),
        st.sampled_from(["signal", "entry"]),
        GATES,
        st.sampled_from([Reason.PASSED, Reason.COOLDOWN, Reason.NOT_DUE]),
        st.integers(1, 10**9),
        st.integers(0, 20),
    ),
    unique_by=lambda t: (t.step, t.kind, t.gate, t.reason),
)


@settings(max_examples=60)
@given(TALLIES, st.randoms(use_true_random=False))
def test_what_comes_in_is_refused_or_passes(tallies: list[Tally], shuffle: object) -> None:
    found = stages(tallies, ORDER)
    assert sum(stage.taken for stage in found) == sum(tally.count for tally in tallies)
    for stage in found:
        left = stage.taken
        for refused in stage.refused:
            assert refused.reached == left >= refused.count
            left -= refused.count
        assert left == stage.passed
    shuffle.shuffle(tallies)  # type: ignore[attr-defined]
    assert stages(tallies, ORDER) == found


def test_stages_and_gates_come_in_the_order_of_the_day() -> None:
    found = stages(
        [
            Tally("tomorrow", "x", "new", Reason.COOLDOWN, 1),
            Tally("risk", "entry", "quantity", Reason.ZERO_QUANTITY, 1, 16),
            Tally("risk", "entry", "status", Reason.BOOK_HALTED, 1, 1),
            Tally("signals", "signal", "late_gate", Reason.COOLDOWN, 1),
            Tally("signals", "signal", "cutoff", Reason.BELOW_CUTOFF, 1),
            Tally("signals", "signal", "tier_due", Reason.NOT_DUE, 1),
        ],
        ORDER,
    )
    assert [(stage.step, [refused.gate for refused in stage.refused]) for stage in found] == [
        ("signals", ["tier_due", "cutoff", "late_gate"]),
        ("risk", ["status", "quantity"]),
        ("tomorrow", ["new"]),
    ]
    assert found[0].what == STAGES["signals", "signal"]
