"""A check between a book's numbers: the names to show, what it reads, what it accepts and says."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: A book's numbers by path, as "risk.max_positions".
Values = Mapping[str, Any]
#: (names to show, paths needed, what is accepted, what it says is wrong)
Check = tuple[str, tuple[str, ...], str, Callable[[Values], Iterator[str]]]
