"""Lists: parts of them, order, and lists taken for sets."""

from __future__ import annotations

from typing import Any

from remit.expr.compare import contains, equal
from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.values import LISTS, kind

_MOST = 10_000
"""Items of a list that is compared with another item by item, or made of nothing."""


@function("list(T).slice(int, int) -> list(T)")
def slice_of(items: tuple[Any, ...], start: int, end: int) -> tuple[Any, ...]:
    """The items from *start* up to *end*, which is not among them."""
    if 0 <= start <= end <= len(items):
        return tuple(items[start:end])
    raise EvalError(f"cannot slice {len(items)} items from {start} to {end}")


@function("list(T).flatten() -> list(dyn)", "list(T).flatten(int) -> list(dyn)")
def flatten(items: tuple[Any, ...], depth: int = 1) -> tuple[Any, ...]:
    """The items, and in place of lists among them their items, *depth* levels down."""
    if not 0 <= depth <= 32:
        raise EvalError(f"cannot flatten {depth} levels; 0 to 32 can be")
    flat = tuple(items)
    for _ in range(depth):
        if not any(type(item) in LISTS for item in flat):
            break
        if sum(len(item) if type(item) in LISTS else 1 for item in flat) > _MOST:
            raise EvalError(f"the result has more than {_MOST} items")
        flat = tuple(part for item in flat for part in (item if type(item) in LISTS else (item,)))
    return flat


@function("list(T).reverse() -> list(T)")
def reverse(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """The items backwards."""
    return tuple(items[::-1])


@function("list(T).sort() -> list(T)")
def sort(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """The items in ascending order; they must be of one type that has an order."""
    kinds = {kind(item) for item in items}
    if len(kinds) > 1 or not kinds <= _ORDERED:
        raise EvalError(f"cannot sort items of {', '.join(sorted(kinds))}")
    return tuple(sorted(items))


_ORDERED = frozenset(
    {
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "google.protobuf.Timestamp",
        "google.protobuf.Duration",
    }
)


@function("list(T).distinct() -> list(T)")
def distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Each item once, where it first stands."""
    found: list[Any] = []
    for item in _few(items):
        if not any(equal(item, other) for other in found):
            found.append(item)
    return tuple(found)


@function("lists.range(int) -> list(int)")
def count_up(end: int) -> tuple[int, ...]:
    """The integers from 0 up to *end*, which is not among them."""
    if end > _MOST:
        raise EvalError(f"lists.range() makes no more than {_MOST} items, not {end}")
    return tuple(range(end))


@function("sets.contains(list(T), list(T)) -> bool")
def set_contains(items: tuple[Any, ...], part: tuple[Any, ...]) -> bool:
    """Whether every item of *part* is in *items*."""
    _few(items, part)
    return all(contains(item, items) for item in part)


@function("sets.equivalent(list(T), list(T)) -> bool")
def set_equivalent(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether both have the same items, however often and in whatever order."""
    _few(one, other)
    return all(contains(item, other) for item in one) and all(contains(item, one) for item in other)


@function("sets.intersects(list(T), list(T)) -> bool")
def set_intersects(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether any item is in both."""
    _few(one, other)
    return any(contains(item, other) for item in one)


def _few(items: tuple[Any, ...], others: tuple[Any, ...] | None = None) -> tuple[Any, ...]:
    """*items*, unless comparing each with each of *others* would take too long."""
    if len(items) * len(items if others is None else others) > 100 * _MOST:
        raise EvalError("too many items to compare each with each")
    return items


FUNCTIONS = (
    *slice_of,
    *flatten,
    *reverse,
    *sort,
    *distinct,
    *count_up,
    *set_contains,
    *set_equivalent,
    *set_intersects,
)
