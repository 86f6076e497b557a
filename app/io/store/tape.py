"""The tape: every outside input that a step consumed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from app.io.store.schema import tape

_APPEND = tape.insert().inline()


def append(
    db: Connection,
    book_id: str,
    at: datetime,
    step: str,
    kind: str,
    payload: Mapping[str, Any] | Sequence[Any],
) -> None:
    """Record an input; its values are kept as JSON, decimals and times as text."""
    row = {"book": book_id, "at": at, "step": step, "kind": kind}
    db.execute(_APPEND, row | {"payload": payload})
