"""Packed columns of numbers read back as they would have been spelt, each at its place."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.verdicts import Measured
from app.io.store.packing import mark, pack, rank, spell, unpack

NUMBERS = st.floats() | st.integers() | st.booleans() | st.timedeltas() | st.decimals()
VALUES = st.none() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"]))


def said(values: list[Measured]) -> list[str | None]:
    packed = pack(values)
    return [unpack(packed, place) for place in range(len(values))]


@settings(max_examples=60)
@given(
    st.lists(st.floats(), min_size=1)
    | st.lists(st.integers(), min_size=1)
    | st.lists(st.timedeltas(), min_size=1)
    | st.lists(VALUES, min_size=1)
)
def test_what_is_read_is_what_was_said(values: list[Measured]) -> None:
    assert said(values) == [spell(value) for value in values]


@pytest.mark.parametrize(
    "values",
    [
        [0.0, -0.0],
        [float("nan"), 0.12],
        [float("nan")] * 3,
        [1, 1.0, True],
        [True, True],
        [2**63, 1],
        [0.1199999999999, 0.12],
        [timedelta(microseconds=1), timedelta.max, timedelta.min],
        [timedelta(seconds=30), None],
        [datetime(2026, 3, 20, tzinfo=UTC)] * 4,
        [Decimal("2667.00"), Decimal("1e-9")],
        ["", None, "ñ"],
    ],
)
def test_values_that_look_alike_stay_apart(values: list[Measured]) -> None:
    assert said(values) == [spell(value) for value in values]


def test_scores_take_eight_bytes_and_a_common_value_next_to_none() -> None:
    scores: list[Measured] = [n / 12345 for n in range(1000)]
    assert len(pack(scores) or b"") == 8 * 1000 + 1
    assert pack([0.12] * 1000) == b"=0.12"
    assert pack([None] * 1000) is None


@settings(max_examples=60)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_marks_count_what_is_before(drawn: tuple[int, set[int]]) -> None:
    length, chosen = drawn
    marked = mark(sorted(chosen), length)
    assert [rank(marked, place) for place in sorted(chosen)] == list(range(len(chosen)))
    assert (marked is None) == (len(chosen) == length)
