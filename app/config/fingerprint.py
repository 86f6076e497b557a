"""A short name for everything that can change a decision."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.config.settings import Settings
from app.engine.rounding import plain


def fingerprint(settings: Settings) -> str:
    """Return 12 hexadecimal digits: equal where books and modes are equal. Holds no secret."""
    told = {"books": _values(settings.books), "feed": settings.alpaca.feed}
    spelt = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(spelt.encode()).hexdigest()[:12]


def _values(of: Any) -> Any:
    """Spell values as JSON, one spelling for equal ones."""
    if is_dataclass(of):
        return {field.name: _values(getattr(of, field.name)) for field in fields(of)}
    if isinstance(of, Mapping):
        return {key: _values(value) for key, value in of.items()}
    if isinstance(of, frozenset):
        return sorted(of)
    if isinstance(of, tuple):
        return [_values(value) for value in of]
    if isinstance(of, timedelta):
        return of.total_seconds()
    return plain(of) if isinstance(of, Decimal) else of
