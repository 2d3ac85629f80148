"""The values of conditions, and checks of what they are.

Data arrive frozen: mappings, tuples, text, numbers, booleans, None. Expressions
add the types below. `Uint` is an int that knows it is unsigned; `Timestamp`
and `Duration` count nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from remit.canonical import Frozen
from remit.expr.errors import EvalError

INT_MAX: Final = 2**63 - 1
INT_MIN: Final = -(2**63)
UINT_MAX: Final = 2**64 - 1
EXACT: Final = 2**53
"""Up to here an integer and a double compare the same whichever is converted."""
LARGEST_TEXT: Final = 1_000_000
"""Characters or items of the largest text, bytes or list an expression may build."""


class Uint(int):
    """An unsigned integer: equal to an int of the same value, and of another type."""

    __slots__ = ()


class Timestamp(msgspec.Struct, frozen=True, order=True):
    """Unix time in nanoseconds."""

    nanos: int


class Duration(msgspec.Struct, frozen=True, order=True):
    """A span of time in nanoseconds."""

    nanos: int


class TypeValue(msgspec.Struct, frozen=True):
    """What `type(x)` returns."""

    name: str


class Absent(msgspec.Struct, frozen=True):
    """What is inside an optional that is none."""


class Optional(msgspec.Struct, frozen=True):
    """A value, or none."""

    value: Any = Absent()

    @property
    def present(self) -> bool:
        """Whether there is a value."""
        return type(self.value) is not Absent


NONE = Optional()


class Truth(msgspec.Struct, frozen=True):
    """A boolean as a key of a mapping, where Python would take it for 0 or 1."""

    value: bool


class Map(dict[Any, Any]):
    """A mapping with keys that are not all text; booleans among them are `Truth`."""

    __slots__ = ()


_TRUTH = {value: Truth(value) for value in (True, False)}

MAPPINGS = frozenset({Frozen, dict, Map})
LISTS = frozenset({tuple, list})
NUMBERS = frozenset({int, Uint, float})
KEYS = frozenset({bool, int, Uint, str, float})
"""What may be looked up in a mapping; a double finds the integer it equals."""

KINDS: dict[type, str] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    tuple: "list",
    list: "list",
    Frozen: "map",
    dict: "map",
    Map: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    TypeValue: "type",
    Optional: "optional_type",
}
"""The name of the CEL type of every Python type a condition may meet."""


def kind(value: Any) -> str:
    """The name of the value's CEL type."""
    return KINDS.get(type(value), type(value).__name__)


def no_overload(name: str, *args: Any) -> EvalError:
    """What is raised when a function does not take values of these types."""
    return EvalError(f"no such overload: {name}({', '.join(map(kind, args))})")


def key_of(key: Any) -> Any:
    """*key* as the mappings here store it."""
    return _TRUTH[key] if type(key) is bool else key


def shown_key(key: Any) -> Any:
    """The reverse of `key_of`."""
    return key.value if type(key) is Truth else key


def show(value: Any) -> str:
    """*value* as an error message spells it, shortened."""
    if type(value) is bool or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    shown = repr(value) if type(value) in (str, float) else str(value)
    if type(value) not in (str, int, Uint, float):
        return kind(value)
    return shown if len(shown) <= 40 else shown[:40] + "…"


def boolean(value: Any) -> bool:
    """*value*, when it is a boolean."""
    if value is True or value is False:
        return bool(value)
    raise EvalError(f"{kind(value)} is not a bool")


def only(*allowed: type) -> Callable[[Any], Any]:
    """A check that hands a value on when it is of one of the types *allowed*."""
    names = " or ".join(dict.fromkeys(KINDS[cls] for cls in allowed))

    def check(value: Any) -> Any:
        if type(value) in allowed:
            return value
        raise EvalError(f"no such overload: {kind(value)} where {names} is needed")

    return check
