"""The comparisons of a condition with constant texts, and whether passing them helps an action."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.expr import tree
from remit.expr.tree import Node

_ON_TEXT = frozenset({"startsWith", "endsWith", "contains", "matches"})
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of something with a text."""

    call: tree.Call
    sign: str
    """`==`, `<`, `startsWith`, `matches`, ...; `!=` and `in` are several of `==`."""
    place: Node
    """What is compared."""
    text: str
    grants: bool
    """Whether it being true helps the action to happen."""

    @property
    def function(self) -> str:
        """The function whose value is compared; empty if it is a member of the request."""
        return self.place.name if isinstance(self.place, tree.Call) else ""

    @property
    def words(self) -> frozenset[str]:
        """What is compared, in words: `callback` and `url` for `args.callback_url`."""
        place = self.place
        while isinstance(place, tree.Call) and place.operands:
            place = place.operands[0]
        if isinstance(place, tree.Select | tree.Attribute):
            return frozenset(place.name.lower().split("_"))
        if isinstance(place, tree.Index) and isinstance(place.key, tree.Constant):
            return frozenset(str(place.key.value).lower().split("_"))
        return frozenset()


def comparisons(node: Node, *, grants: bool) -> Iterator[Comparison]:
    """Those in *node*; *grants* says whether it being true helps the action to happen."""
    if isinstance(node, tree.Call) and node.name == "!":
        yield from comparisons(node.args[0], grants=not grants)
        return
    if isinstance(node, tree.Call):
        yield from _of_call(node, grants=grants)
    for child in tree.children(node):
        yield from comparisons(child, grants=grants)


def _of_call(call: tree.Call, *, grants: bool) -> Iterator[Comparison]:
    if call.target is not None and call.name in _ON_TEXT:
        yield from _with(call, call.name, call.target, call.args[0], grants=grants)
    elif call.name == "matches" and len(call.args) == 2:
        yield from _with(call, "matches", *call.args, grants=grants)
    elif call.name == "in" and isinstance(call.args[1], tree.List):
        for item in call.args[1].items:
            yield from _with(call, "==", call.args[0], item.value, grants=grants)
    elif call.name in _MIRRORED and len(call.args) == 2:
        left, right = call.args
        for sign, one, other in ((call.name, left, right), (_MIRRORED[call.name], right, left)):
            if sign == "!=":
                yield from _with(call, "==", one, other, grants=not grants)
            else:
                yield from _with(call, sign, one, other, grants=grants)


def _with(
    call: tree.Call, sign: str, place: Node, operand: Node, *, grants: bool
) -> Iterator[Comparison]:
    if isinstance(operand, tree.Constant) and type(operand.value) is str:
        yield Comparison(call, sign, place, operand.value, grants)
