"""Values as JSON: one spelling per value, and nothing that PostgreSQL refuses."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.io.store.jsonable import dumps, jsonable

TEXT = st.text(st.characters())  # surrogates and NUL among them
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *_texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


@settings(max_examples=40)
@given(ANYTHING)
def test_everything_becomes_json_that_postgres_takes(value: object) -> None:
    read = json.loads(dumps(value), parse_constant=lambda name: pytest.fail(name))
    for text in _texts(read):
        assert "\x00" not in text
        text.encode("utf-8")  # half of a surrogate pair would raise


@settings(max_examples=40)
@given(ANYTHING)
def test_the_spelling_is_stable(value: object) -> None:
    assert dumps(jsonable(value)) == dumps(value)


def test_each_kind_has_its_spelling() -> None:
    spelled = jsonable(
        {
            "price": Decimal("10.500"),
            "at": datetime(2026, 3, 20, tzinfo=UTC),
            "day": date(2026, 3, 20),
            "span": timedelta(seconds=90),
            "score": np.float64(0.1),
            "slot": np.int64(3),
            "nan": float("nan"),
            "pair": (1, True),
        }
    )
    assert spelled == {
        "price": "10.5",
        "at": "2026-03-20T00:00:00+00:00",
        "day": "2026-03-20",
        "span": 90.0,
        "score": 0.1,
        "slot": 3,
        "nan": "nan",
        "pair": [1, True],
    }


def test_a_type_without_a_spelling_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no spelling in JSON"):
        jsonable(object())
