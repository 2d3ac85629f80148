"""Amounts of what is counted: whole numbers of millionths, so that sums are exact.

Costs come as decimal fractions, and a thousand times 0.1 must be 100. What is
counted is rounded up to the next millionth: nothing is too small to count.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import TypeAlias

Amounts: TypeAlias = Mapping[str, int]
"""By unit, in millionths: `{"calls": 1_000_000, "cost": 20_000}`."""

ONE = 10**6

LARGEST = 10**12
"""The most of anything that can be said at once, so that no sum outgrows a database."""


def millionths(amount: float | Decimal) -> int:
    """*amount* as it is counted.

    Raises:
        ValueError: it is no number, negative, or too large.
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | Decimal):
        raise ValueError(f"{amount!r} is no number")  # noqa: TRY004 - whatever is no amount
    # What a sum of doubles is off by is not there to be counted: 0.1 + 0.2 is 0.3.
    exact = Decimal(repr(round(amount, 9))) if isinstance(amount, float) else Decimal(amount)
    if not exact.is_finite() or not 0 <= exact <= LARGEST:
        raise ValueError(f"{amount} is no amount: it is negative, or more than {LARGEST:,}")
    return int((exact * ONE).to_integral_value(ROUND_CEILING))


def number(amount: int) -> int | float:
    """What *amount* millionths are: a whole number if they can be."""
    return amount // ONE if amount % ONE == 0 else amount / ONE


def spell(amount: int) -> str:
    """*amount* millionths, for people, to the last digit."""
    whole, rest = divmod(abs(amount), ONE)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole:,}" + f".{rest:06d}".rstrip("0") * bool(rest)
