"""Values as JSON that PostgreSQL accepts: one spelling per value, nothing lost without a trace."""

import json
import math
import numbers
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.engine.rounding import plain


def jsonable(value: Any) -> Any:
    """Return ``value`` as JSON values: decimals, times and non-finite floats become text.

    Text loses what a text column cannot hold (NUL and half of a surrogate pair). Raises TypeError
    for a type that has no agreed spelling.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):  # numpy's too
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {jsonable(str(key)): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> str | float:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):  # and datetime, which is one
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} has no spelling in JSON")


def dumps(value: Any) -> str:
    """Return ``value`` as compact JSON with sorted keys."""
    return json.dumps(jsonable(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
