"""From a value to its frozen form and back."""

from __future__ import annotations

from typing import Any

from remit.canonical.families import freeze_family
from remit.canonical.freezer import LIMITS, Freezer, Limits, Rebuild, join
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
    try:
        return Freezer(limits, freeze_family).freeze(value, limits.depth)
    except NotData as error:
        raise NotData(join(path, error.path), error.why) from None
    except Exception as error:
        # A property or an iterator of the value's own has failed, and it may be anybody's.
        raise NotData(path, f"could not be read: {type(error).__name__}: {error}") from error
