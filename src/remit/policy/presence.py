"""Reads of a condition that may find nothing: an argument is left out, or null.

Such a read has no value when it happens, so a rule that denies or asks applies
and one that allows does not. `has(args.x)`, `"x" in args`, `args.x != null`
before it, or `args.?x` in its place, say that this was thought of.

A condition absorbs errors: `has(args.x) && args.x > 1` and its reverse are both
false without an `x`. So what one operand of `&&` makes sure is sure for all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from remit.expr import tree
from remit.expr.tree import Node
from remit.expr.types import MapType, OptionalType
from remit.policy.declared import Record

Way: TypeAlias = tuple[str, ...]
"""A variable and the members that lead to a value: `("args", "address", "zip")`."""


class Why(StrEnum):
    """Why a read may find nothing."""

    OPTIONAL = "may be left out"
    NULL = "may be null"
    OPEN = "is not declared"
    ELSEWHERE = "is not there"


@dataclass(frozen=True, slots=True)
class Lack:
    """A read that may find nothing."""

    node: Node
    way: Way
    why: Why
    owner: Record | None = None

    @property
    def spelled(self) -> str:
        """What is read, as a condition writes it."""
        return ".".join(self.way)


Sure: TypeAlias = frozenset[Way]
"""Values that are there, and not null where the way ends in `_NOT_NULL`."""

NOTHING: Sure = frozenset()
_NOT_NULL = "!"


class Sides(NamedTuple):
    """What is sure when a condition holds, and when it does not."""

    true: Sure = NOTHING
    false: Sure = NOTHING


def lacks(node: Node, sure: Sure = NOTHING) -> Iterator[Lack]:
    """The reads in *node* that may find nothing, given what is sure."""
    if isinstance(node, tree.And | tree.Or):
        yield from _joined(node, sure)
    elif isinstance(node, tree.Conditional):
        sides = _sides(node.test)
        yield from lacks(node.test, sure)
        yield from lacks(node.then, sure | sides.true)
        yield from lacks(node.otherwise, sure | sides.false)
    elif isinstance(node, tree.Loop):
        yield from lacks(node.range, sure)
        inside = _without(sure, node.variables)
        if node.condition is not None:
            yield from lacks(node.condition, inside)
            inside |= _sides(node.condition).true
        yield from lacks(node.body, inside)
    elif isinstance(node, tree.Bind | tree.Unpack):
        yield from lacks(node.value if isinstance(node, tree.Bind) else node.optional, sure)
        yield from lacks(node.body, _without(sure, (node.variable,)))
    else:
        yield from _read(node, sure)
        for child in tree.children(node):
            yield from lacks(child, sure)


def _joined(node: tree.And | tree.Or, sure: Sure) -> Iterator[Lack]:
    """Each operand matters only where the others leave the answer to it."""
    sides = [_sides(operand) for operand in node.operands]
    found = [side.true if isinstance(node, tree.And) else side.false for side in sides]
    given = Counter(way for each in found for way in each)
    everywhere = sure.union(*found)
    for operand, own in zip(node.operands, found, strict=True):
        # What only this operand makes sure is not sure for itself.
        alone = frozenset(way for way in own if given[way] == 1) - sure
        yield from lacks(operand, everywhere - alone if alone else everywhere)


def _read(node: Node, sure: Sure) -> Iterator[Lack]:
    """What may be missing where *node* itself reads a member."""
    if not isinstance(node, tree.Select | tree.Has):
        return
    owner, way = node.operand.type, way_of(node.operand)
    if not way:
        return
    if _nullable(node.operand) and (*way, _NOT_NULL) not in sure:
        yield Lack(node.operand, way, Why.NULL)
    if isinstance(node, tree.Has) or node.optional or (*way, node.name) in sure:
        return
    there = (*way, node.name)
    if isinstance(owner, MapType) and way[0] == "args":
        yield Lack(node, there, Why.OPEN)
    elif isinstance(owner, Record) and node.name not in owner.required:
        why = Why.OPTIONAL if node.name in owner.fields else Why.OPEN
        yield Lack(node, there, Why.ELSEWHERE if node.name in owner.elsewhere else why, owner)


def _nullable(node: Node) -> bool:
    """Whether the value of *node* may be null where it is there."""
    if not isinstance(node, tree.Select):
        return False
    owner = node.operand.type
    if isinstance(owner, OptionalType):
        owner = owner.value
    return isinstance(owner, Record) and node.name in owner.nullable


def _sides(node: Node) -> Sides:
    """What is known once *node* turned out true or false."""
    if isinstance(node, tree.Has):
        return Sides(true=_sure(way_of(node.operand), node.name))
    if isinstance(node, tree.And | tree.Or):
        return _sides_of_many(node)
    if not isinstance(node, tree.Call):
        return Sides()
    if node.name == "!":
        true, false = _sides(node.operands[0])
        return Sides(false, true)
    if node.name == "in":
        member, owner = node.operands
        if isinstance(member, tree.Constant) and isinstance(member.value, str):
            return Sides(true=_sure(way_of(owner), member.value))
        return Sides()
    if node.name in {"==", "!="}:
        compared = _sure(_compared_with_null(node.operands), _NOT_NULL)
        return Sides(true=compared) if node.name == "!=" else Sides(false=compared)
    return Sides()


def _sides_of_many(node: tree.And | tree.Or) -> Sides:
    # `x || false` is x.
    neutral = isinstance(node, tree.And)
    said = [o for o in node.operands if not isinstance(o, tree.Constant) or o.value is not neutral]
    if not said:
        return Sides()
    sides = [_sides(operand) for operand in said]
    trues, falses = [side.true for side in sides], [side.false for side in sides]
    if isinstance(node, tree.And):
        return Sides(NOTHING.union(*trues), falses[0].intersection(*falses[1:]))
    return Sides(trues[0].intersection(*trues[1:]), NOTHING.union(*falses))


def _compared_with_null(operands: tuple[Node, ...]) -> Way:
    one, other = operands
    if isinstance(one, tree.Constant):
        one, other = other, one
    null = isinstance(other, tree.Constant) and other.value is None
    return way_of(one) if null else ()


def _sure(way: Way, name: str) -> Sure:
    return frozenset({(*way, name)}) if way else NOTHING


def _without(sure: Sure, variables: Iterable[str]) -> Sure:
    """What stays sure where *variables* mean something new."""
    hidden = set(variables)
    return frozenset(way for way in sure if way[0] not in hidden)


def way_of(node: Node) -> Way:
    """The way to what *node* reads; empty where it is computed."""
    members: list[str] = []
    while isinstance(node, tree.Select | tree.Attribute):
        members.append(node.name)
        node = node.operand
    if not isinstance(node, tree.Variable | tree.Local):
        return ()
    way = (node.name, *filter(None, reversed(members)))
    # `action.properties` is `args` by its long name.
    return ("args", *way[2:]) if way[:2] == ("action", "properties") else way
