"""Calls that are not calls: they name variables, or look at syntax.

A macro is recognised by its name and number of arguments alone; a call that
fits none is left to be an ordinary function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from remit.expr import tree
from remit.expr.tree import Node, Over

Fail: TypeAlias = Callable[[str, Node], Exception]
Span: TypeAlias = tuple[int, int]

_LOOPS = {
    "all": Over.ALL,
    "exists": Over.EXISTS,
    "exists_one": Over.EXISTS_ONE,
    "existsOne": Over.EXISTS_ONE,
}


def expand(
    name: str, target: Node | None, args: tuple[Node, ...], span: Span, fail: Fail
) -> Node | None:
    """What the call means if it is a macro; None if it is not."""
    if target is None:
        return _has(args[0], span, fail) if name == "has" and len(args) == 1 else None
    if name == "bind" and len(args) == 3 and type(target) is tree.Name and target.name == "cel":
        return tree.Bind(_variable(args[0], fail), *args[1:], at=span[0], end=span[1])
    if name in ("optMap", "optFlatMap") and len(args) == 2:
        flat = name == "optFlatMap"
        variable = _variable(args[0], fail)
        return tree.Unpack(target, variable, args[1], flat, at=span[0], end=span[1])
    shape = _shape(name, len(args))
    if shape is None:
        return None
    over, count = shape
    variables = tuple(_variable(arg, fail) for arg in args[:count])
    if len(set(variables)) < count:
        raise fail(f"{name}() needs two different variables", args[1])
    *condition, body = args[count:]
    chosen = condition[0] if condition else None
    return tree.Loop(over, target, variables, body, chosen, at=span[0], end=span[1])


def _shape(name: str, count: int) -> tuple[Over, int] | None:
    """The loop a macro stands for, and how many of its arguments are variables."""
    if name in _LOOPS and count in (2, 3):
        return _LOOPS[name], count - 1
    if name == "filter" and count == 2:
        return Over.FILTER, 1
    if name == "map" and count in (2, 3):
        return Over.MAP, 1
    if name == "transformList" and count in (3, 4):
        return Over.TRANSFORM_LIST, 2
    if name == "transformMap" and count in (3, 4):
        return Over.TRANSFORM_MAP, 2
    return None


def _has(arg: Node, span: Span, fail: Fail) -> Node:
    if type(arg) is tree.Select and not arg.optional:
        return tree.Has(arg.operand, arg.name, at=span[0], end=span[1])
    raise fail("has() asks for a member: has(args.amount)", arg)


def _variable(arg: Node, fail: Fail) -> str:
    if type(arg) is tree.Name and not arg.absolute:
        return arg.name
    raise fail("a name for the variable is needed here", arg)
