"""Functions of the numeric files as machine code, from the very source that Python runs too."""

import sys
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function compiled by numba: on its first call, or read from the cache on disk.

    It may call functions of its own file, and none of another: the cache is thrown away when that
    one file has changed.
    """
    machine: Callable[P, R] = _file(function.__module__)[function.__name__]
    return machine


@cache
def _file(module: str) -> dict[str, Any]:
    """Return a file's names, its functions replaced by compiled ones that call each other."""
    names = dict(vars(sys.modules[module]))
    for name, value in list(names.items()):
        if isinstance(value, FunctionType) and value.__module__ == module:
            names[name] = _machine(FunctionType(value.__code__, names, name, value.__defaults__))
    return names


def _machine(function: Callable[..., Any]) -> Callable[..., Any]:
    from numba import njit  # takes a second

    machine: Callable[..., Any]
    try:
        machine = njit(function, cache=True, error_model="numpy")
    except RuntimeError:  # nowhere to keep it: it is compiled in every process
        machine = njit(function, error_model="numpy")
    return machine
