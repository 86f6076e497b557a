"""Columns of measured numbers as bytes: what is read back is spelt exactly as what was written."""

import json
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from app.engine.rounding import plain
from app.engine.verdicts import Measured

#: The first byte says what follows: one text for all, doubles, 64-bit integers, microseconds as
#: such, or a JSON list of texts.
SAME, DOUBLES, INTEGERS, SPANS, TEXTS = b"=", b"d", b"q", b"t", b"j"
_MICROSECOND = timedelta(microseconds=1)
_WIDTH = 8


def spell(value: Measured) -> str | None:
    """Return a measured number or a limit as text: twelve digits, time spans in seconds."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.12g}s"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(value)
    return format(value, ".12g") if isinstance(value, float) else str(value)


def pack(values: Sequence[Measured]) -> bytes | None:
    """Return a column in as few bytes as spell every value exactly; None where none has one.

    Scores stay doubles: cut any shorter, one just below its limit could be shown as equal to it.
    """
    [kind, *others] = {_kind(value) for value in values}
    packed = None if others else _packed(kind, values)
    if packed is not None:
        head, body = packed[:1], packed[1:]
        same = body == body[:_WIDTH] * len(values)
        return SAME + str(unpack(head + body[:_WIDTH], 0)).encode() if same else packed
    texts = [spell(value) for value in values]
    if any(text != texts[0] for text in texts):
        return TEXTS + json.dumps(texts, separators=(",", ":")).encode()
    return None if texts[0] is None else SAME + texts[0].encode(errors="backslashreplace")


def unpack(packed: bytes | None, place: int) -> str | None:
    """Return how the value at a place of a packed column is spelt."""
    if packed is None:
        return None
    head, body = packed[:1], packed[1:]
    if head == SAME:
        return body.decode()
    if head == TEXTS:
        text: str | None = json.loads(body)[place]
        return text
    (number,) = struct.unpack_from("<d" if head == DOUBLES else "<q", body, place * _WIDTH)
    return spell(number * _MICROSECOND if head == SPANS else number)


def _kind(value: Measured) -> bytes:
    if isinstance(value, float):
        return DOUBLES
    if isinstance(value, timedelta):
        return SPANS
    return INTEGERS if type(value) is int else TEXTS


def _packed(kind: bytes, values: Sequence[Measured]) -> bytes | None:
    """Return numbers as eight bytes each, None where they are none or do not fit."""
    if kind == TEXTS:
        return None
    numbers = [v // _MICROSECOND if isinstance(v, timedelta) else v for v in values]
    try:
        return kind + struct.pack(f"<{len(numbers)}{'d' if kind == DOUBLES else 'q'}", *numbers)
    except struct.error:
        return None


def mark(places: Sequence[int], length: int) -> bytes | None:
    """Return a bit for each of ``length`` places, set where it is named; None if all of them are.

    Bit n is bit n % 8, from the lowest, of byte n // 8, as ``get_bit`` of PostgreSQL counts.
    """
    if len(places) == length:
        return None
    bits = bytearray(-(-length // 8))
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def rank(marked: bytes | None, place: int) -> int:
    """Return how many places before this one are marked."""
    if marked is None:
        return place
    return (int.from_bytes(marked, "little") & ((1 << place) - 1)).bit_count()
