"""Optional values: there, or none, without an error."""

from __future__ import annotations

from typing import Any

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.values import NONE, Duration, Optional, kind

_ZEROS: dict[type, Any] = {type(None): None, Duration: Duration(0)}


@function("optional.of(T) -> optional(T)")
def of(value: Any) -> Optional:
    """The value as an optional."""
    return Optional(value)


@function("optional.none() -> optional(dyn)")
def none() -> Optional:
    """No value."""
    return NONE


@function("optional.ofNonZeroValue(T) -> optional(T)")
def of_non_zero_value(value: Any) -> Optional:
    """The value as an optional; none if it is null, false, zero or empty."""
    empty = not value if type(value) not in _ZEROS else value == _ZEROS[type(value)]
    return NONE if empty else Optional(value)


@function("optional(T).hasValue() -> bool")
def has_value(optional: Optional) -> bool:
    """Whether there is a value."""
    return optional.present


@function("optional(T).value() -> T")
def value_of(optional: Optional) -> Any:
    """The value; an error if there is none."""
    if optional.present:
        return optional.value
    raise EvalError("there is no value in this optional")


@function("optional(T).or(optional(T)) -> optional(T)")
def or_optional(optional: Optional, other: Optional) -> Optional:
    """The first of the two that has a value."""
    return optional if optional.present else other


@function("optional(T).orValue(T) -> T")
def or_value(optional: Optional, other: Any) -> Any:
    """The value, or *other* if there is none."""
    return optional.value if optional.present else other


@function(
    "optional.unwrap(list(optional(T))) -> list(T)", "list(optional(T)).unwrapOpt() -> list(T)"
)
def unwrap(optionals: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of those that have one."""
    for each in optionals:
        if type(each) is not Optional:
            raise EvalError(f"unwrap() needs optionals; one item is {kind(each)}")
    return tuple(each.value for each in optionals if each.present)


@function("list(T).first() -> optional(T)")
def first(items: tuple[Any, ...]) -> Optional:
    """The first item, if there is one."""
    return Optional(items[0]) if items else NONE


@function("list(T).last() -> optional(T)")
def last(items: tuple[Any, ...]) -> Optional:
    """The last item, if there is one."""
    return Optional(items[-1]) if items else NONE


FUNCTIONS = (
    *of,
    *none,
    *of_non_zero_value,
    *has_value,
    *value_of,
    *or_optional,
    *or_value,
    *unwrap,
    *first,
    *last,
)
