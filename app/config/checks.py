"""What a check between settings is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: Values by path.
Values = Mapping[str, Any]
#: Says what is wrong, once for each thing that is.
Check = Callable[[Values], Iterator[str]]
#: Names to show, paths needed, what is accepted, the check.
Row = tuple[str, tuple[str, ...], str, Check]
