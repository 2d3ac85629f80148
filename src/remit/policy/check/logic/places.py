"""What a part of a condition is about: a key that is the same wherever the same is meant."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import inf
from typing import Any, TypeAlias

from msgspec import Struct

from remit.expr import tree
from remit.expr.tree import Node
from remit.expr.types import BOOL, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT, Type
from remit.policy.check.logic import texts, values
from remit.policy.check.logic.texts import Texts
from remit.policy.check.logic.values import EVERY_NUMBER, Kind, Values

Key: TypeAlias = Hashable

_POSITIONS = frozenset({"at", "end", "type", "functions"})
_MISSING = frozenset({Kind.MISSING})
_OF_TYPE: Mapping[Type, Values] = {
    BOOL: Values(_MISSING | {Kind.TRUE, Kind.FALSE}),
    INT: Values(_MISSING, EVERY_NUMBER, whole=True),
    UINT: Values(_MISSING, (((0, 0), (inf, 0)),), whole=True),
    DOUBLE: Values(_MISSING | {Kind.NAN}, EVERY_NUMBER),
    STRING: Values(_MISSING, texts=texts.ALL),
    TIMESTAMP: Values(_MISSING, EVERY_NUMBER),
    DURATION: Values(_MISSING, EVERY_NUMBER),
}
_BETWEEN = {
    "getMinutes": (0, 59), "getSeconds": (0, 60), "getMilliseconds": (0, 999),
    "getDayOfWeek": (0, 6), "getDayOfMonth": (0, 30), "getDate": (1, 31),
    "getDayOfYear": (0, 365), "getMonth": (0, 11), "getFullYear": (1, 9999),
}  # fmt: skip
_TEXTS = {
    "weekday": Texts(frozenset(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])),
    "lowerAscii": Texts(wanted=frozenset({("lower", "")})),
    "upperAscii": Texts(wanted=frozenset({("upper", "")})),
    "url.host": Texts(wanted=frozenset({("lower", "")})),
}


def key_of(node: Node) -> Key:
    """What *node* is about; a member of the request is named by its path, however it is written."""
    return path_of(node) or _written(node)


def path_of(node: Node) -> tuple[str, ...]:
    """The way to a member of the request; empty if *node* is something else."""
    if isinstance(node, tree.Variable):
        return tuple(node.path.split("."))
    if isinstance(node, tree.Attribute):
        owner = path_of(node.operand)
        return (*owner, *node.path.split(".")) if owner else ()
    if isinstance(node, tree.Select) and not node.optional:
        return _member(node.operand, node.name)
    if isinstance(node, tree.Index) and not node.optional and isinstance(node.key, tree.Constant):
        # A list may be indexed by a number, and a number is no name.
        return _member(node.operand, node.key.value) if type(node.key.value) is str else ()
    return ()


def domain(node: Node) -> Values:
    """The values that *node* may have at all."""
    found = _OF_TYPE.get(node.type, values.ANYTHING)
    if isinstance(node, tree.Call):
        return found.meet(_result(node))
    if isinstance(node, tree.Variable | tree.Attribute):
        return found.meet(values.without(values.kinds(Kind.MISSING, Kind.NAN)))
    # What comes in a request is JSON, and that has no NaN.
    return found.meet(values.without(values.kinds(Kind.NAN))) if path_of(node) else found


def settled(node: Node) -> bool:
    """Whether *node* is the same each time it is computed for one request."""
    calls = (part for part, _ in tree.walk(node) if isinstance(part, tree.Call))
    return all(function.pure for call in calls for function in call.functions)


def _member(operand: Node, name: str) -> tuple[str, ...]:
    owner = path_of(operand)
    return (*owner, name) if owner else ()


def _result(call: tree.Call) -> Values:
    if call.name in _TEXTS:
        return Values(_MISSING, texts=_TEXTS[call.name])
    if call.name in _BETWEEN and call.target is not None and call.target.type == TIMESTAMP:
        first, last = _BETWEEN[call.name]
        return Values(_MISSING, (((first, 0), (last, 0)),), whole=True)
    if call.name == "size" and call.type == INT:
        return Values(_MISSING, (((0, 0), (inf, 0)),), whole=True)
    return values.ANYTHING


def _written(part: Any) -> Key:
    """*part* without its positions in the text."""
    if isinstance(part, tree.Constant):
        return (type(part.value).__name__, repr(part.value))
    if isinstance(part, Node) and (path := path_of(part)):
        return path
    if isinstance(part, Struct):
        names = [name for name in part.__struct_fields__ if name not in _POSITIONS]
        return (type(part).__name__, *(_written(getattr(part, name)) for name in names))
    if isinstance(part, tuple):
        return tuple(map(_written, part))
    return part if isinstance(part, Hashable) else repr(part)
