"""Machine code from a file's own source, kept on disk where there is a place."""

import sys
from types import ModuleType

import numpy as np
import pytest

from app.engine import series
from app.lab.compiled import compiled

SOURCE = """
def half(x):
    return x / 2

def quarter(x):
    return half(half(x))

def inverse(x):
    return 1 / x
"""


def test_a_function_is_compiled_once() -> None:
    machine = compiled(series.crossings)
    assert machine is compiled(series.crossings)
    assert machine.py_func.__code__ is series.crossings.__code__  # type: ignore[attr-defined]


def test_functions_of_one_file_call_each_other_and_need_no_place_on_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made_up = ModuleType("made_up")
    exec(compile(SOURCE, "<typed in>", "exec"), vars(made_up))
    monkeypatch.setitem(sys.modules, "made_up", made_up)
    assert compiled(made_up.quarter)(2.0) == 0.5
    assert compiled(made_up.inverse)(0.0) == np.inf  # as numpy divides, not as Python
