"""Puts what a document defines where its conditions name it: on trees, never on text.

The names of `let` and the parameters of templates are gone before types are checked,
so a definition is typed anew wherever it is used, and an index sees through it. A
definition means the same everywhere: what it names is never a variable of a macro
around the place that uses it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from msgspec.structs import replace

from remit.expr import tree
from remit.expr.errors import ExprError, suggest
from remit.expr.tree import Node
from remit.expr.values import KINDS
from remit.policy.environment import ENVIRONMENT
from remit.policy.located import Node as Located
from remit.policy.located import Place, Scalar, plain

PARAM = "param"
"""What conditions of a template call its parameters: `param.max`."""

LARGEST = 5_000
"""Parts of a condition once all it names is put in: a few lines can stand for a great many."""

TALLEST = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of *node* begins at *start* of a longer text."""

    start: int
    node: Scalar


@dataclass(frozen=True, slots=True)
class Expanded:
    """An expression with all it names put in, over a text that holds all it is made of."""

    text: str
    tree: Node
    pieces: tuple[Piece, ...]
    used: tuple[str, ...] = ()
    """The names that were put in."""

    def place_of(self, offset: int) -> tuple[Place, bool]:
        """Where the character at *offset* was written, and whether in the expression itself."""
        after = [piece for piece in self.pieces if piece.start <= offset]
        piece = after[-1] if after else self.pieces[0]
        return piece.node.place_of(max(offset - piece.start, 0)), piece is self.pieces[0]


@dataclass(frozen=True, slots=True)
class Scope:
    """What conditions can name besides what every condition can."""

    lets: Mapping[str, Expanded | None] = field(default_factory=dict)
    """None stands for one that has a mistake, which has been told."""
    later: Mapping[str, object] = field(default_factory=dict)
    """Definitions that stand further down, and cannot be used yet."""
    template: str = ""
    """The template they stand in; empty outside of any."""
    parameters: Mapping[str, Located | None] = field(default_factory=dict)
    """Its parameters and their values; None stands for any value, while there is none yet."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to put in."""
        return not (self.lets or self.later or self.template)


NO_NAMES = Scope()


class Broken(Exception):
    """What is named here has a mistake that has been told already."""


def shifted(node: Node, by: int) -> Node:
    """*node* as it is when its text stands *by* characters further on."""
    if not by:
        return node
    moved = rebuilt(node, lambda child: shifted(child, by))
    return replace(moved, at=node.at + by, end=node.end + by)


class Inliner:
    """Puts definitions into one expression; *text* and *pieces* grow by what they were made of."""

    def __init__(self, text: str, node: Scalar, start: int, scope: Scope) -> None:
        self.text = text
        self.pieces = [Piece(start, node)]
        self.scope = scope
        self.closed = False
        """Names become absolute, since the expression will stand among others."""
        self.used: dict[str, None] = {}
        """The names that were put in."""
        self._placed: dict[str, Node] = {}

    def expand(self, node: Node, *, closed: bool = False) -> Expanded:
        """*node* with everything put in.

        Raises:
            ExprError: a name is unknown, or it grows too large.
            Broken: it uses a definition that has a mistake.
        """
        self.closed = closed
        found = self._put(node, frozenset())
        # What nothing was put into is as large as it was written.
        for size, (_, depth) in enumerate(tree.walk(found) if self.used else (), 1):
            if size > LARGEST or depth > TALLEST:
                grown = f"over {LARGEST} parts" if size > LARGEST else f"over {TALLEST} levels"
                message = f"with all that 'let' defines put in, this has {grown}; define less"
                raise ExprError(message, self.text, node.at)
        return Expanded(self.text, found, tuple(self.pieces), tuple(self.used))

    def _put(self, node: Node, bound: frozenset[str]) -> Node:
        if isinstance(node, tree.Name):
            return self._name(node, bound)
        if isinstance(node, tree.Select) and self._parameter(node.operand, bound):
            return self._filled(node)
        outside = getattr(node, _OUTSIDE.get(type(node), ""), None)
        inside = bound.union(_variables(node))
        return rebuilt(node, lambda child: self._put(child, bound if child is outside else inside))

    def _name(self, node: tree.Name, bound: frozenset[str]) -> Node:
        if node.name in bound and not node.absolute:
            return node
        if node.name in self.scope.lets:
            return self._definition(node.name)
        if self._parameter(node, bound):
            raise self._error("name one of its parameters: param.name", node)
        if node.name in self.scope.later:
            message = f"'{node.name}' does not stand above; a 'let' uses only those above it"
            raise self._error(message, node)
        if not builtin(node.name):
            known = [*self.scope.lets, *ENVIRONMENT.variables, *bound]
            raise self._error(f"unknown name '{node.name}'{suggest(node.name, known)}", node)
        return replace(node, absolute=True) if self.closed else node

    def _definition(self, name: str) -> Node:
        """What *name* stands for, among the texts of this expression."""
        if name not in self._placed:
            found = self.scope.lets[name]
            if found is None:
                raise Broken
            start = len(self.text) + 1
            self.text = f"{self.text}\n{found.text}"
            self.pieces += [Piece(start + each.start, each.node) for each in found.pieces]
            self._placed[name] = shifted(found.tree, start)
            self.used[name] = None
        return self._placed[name]

    def _parameter(self, node: Node, bound: frozenset[str]) -> bool:
        """Whether *node* is the `param` of a template."""
        if not isinstance(node, tree.Name) or node.name != PARAM or node.name in bound:
            return False
        if not self.scope.template:
            raise self._error("'param' has a meaning in the conditions of a template only", node)
        return True

    def _filled(self, node: tree.Select) -> Node:
        """The value of the parameter that *node* names."""
        parameters = self.scope.parameters
        if node.name not in parameters:
            hint = suggest(node.name, parameters) or f"; it has {', '.join(parameters) or 'none'}"
            message = f"the template {self.scope.template!r} has no parameter '{node.name}'{hint}"
            raise self._error(message, node)
        self.used[f"{PARAM}.{node.name}"] = None
        value = parameters[node.name]
        if value is None:
            # A value of any type: what a template says can be checked before it is used.
            return replace(node, operand=replace(node.operand, name="context"))
        return _literal(plain(value), node)

    def _error(self, message: str, node: Node) -> ExprError:
        return ExprError(message, self.text, node.at, node.end - node.at)


def _literal(value: Any, node: Node) -> Node:
    if not isinstance(value, list):
        return tree.Constant(value=value, at=node.at, end=node.end)
    items = tuple(tree.Item(_literal(item, node)) for item in value)
    return tree.List(items=items, at=node.at, end=node.end)


def builtin(name: str) -> bool:
    """Whether *name* has a meaning in every condition: a variable, a function, a type."""
    return name in _builtins()


@cache
def _builtins() -> frozenset[str]:
    functions = {name.partition(".")[0] for name in ENVIRONMENT.table}
    types = {name.partition(".")[0] for name in KINDS.values()}
    return frozenset({*ENVIRONMENT.variables, *functions, *types, "cel", "has"})


_OUTSIDE: Mapping[type[Node], str] = {
    tree.Loop: "range",
    tree.Bind: "value",
    tree.Unpack: "optional",
}
"""The part of a macro that its variables do not reach."""


def _variables(node: Node) -> tuple[str, ...]:
    if isinstance(node, tree.Loop):
        return node.variables
    return (node.variable,) if isinstance(node, tree.Bind | tree.Unpack) else ()


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """*node* with each node directly below it changed; itself, where nothing was."""
    found: dict[str, Any] = {}
    for name in tree.parts(type(node)):
        value = getattr(node, name)
        new = _changed(value, change)
        if new is not value:
            found[name] = new
    return replace(node, **found) if found else node


def _changed(value: Any, change: Callable[[Node], Node]) -> Any:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tree.Item | tree.Entry):
        parts = {name: _changed(getattr(value, name), change) for name in value.__struct_fields__}
        return replace(value, **parts)
    if type(value) is tuple and value:
        items = tuple(_changed(item, change) for item in value)
        return value if all(map(operator.is_, items, value)) else items
    return value
