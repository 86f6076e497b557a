"""Attribution: shares that sum to one, and what each signal was made of."""

from dataclasses import replace
from fractions import Fraction

from builders import a_signal
from hypothesis import given
from hypothesis import strategies as st

from app.engine import attribution
from app.engine.signals import Signal

INVERSE = frozenset({"SQQQ"})
SCORES = st.floats(-1, 1)


def a_witness(symbol: str, score: float, **components: float) -> Signal:
    return replace(a_signal(symbol, score), components=components)


def test_each_witness_has_its_share_of_the_mean() -> None:
    signals = [a_witness("AAPL", -0.5), a_witness("MSFT", 0.25), a_witness("SQQQ", 0.75)]
    shares = {s.symbol: s.share for s in attribution.of(signals, INVERSE)}
    assert shares == {"AAPL": Fraction(1, 2), "MSFT": Fraction(-1, 4), "SQQQ": Fraction(3, 4)}


def test_a_signal_alone_moved_all_and_is_split_by_its_components() -> None:
    (share,) = attribution.of([a_witness("AAPL", 0.5, trend=0.375, news=0.125)])
    assert (share.share, share.parts) == (1, {"trend": Fraction(3, 4), "news": Fraction(1, 4)})


def test_no_signal_moved_nothing() -> None:
    assert attribution.of([]) == ()


@given(
    st.lists(
        st.builds(
            lambda symbol, score, parts: a_witness(symbol, score, **parts),
            st.sampled_from(["AAPL", "MSFT", "NVDA", "SQQQ"]),
            SCORES | st.just(float("nan")),
            st.dictionaries(st.sampled_from(["trend", "news", "model"]), SCORES),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_shares_sum_to_one_and_parts_to_their_share(signals: list[Signal]) -> None:
    shares = attribution.of(signals, INVERSE)
    assert sum(s.share for s in shares) == 1
    for share in shares:
        assert sum(share.parts.values()) == share.share
