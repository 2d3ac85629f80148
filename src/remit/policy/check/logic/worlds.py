"""The cases in which conditions come out as wanted.

A world says of some things which values they have. Together the worlds of a
claim hold every request for which it is true, and perhaps others: what is not
understood, or would take too many cases, rules out nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import reduce
from typing import TypeAlias

from remit.expr import tree
from remit.expr.tree import Node, Over
from remit.policy.check.logic.atoms import Atom, atom_of
from remit.policy.check.logic.places import settled
from remit.policy.check.logic.values import Values

MOST = 256
"""Worlds of one claim."""

MOST_LEFT = 8
"""Worlds that are left of one claim by others. More of them seldom end up as none."""

World: TypeAlias = Mapping[Hashable, Values]
Worlds: TypeAlias = Sequence[World]

_ANY: Worlds = ({},)


class Outcome(Enum):
    """How a condition comes out."""

    TRUE = "true"
    FALSE = "false"
    ERROR = "an error"
    NOT_TRUE = "false or an error"
    NOT_FALSE = "true or an error"


_SWAPPED = {
    Outcome.TRUE: Outcome.FALSE,
    Outcome.FALSE: Outcome.TRUE,
    Outcome.ERROR: Outcome.ERROR,
    Outcome.NOT_TRUE: Outcome.NOT_FALSE,
    Outcome.NOT_FALSE: Outcome.NOT_TRUE,
}
_WITH_TRUE = frozenset({Outcome.TRUE, Outcome.NOT_FALSE})
_WITH_FALSE = frozenset({Outcome.FALSE, Outcome.NOT_TRUE})
_WITH_ERROR = frozenset({Outcome.ERROR, Outcome.NOT_TRUE, Outcome.NOT_FALSE})


def possible(claims: Iterable[tuple[Node, Outcome]]) -> Worlds:
    """The cases in which every claim holds; none if that is certain never to happen."""
    return reduce(_both, (_worlds(node, wanted) for node, wanted in claims), _ANY)


def left_of(worlds: Worlds, applying: Worlds, passing: Worlds) -> Worlds:
    """The cases of *worlds* in which something does not apply.

    It applies in the cases *applying*, and does not in those that are *passing*. Only what it
    touches is split into cases: of many things most are about something else.
    """
    left: list[World] = []
    for world in worlds:
        if all(_apart(world, case) for case in applying):
            left.append(world)
        else:
            left += _both((world,), passing)
        if len(left) > MOST_LEFT:
            return worlds
    return left


def apart(some: Worlds, others: Worlds) -> bool:
    """Whether none of *some* is a case of *others* as well."""
    return all(_apart(one, other) for one in some for other in others)


def _apart(one: World, other: World) -> bool:
    return any(about in one and one[about].meet(allowed).empty for about, allowed in other.items())


def constant_at(world: World, *path: str) -> frozenset[str] | None:
    """The texts that the member of the request at *path* may be in *world*; None for any."""
    found = world.get(path)
    if found is None or found.kinds or found.numbers:
        return None
    return found.texts.only


def _worlds(node: Node, wanted: Outcome) -> Worlds:
    if isinstance(node, tree.Constant) and type(node.value) is bool:
        return _ANY if wanted in (_WITH_TRUE if node.value else _WITH_FALSE) else ()
    if isinstance(node, tree.And):
        return _joined(node.operands, wanted, opposite=False)
    if isinstance(node, tree.Or):
        return _joined(node.operands, wanted, opposite=True)
    if isinstance(node, tree.Call) and node.name == "!":
        return _worlds(node.args[0], _SWAPPED[wanted])
    if isinstance(node, tree.Call) and node.name == "!=":
        return _of_atom(atom_of(_equality(node)), _SWAPPED[wanted]) if settled(node) else _ANY
    if isinstance(node, tree.Conditional):
        return _chosen(node, wanted)
    if wanted is Outcome.TRUE and _pointless(node):
        return ()
    return _of_atom(atom_of(node), wanted) if settled(node) else _ANY


def _joined(operands: Sequence[Node], wanted: Outcome, *, opposite: bool) -> Worlds:
    """`a && b`; with *opposite* `a || b`, which is the same with true and false exchanged.

    One operand that is false makes it false. If none is, one that is an error makes it one.
    """
    if len(operands) > MOST:
        return _ANY
    asked = _SWAPPED[wanted] if opposite else wanted

    def each(outcome: Outcome) -> Iterator[Worlds]:
        one = _SWAPPED[outcome] if opposite else outcome
        return (_worlds(operand, one) for operand in operands)

    if asked in _WITH_TRUE:
        return reduce(_both, each(asked), _ANY)
    if asked in _WITH_FALSE:
        return _either(*each(asked))
    return _both(reduce(_both, each(Outcome.NOT_FALSE), _ANY), _either(*each(asked)))


def _chosen(node: tree.Conditional, wanted: Outcome) -> Worlds:
    then = _both(_worlds(node.test, Outcome.TRUE), _worlds(node.then, wanted))
    otherwise = _both(_worlds(node.test, Outcome.FALSE), _worlds(node.otherwise, wanted))
    erred = _worlds(node.test, Outcome.ERROR) if wanted in _WITH_ERROR else ()
    return _either(then, otherwise, erred)


def _pointless(node: Node) -> bool:
    """Whether it is a macro that looks for something that nothing can be.

    What its variables are is not said outside of it: another macro may call its own the same.
    """
    looks = isinstance(node, tree.Loop) and node.over in {Over.EXISTS, Over.EXISTS_ONE}
    if not isinstance(node, tree.Loop | tree.Bind) or not (looks or isinstance(node, tree.Bind)):
        return False
    return not _worlds(node.body, Outcome.TRUE)


def _equality(node: tree.Call) -> tree.Call:
    return tree.Call("==", None, node.args, at=node.at, end=node.end, type=node.type)


def _of_atom(atom: Atom, wanted: Outcome) -> Worlds:
    sides = ((_WITH_TRUE, atom.true), (_WITH_FALSE, atom.false), (_WITH_ERROR, atom.error))
    sets = [each for outcomes, each in sides if wanted in outcomes and not each.empty]
    if len(sets) == 2 and (joined := sets[0].join(sets[1])) is not None:
        sets = [joined]
    return tuple({atom.about: each} for each in sets)


def _both(some: Worlds, others: Worlds) -> Worlds:
    if len(some) * len(others) > MOST:
        return min(some, others, key=len)
    met = (_met(one, other) for one in some for other in others)
    return tuple(world for world in met if world is not None)


def _met(one: World, other: World) -> World | None:
    """What is so in both; None if nothing is."""
    world = dict(one)
    for about, allowed in other.items():
        world[about] = world[about].meet(allowed) if about in world else allowed
        if world[about].empty:
            return None
    return world


def _either(*several: Worlds) -> Worlds:
    found = tuple(world for worlds in several for world in worlds)
    return found if len(found) <= MOST else _ANY
