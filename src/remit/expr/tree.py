"""The tree of an expression, as the parser leaves it and as the checker completes it.

The parser builds every node but the last four; the checker replaces each
`Name` by a `Variable`, a `Local` or a `Constant`, turns selections on objects
into `Attribute`, and fills in the types. `at` and `end` are offsets into the
text. Macros are gone: `all`, `map`, `has` and the like are nodes of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from remit.expr.types import DYN, Path, Type

if TYPE_CHECKING:
    from remit.expr.function import Function


# A tree holds no cycle, and a large policy has so many nodes that to look for some takes longer
# than to read it.
class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Any part of an expression."""

    at: int
    end: int
    type: Type = DYN


class Constant(Node, frozen=True):
    """A literal, or what the checker found to be one."""

    value: Any


class Name(Node, frozen=True):
    """An identifier that nothing has been found out about yet."""

    name: str
    absolute: bool = False
    """Written with a dot before it: no local variable is meant."""


class Select(Node, frozen=True):
    """`operand.name`; with `optional`, `operand.?name`."""

    operand: Node
    name: str
    optional: bool = False


class Index(Node, frozen=True):
    """`operand[key]`; with `optional`, `operand[?key]`."""

    operand: Node
    key: Node
    optional: bool = False


class Has(Node, frozen=True):
    """`has(operand.name)`."""

    operand: Node
    name: str


class Call(Node, frozen=True):
    """A function or an operator; `target` is what stands before the dot, if it is a value."""

    name: str
    target: Node | None
    args: tuple[Node, ...]
    functions: tuple[Function, ...] = ()
    """Those the name may mean, after the check: what the data are decides."""

    @property
    def operands(self) -> tuple[Node, ...]:
        """Everything the function is given, the target first."""
        return self.args if self.target is None else (self.target, *self.args)


class And(Node, frozen=True):
    """`a && b && c`: false if any is false, whatever errors the others have."""

    operands: tuple[Node, ...]


class Or(Node, frozen=True):
    """`a || b || c`: true if any is true, whatever errors the others have."""

    operands: tuple[Node, ...]


class Conditional(Node, frozen=True):
    """`test ? then : otherwise`."""

    test: Node
    then: Node
    otherwise: Node


class Item(msgspec.Struct, frozen=True, gc=False):
    """One item of a list; an optional one is left out when it is none."""

    value: Node
    optional: bool = False


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry of a map; an optional one is left out when it is none."""

    key: Node
    value: Node
    optional: bool = False


class List(Node, frozen=True):
    """`[a, ?b]`."""

    items: tuple[Item, ...]


class Map(Node, frozen=True):
    """`{"a": 1, ?"b": c}`."""

    entries: tuple[Entry, ...]


class Over(StrEnum):
    """What a loop makes of the things it runs over."""

    ALL = "all"
    EXISTS = "exists"
    EXISTS_ONE = "exists_one"
    FILTER = "filter"
    MAP = "map"
    TRANSFORM_LIST = "transformList"
    TRANSFORM_MAP = "transformMap"


class Loop(Node, frozen=True):
    """A macro over a list or a map.

    With one variable it is the item, or the key; with two they are index and
    item, or key and value. `condition` chooses what `body` is computed for.
    """

    over: Over
    range: Node
    variables: tuple[str, ...]
    body: Node
    condition: Node | None = None


class Bind(Node, frozen=True):
    """`cel.bind(variable, value, body)`."""

    variable: str
    value: Node
    body: Node


class Unpack(Node, frozen=True):
    """`optional.optMap(variable, body)`; with `flat`, the body is an optional itself."""

    optional: Node
    variable: str
    body: Node
    flat: bool = False


class Variable(Node, frozen=True):
    """What the environment declares under this name."""

    name: str
    path: Path
    convert: Any = None


class Local(Node, frozen=True):
    """A variable of a macro around this place."""

    name: str


class Attribute(Node, frozen=True):
    """A field of a Python object."""

    operand: Node
    name: str
    """As written; empty where the mapping of an object's other members is meant."""
    path: Path


class Failure(Node, frozen=True):
    """A part of an unchecked expression that can only fail."""

    message: str


@cache
def parts(kind: type[Node]) -> tuple[str, ...]:
    """The fields of such nodes that hold others."""
    annotations = {name: each for base in kind.__mro__ for name, each in _annotations(base)}
    return tuple(name for name in kind.__struct_fields__ if _HOLDS_NODES.search(annotations[name]))


_HOLDS_NODES = re.compile(r"\b(?:Node|Item|Entry)\b")


def _annotations(kind: type) -> Iterable[tuple[str, str]]:
    return getattr(kind, "__annotations__", {}).items()


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below *node*, in the order they are written."""
    for name in parts(type(node)):
        value = getattr(node, name)
        if type(value) is tuple:
            yield from _members(value)
        elif value is not None:
            yield value


def _members(values: tuple[Any, ...]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, Item):
            yield value.value
        elif isinstance(value, Entry):
            yield value.key
            yield value.value


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every node of the tree and its depth, however deep the tree is."""
    pending = [(node, 1)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        pending.extend((child, depth + 1) for child in children(node))
