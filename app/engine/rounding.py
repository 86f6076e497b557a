"""The one door between engine floats and order decimals: rounds toward zero, and NaN stops here."""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from app.engine.errors import InvalidData

CENT = Decimal("0.01")


def decimal(value: float | int | str | Decimal, step: Decimal = Decimal("0.000001")) -> Decimal:
    """Return ``value`` as a decimal cut toward zero to ``step``.

    Raises InvalidData for NaN and infinities.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidData(f"not a number: {value!r}")
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if not exact.is_finite():
        raise InvalidData(f"not a number: {value!r}")
    return (exact / step).to_integral_value(rounding=ROUND_DOWN) * step


def tick_size(price: Decimal) -> Decimal:
    """Return the price step of a US stock: a cent from one dollar up, a hundredth of one below."""
    return CENT if price >= 1 else Decimal("0.0001")


def to_tick(price: Decimal) -> Decimal:
    """Return ``price`` cut toward zero to the price step of a US stock."""
    return decimal(price, tick_size(price))


def cents(amount: Decimal) -> Decimal:
    """Return an amount of money for people and reports, rounded half to even to the cent."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def plain(number: Decimal) -> str:
    """Return a decimal as text without exponent or trailing zeros, one spelling per value."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
