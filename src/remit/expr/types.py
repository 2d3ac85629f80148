"""The types a condition is checked against.

A type is what the checker knows before any data is seen. `DYN` says "we shall
see": it fits everywhere, and the compiled code looks when it gets there. What
the checker believes about data is never trusted by compiled code.

| type | values |
|---|---|
| `BOOL` `INT` `UINT` `DOUBLE` `STRING` `BYTES` `NULL` | as in CEL |
| `TIMESTAMP` `DURATION` | moments and spans of time, in nanoseconds |
| `TYPE` | what `type(x)` returns |
| `ListType(item)` `MapType(key, value)` `OptionalType(value)` | |
| `ObjectType(name, fields, rest)` | a Python object with attributes |
| `RecordType(name, fields)` | a mapping with known keys, such as the arguments of a tool |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Path: TypeAlias = str
"""Attribute names joined by dots: `session.role`."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type without parameters: two of the same name are the same."""

    name: str

    def __str__(self) -> str:
        return _SPOKEN.get(self.name, self.name)


_SPOKEN = {
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "null_type": "null",
}
"""What signatures and messages call the types whose names are meant for machines."""


@dataclass(frozen=True, slots=True)
class Parameter(Type):
    """Stands for one type throughout a signature: the `T` of `list(T)`."""


@dataclass(frozen=True, slots=True)
class ListType(Type):
    """A list whose items have one type."""

    name: str = field(default="list", init=False)
    item: Type

    def __str__(self) -> str:
        return f"list({self.item})"


@dataclass(frozen=True, slots=True)
class MapType(Type):
    """A mapping whose keys have one type, and its values another."""

    name: str = field(default="map", init=False)
    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map({self.key}, {self.value})"


@dataclass(frozen=True, slots=True)
class OptionalType(Type):
    """A value or none."""

    name: str = field(default="optional_type", init=False)
    value: Type

    def __str__(self) -> str:
        return f"optional({self.value})"


@dataclass(frozen=True, slots=True)
class Field:
    """A member of an object: its type, and the attributes that lead to it."""

    type: Type
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class ObjectType(Type):
    """A Python object: each of `fields` is an attribute of it.

    Other names are errors, unless `rest` leads to a mapping that holds them.
    """

    fields: Mapping[str, Field]
    rest: Path | None = None
    others: RecordType | None = None
    """What that mapping holds, where it is known."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordType(Type):
    """A mapping with text keys that are known, whether each is present or not.

    `name` is how an error speaks of it: `this action has 'amount', 'order_id'`.
    A record that is `extensible` may have other keys too, of type dyn.
    """

    fields: Mapping[str, Type]
    extensible: bool = False


BOOL = Type("bool")
INT = Type("int")
UINT = Type("uint")
DOUBLE = Type("double")
STRING = Type("string")
BYTES = Type("bytes")
NULL = Type("null_type")
TIMESTAMP = Type("google.protobuf.Timestamp")
DURATION = Type("google.protobuf.Duration")
TYPE = Type("type")
DYN = Type("dyn")

NUMBERS = frozenset({INT, UINT, DOUBLE})

Bindings: TypeAlias = dict[str, Type]
"""What the parameters of a signature stand for in one call."""


def fits(wanted: Type, given: Type, bindings: Bindings) -> bool:
    """Whether a value of type *given* may stand where *wanted* is asked for."""
    if isinstance(wanted, Parameter):
        bound = bindings.get(wanted.name)
        if bound is None:
            bindings[wanted.name] = given
            return True
        if not fits(bound, given, bindings):
            return False
        bindings[wanted.name] = join(bound, given)
        return True
    if DYN.name in (wanted.name, given.name):
        return True
    if isinstance(given, RecordType) and isinstance(wanted, RecordType):
        return True
    if isinstance(given, RecordType) and isinstance(wanted, MapType):
        return fits(wanted.key, STRING, bindings) and fits(wanted.value, DYN, bindings)
    if isinstance(wanted, ListType) and isinstance(given, ListType):
        return fits(wanted.item, given.item, bindings)
    if isinstance(wanted, MapType) and isinstance(given, MapType):
        return fits(wanted.key, given.key, bindings) and fits(wanted.value, given.value, bindings)
    if isinstance(wanted, OptionalType) and isinstance(given, OptionalType):
        return fits(wanted.value, given.value, bindings)
    return wanted == given


def resolve(given: Type, bindings: Bindings) -> Type:
    """*given* with its parameters replaced by what they stand for; dyn where nothing is known."""
    if isinstance(given, Parameter):
        return bindings.get(given.name, DYN)
    if isinstance(given, ListType):
        return ListType(resolve(given.item, bindings))
    if isinstance(given, MapType):
        return MapType(resolve(given.key, bindings), resolve(given.value, bindings))
    if isinstance(given, OptionalType):
        return OptionalType(resolve(given.value, bindings))
    return given


def join(one: Type, other: Type) -> Type:
    """The type of a value that is of one type or the other."""
    if one == other:
        return one
    if isinstance(one, ListType) and isinstance(other, ListType):
        return ListType(join(one.item, other.item))
    if isinstance(one, MapType) and isinstance(other, MapType):
        return MapType(join(one.key, other.key), join(one.value, other.value))
    if isinstance(one, OptionalType) and isinstance(other, OptionalType):
        return OptionalType(join(one.value, other.value))
    return DYN
