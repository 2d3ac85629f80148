"""The same expression, where more is known of its variables: a checked tree, checked again."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from remit.expr import tree
from remit.expr.check import Checked, _Checker
from remit.expr.environment import Environment
from remit.expr.tree import Node
from remit.expr.types import fits


def recheck(checked: Checked, environment: Environment) -> Checked:
    """*checked* against *environment*, whose variables have other types than they had before.

    Raises:
        ExprError: a name is unknown now, or a type does not fit.
    """
    checker = _Again(checked.text, environment)
    node = checker.guarded(checked.tree)
    if checked.expect is not None and not fits(checked.expect, node.type, {}):
        raise checker.error(f"this is of type {node.type}, and must be {checked.expect}", node)
    return Checked(checked.text, node, checked.expect)


class _Again(_Checker):
    """Takes what the checker makes of a tree for what it was made from."""

    def __init__(self, text: str, environment: Environment) -> None:
        super().__init__(text, environment)
        made: dict[type[Node], Any] = {
            tree.Variable: self.variable,
            tree.Local: self.local,
            tree.Attribute: self.selected,
        }
        self.visits = {**self.visits, **made}

    def variable(self, node: tree.Variable) -> Node:
        found = self.declared(node.name, node)
        return found or self.refuse(f"unknown name '{node.name}'", node)

    def local(self, node: tree.Local) -> Node:
        return replace(node, type=self.scope[node.name])

    def selected(self, node: tree.Attribute) -> Node:
        operand = self.visit(node.operand)
        if not node.name:
            # The mapping of an object's other members: it is found again by what is selected.
            return operand
        return self.member(operand, tree.Select(operand, node.name, at=node.at, end=node.end))
