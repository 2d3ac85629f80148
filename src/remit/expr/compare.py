"""Equality and membership, as the language has them.

Values of different types are different, save that numbers compare by value.
Python's own ideas are kept out: here `true == 1` is false, a text never
compares with a number, and NaN equals nothing, not even itself inside a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from remit.expr.errors import EvalError
from remit.expr.values import KEYS, LISTS, MAPPINGS, NUMBERS, Optional, key_of, no_overload

LONGEST_COMPARISON: Final = 1_000_000
"""Members that are looked at before a comparison is given up."""


def equal(one: Any, other: Any) -> bool:
    """`==`: values of different types are different, save that numbers compare by value.

    A stack instead of recursion: what is compared may share parts so often
    that walking all of them would never end.
    """
    if type(one) not in _NESTED:
        return _same(one, other)
    pending = [(one, other)]
    steps = 0
    while pending:
        one, other = pending.pop()
        steps += 1
        if steps > LONGEST_COMPARISON:
            raise EvalError("too much to compare")
        parts = _parts(one, other)
        if parts is None:
            return False
        pending.extend(parts)
    return True


_NESTED = LISTS | MAPPINGS | {Optional}
_Pairs: TypeAlias = Iterable[tuple[Any, Any]]


def _parts(one: Any, other: Any) -> _Pairs | None:
    """What has to be equal for the two to be equal; None if they cannot be."""
    cls, others = type(one), type(other)
    if cls in LISTS:
        return zip(one, other, strict=True) if others in LISTS and len(one) == len(other) else None
    if cls in MAPPINGS:
        if others not in MAPPINGS or len(one) != len(other):
            return None
        if any(key not in other for key in one):
            return None
        return [(item, other[key]) for key, item in one.items()]
    if cls is Optional and others is Optional and one.present and other.present:
        return [(one.value, other.value)]
    return () if _same(one, other) else None


def _same(one: Any, other: Any) -> bool:
    """Equality of values that hold no others."""
    cls, others = type(one), type(other)
    if cls is others:
        return bool(one == other)
    if cls in NUMBERS and others in NUMBERS:
        # As the specification's cases have it: a double meets an integer as a double.
        return float(one) == float(other) if float in (cls, others) else bool(one == other)
    return False


def contains(item: Any, container: Any) -> bool:
    """`item in container`."""
    cls = type(container)
    if cls in LISTS:
        if type(item) is str:
            # Nothing but the same text is equal to it, to Python as well.
            return item in container
        return any(equal(item, other) for other in container)
    if cls in MAPPINGS:
        return type(item) in KEYS and key_of(item) in container
    raise no_overload("in", item, container)
