"""Which type a part of an expression has, given the types of its parts, and what to say if none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from remit.expr import tree
from remit.expr.errors import suggest
from remit.expr.function import Function
from remit.expr.tree import Over
from remit.expr.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    NUMBERS,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    ListType,
    MapType,
    ObjectType,
    OptionalType,
    RecordType,
    Type,
    fits,
    join,
    resolve,
)
from remit.expr.values import kind

_OF_KIND: dict[str, Type] = {
    each.name: each
    for each in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION, TYPE)
}
KEYS = frozenset({BOOL, INT, UINT, STRING, DYN})
"""The types of what may stand before a colon in a map."""

PREDICATES = frozenset({Over.ALL, Over.EXISTS, Over.EXISTS_ONE, Over.FILTER})


def constant_type(value: Any) -> Type:
    """The type of a literal."""
    return _OF_KIND.get(kind(value), DYN)


def common(types: Iterable[Type]) -> Type:
    """The one type that all have, or dyn."""
    found: Type | None = None
    for each in types:
        found = each if found is None else join(found, each)
    return DYN if found is None else found


# Conditions call few functions with few types of arguments, over and over.
@lru_cache(4096)
def overloads(
    functions: tuple[Function, ...], given: tuple[Type, ...]
) -> tuple[Sequence[Function], Type]:
    """Those of *functions* that arguments of these types may be meant for, and what they make."""
    fitting: list[Function] = []
    results: list[Type] = []
    for each in functions:
        bindings: dict[str, Type] = {}
        if all(fits(each.parameter(i), one, bindings) for i, one in enumerate(given)):
            fitting.append(each)
            results.append(resolve(each.result, bindings))
    return tuple(fitting), common(results)


def comparable(one: Type, other: Type) -> bool:
    """Whether values of the two types might be equal."""
    if one in NUMBERS and other in NUMBERS:
        return True
    return NULL in (one, other) or fits(one, other, {}) or fits(other, one, {})


def index_type(owner: Type, key: Type) -> Type | None:
    """What `[key]` finds; None if it cannot find anything."""
    if isinstance(owner, OptionalType):
        inner = index_type(owner.value, key)
        return None if inner is None else OptionalType(inner)
    if isinstance(owner, RecordType):
        return DYN if key in (STRING, DYN) else None
    if isinstance(owner, MapType):
        numeric = key in NUMBERS and owner.key in NUMBERS
        return owner.value if numeric or fits(owner.key, key, {}) else None
    if isinstance(owner, ListType):
        return owner.item if key in NUMBERS or key == DYN else None
    return DYN if owner == DYN else None


def range_types(given: Type, count: int) -> tuple[Type, ...] | None:
    """The types of a macro's variables; None if it cannot run over this."""
    if given == DYN:
        return (DYN,) * count
    if isinstance(given, RecordType):
        return (STRING, DYN)[:count]
    if isinstance(given, MapType):
        return (given.key, given.value)[:count]
    if isinstance(given, ListType):
        return (given.item,) if count == 1 else (INT, given.item)
    return None


def loop_type(over: Over, first: Type, body: Type) -> Type:
    """What a loop makes, given the types of its first variable and its body."""
    if over is Over.FILTER:
        return ListType(first)
    if over in (Over.MAP, Over.TRANSFORM_LIST):
        return ListType(body)
    if over is Over.TRANSFORM_MAP:
        return MapType(first, body)
    return BOOL


def no_overload(call: tree.Call, given: tuple[Type, ...], named: Iterable[Function]) -> str:
    """Why no function of this name takes values of these types."""
    types = ", ".join(map(str, given))
    if not call.name[0].isalpha():
        spelled = f" {call.name} ".join(map(str, given)) if len(given) > 1 else call.name + types
        return f"no such operation: {spelled}"
    takes = " or ".join(each.signature for each in list(named)[:4])
    if takes:
        return f"no such overload: {call.name}({types}); there is {takes}"
    if call.target is None:
        return f"{call.name}() is called on a value: x.{call.name}(...)"
    return f"{call.name}() is not called on a value: {call.name}(x, ...)"


def member_type(owner: Type, name: str) -> Type | None:
    """What `.name` finds; None if it cannot find anything."""
    if isinstance(owner, RecordType):
        return owner.fields.get(name, DYN if owner.extensible else None)
    if isinstance(owner, MapType):
        return owner.value if fits(owner.key, STRING, {}) else None
    if isinstance(owner, OptionalType):
        inner = member_type(owner.value, name)
        return None if inner is None else OptionalType(inner)
    return DYN if owner == DYN else None


def no_member(owner: Type, name: str) -> str:
    """Why `.name` finds nothing."""
    if not isinstance(owner, ObjectType | RecordType):
        return f"{owner} has no member '{name}'"
    fields: list[str] = [*owner.fields]
    if isinstance(owner, ObjectType) and owner.others is not None:
        fields += owner.others.fields
    known = ", ".join(f"'{each}'" for each in fields) or "none"
    return f"unknown attribute '{name}'; {owner} has {known}{suggest(name, fields)}"
