"""From a value to its frozen form and back."""

from __future__ import annotations

from math import isfinite
from typing import Any

from remit.canonical.families import freeze_family
from remit.canonical.freezer import LIMITS, Freezer, Limits, Rebuild, join
from remit.canonical.frozen import NOTHING, Frozen
from remit.canonical.jcs import LARGEST_INTEGER
from remit.errors import NotData


def freeze(value: Any, limits: Limits = LIMITS, *, path: str = "") -> Any:
    """The frozen form of *value*.

    Raises:
        NotData: it has none; the error's path leads to the part that is to blame.
    """
    return freeze_with_rebuild(value, limits, path=path)[0]


def freeze_with_rebuild(
    value: Any, limits: Limits = LIMITS, *, path: str = ""
) -> tuple[Any, Rebuild | None]:
    """The frozen form of *value*, and how to make one like *value* from it.

    The way back never looks at *value* again, except that immutable objects
    (a datetime, a Decimal, a member of an enumeration) are handed on themselves.
    """
    kind = type(value)
    if kind is dict:
        if _is_plain(value, limits):
            return (Frozen(value) if value else NOTHING), dict
    elif kind is str:
        if value.isascii() and len(value) <= limits.text:
            return value, None
    elif value is None or kind is bool:
        return value, None
    try:
        return Freezer(limits, freeze_family).freeze(value, limits.depth)
    except NotData as error:
        raise NotData(join(path, error.path), error.why) from None
    except Exception as error:
        # A property or an iterator of the value's own has failed, and it may be anybody's.
        raise NotData(path, f"could not be read: {type(error).__name__}: {error}") from error


def _is_plain(value: dict[Any, Any], limits: Limits) -> bool:
    """Whether *value* holds only ASCII text, small numbers, booleans and None.

    Most arguments do. They are frozen by copying, and need no `Freezer` to count their cost.
    """
    text = 0
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            if not item.isascii():
                return False
            text += len(item)
        elif kind is int:
            if not -LARGEST_INTEGER <= item <= LARGEST_INTEGER:
                return False
        elif kind is float:
            if not isfinite(item):
                return False
        elif kind is not bool and item is not None:
            return False
        if type(key) is not str or not key.isascii():
            return False
        text += len(key)
    return text <= limits.text and len(value) <= limits.items and limits.depth > 0
