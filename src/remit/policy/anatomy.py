"""A condition taken apart: what each part of it comes to, and the part that decided.

    args.amount > 0 && args.amount <= 100       {"amount": 500}
    ───────────────    ──────────────────
         true                 false             the second conjunct decides

Parts are compiled when they are looked at. Nothing here runs when a policy decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from remit.expr import access, tree
from remit.expr.check import Checked
from remit.expr.compile import Program, compile  # noqa: A004 - it compiles
from remit.expr.errors import EvalError
from remit.expr.lex import tokens
from remit.expr.tree import Node, Over
from remit.model import Request
from remit.policy.located import Place
from remit.policy.rule import Condition
from remit.policy.shown import show
from remit.policy.unmet import Unmet

Scope: TypeAlias = tuple[tuple[str, Any], ...]
"""The variables of macros around a part, and what they stand for."""


class Seen(NamedTuple):
    """What a part came to: a value, or what went wrong."""

    value: Any
    error: str = ""

    def is_just(self, wanted: object) -> bool:
        """Whether the value is *wanted*, and not merely equal to it."""
        return not self.error and self.value is wanted


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a condition that decided what it came to."""

    text: str
    place: Place
    value: str
    """Empty if it has none."""
    error: str = ""
    where: tuple[tuple[str, str], ...] = ()
    """What the variables of macros around it stood for."""
    whole: bool = False
    """It is the whole condition: no smaller part decided."""

    def __str__(self) -> str:
        where = ", ".join(f"{name} = {value}" for name, value in self.where)
        told = f"{self.text}: {self.error}" if self.error else self.text
        return told + f" (where {where})" * bool(where)


class Anatomy:
    """The parts of one condition."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.tree = condition.program.tree
        self._compiled: dict[int, Program] = {}

    def look(self, node: Node, request: Request, scope: Scope = ()) -> Seen:
        """What the part at *node* comes to."""
        try:
            return Seen(self._program(node, scope).exact(request))
        except (EvalError, Unmet) as error:
            return Seen(None, str(error))

    def decisive(self, request: Request) -> Part:
        """The smallest part from which the rest follows."""
        node, scope = self._follow(self.tree, request, ())
        seen = self.look(node, request, scope)
        return Part(
            text=self.text(node),
            place=self.condition.place_of(node.at),
            value="" if seen.error else show(seen.value),
            error=seen.error,
            where=tuple((name, show(value)) for name, value in scope),
            whole=node is self.tree,
        )

    def text(self, node: Node) -> str:
        """What is written at *node*, on one line, with the brackets that belong to it."""
        written = self.condition.program.text[node.at : node.end]
        depth, missing = 0, 0
        for token in tokens(written):
            depth += (token.kind == "(") - (token.kind == ")")
            missing = max(missing, -depth)
        # A part that begins or ends with a bracketed one begins or ends inside its brackets.
        whole = "(" * missing + written + ")" * (depth + missing)
        return " ".join(whole.split())

    def _program(self, node: Node, scope: Scope) -> Program:
        if id(node) in self._compiled and not scope:
            return self._compiled[id(node)]
        bound = node
        for name, value in reversed(scope):
            known = tree.Constant(value=value, at=node.at, end=node.end)
            bound = tree.Bind(
                variable=name, value=known, body=bound, at=node.at, end=node.end, type=node.type
            )
        program = compile(Checked(self.condition.program.text, bound))
        if not scope:
            self._compiled[id(node)] = program
        return program

    def _follow(self, node: Node, request: Request, scope: Scope) -> tuple[Node, Scope]:
        """From *node* down to the part that decides what it comes to."""
        match node:
            case tree.And() | tree.Or():
                below = self._operand(node, request, scope)
            case tree.Call(name="!"):
                found = self._follow(node.operands[0], request, scope)
                return (node, scope) if found[0] is node.operands[0] else found
            case tree.Conditional():
                test = self.look(node.test, request, scope)
                chosen = node.then if test.value is True else node.otherwise
                below = (node.test if test.error else chosen), scope
            case tree.Bind():
                held = self.look(node.value, request, scope)
                inner = (*scope, (node.variable, held.value))
                below = (node.value, scope) if held.error else (node.body, inner)
            case tree.Loop(over=Over.ALL | Over.EXISTS):
                below = self._round(node, request, scope)
            case _:
                below = self._failing(node, request, scope)
        return self._follow(below[0], request, below[1]) if below else (node, scope)

    def _operand(
        self, node: tree.And | tree.Or, request: Request, scope: Scope
    ) -> tuple[Node, Scope] | None:
        """The first operand that decides; else the first without a value."""
        seen = [(each, self.look(each, request, scope)) for each in node.operands]
        decides = isinstance(node, tree.Or)
        first = next((each for each, found in seen if found.is_just(decides)), None)
        failed = next((each for each, found in seen if found.error), None)
        below = first or failed
        return (below, scope) if below else None

    def _round(self, node: tree.Loop, request: Request, scope: Scope) -> tuple[Node, Scope] | None:
        """The body of a loop, with the first item that decides; else the first that fails."""
        held = self.look(node.range, request, scope)
        if held.error:
            return node.range, scope
        single = len(node.variables) == 1
        try:
            found = access.entries(held.value) if single else access.pairs(held.value)
        except EvalError:
            return None
        rows: Iterator[tuple[Any, ...]] = ((row,) for row in found) if single else iter(found)
        decides = node.over is Over.EXISTS
        failed: tuple[Node, Scope] | None = None
        for row in rows:
            inner = (*scope, *zip(node.variables, row, strict=True))
            seen = self.look(node.body, request, inner)
            if seen.is_just(decides):
                return node.body, inner
            if seen.error and failed is None:
                failed = node.body, inner
        return failed

    def _failing(self, node: Node, request: Request, scope: Scope) -> tuple[Node, Scope] | None:
        """The first part below *node* that has no value, if *node* has none for that reason."""
        if not self.look(node, request, scope).error:
            return None
        for child in _children(node):
            if self.look(child, request, scope).error:
                return child, scope
        return None


def _children(node: Node) -> Iterator[Node]:
    """The parts directly below *node* that need no variable of its own."""
    match node:
        case tree.Loop():
            yield node.range
        case tree.Bind():
            yield node.value
        case tree.Unpack():
            yield node.optional
        case _:
            yield from tree.children(node)
