"""Which limit a condition means by `used("spend")`: one of its own document, and a unit of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from msgspec.structs import replace as alter

from remit.expr import tree
from remit.expr.check import Checked
from remit.expr.compile import compile  # noqa: A004 - it compiles
from remit.expr.errors import suggest
from remit.expr.tree import Node
from remit.policy.fields import Errors
from remit.policy.inline import rebuilt
from remit.policy.rule import Condition, Limit
from remit.policy.unmet import NAME


def bind(
    condition: Condition, document: str, limits: Mapping[str, Limit], errors: Errors
) -> Condition:
    """*condition*, which calls the *limits* of its *document* by the names of their shares."""
    checked = condition.program.checked
    if NAME not in checked.text or not asked(checked.tree):
        return condition

    def look(node: Node) -> Node:
        if isinstance(node, tree.Select | tree.Has) and _is_call(node.operand):
            limit = limits.get(_named(node.operand))
            units = [unit for unit, _ in limit.max] if limit else []
            if limit and node.name not in units:
                hint = suggest(node.name, units) or f"; it counts {', '.join(units)}"
                why = f"the limit {limit.id!r} does not count {node.name!r}{hint}"
                errors.add(condition.place_of(node.at), why)
        if not isinstance(node, tree.Call) or not _is_call(node):
            return rebuilt(node, look)
        name = _named(node)
        if name not in limits:
            there = f"; there are {', '.join(limits)}" if limits else "; there are none here"
            why = (
                "write the id of a limit, in quotes" if not name else f"there is no limit {name!r}"
            )
            hint = (suggest(name, limits) or there) if name else ""
            errors.add(condition.place_of(node.at), f"{why}{hint}")
            return node
        (literal,) = node.args
        return alter(node, args=(alter(literal, value=f"{document}/{name}"),))

    bound = look(checked.tree)
    program = compile(Checked(checked.text, bound, checked.expect))
    return replace(condition, program=program)


def asked(node: Node) -> bool:
    """Whether an expression asks what a limit has counted."""
    return any(_is_call(each) for each, _ in tree.walk(node))


def _is_call(node: Node) -> bool:
    return isinstance(node, tree.Call) and node.name == NAME and node.target is None


def _named(node: Node) -> str:
    """The literal that a call of the function is given; empty if it is none."""
    assert isinstance(node, tree.Call)
    (argument,) = node.args
    found = argument.value if isinstance(argument, tree.Constant) else ""
    return found if isinstance(found, str) else ""
