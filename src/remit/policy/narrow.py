"""What a request decides about its candidates before any condition is evaluated.

Most conditions compare things of the request with constants: `args.region == "eu"`,
`args.amount > 100`, `args.path.startsWith("/srv/")`, joined by `&&`. A conjunct that is
false makes its condition false, whatever errors the others have, so one look at the
value rules out every candidate it is false for. The candidates are bits of an integer;
each thing compared has an index from its value to the bits that remain; and what a
request leaves is their intersection.

    equal to one of some texts     by dictionary
    a number within bounds         by bisection, into the stretches between all bounds; whole
                                   numbers by a table, where the bounds lie close
    begins with a text             the same: texts with one beginning stand together
    there (`has`)                  by its name alone: whatever it is, the test has an answer
    matches regular expressions    all of them in one search, of which the result is remembered

A condition that is made of such tests alone is true if all of them leave it: it is sure, and
needs no evaluation.

An index only ever speaks of what it is sure of. A value that is missing or of another
type rules out nothing and makes nothing sure: then the condition itself says what
that means.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import ceil, inf, nextafter
from typing import Any, NamedTuple, TypeAlias

from remit.canonical.jcs import LARGEST_INTEGER
from remit.expr import tree
from remit.expr.tree import Node
from remit.expr.types import MapType
from remit.model import Request
from remit.policy.codes import Codes
from remit.policy.expressions import Sought
from remit.policy.looks import End, Form, Kind, Look, join

WORTH_AN_INDEX = 4
"""Tests of one thing from which on a look at it is cheaper than the conditions it spares."""

ALWAYS_WORTH_IT = 12
"""Things that are looked at however few tests they have: with all of them, most candidates are
sure, and what follows from sure candidates is remembered."""

MOST_BOUNDS = 4096
"""Bounds kept of one thing. Where policies have more, neighbouring stretches share one."""

MAPPINGS = frozenset(
    {
        "action.properties", "context", "resource.properties", "run", "session.facts",
        "subject.properties",
    }
)  # fmt: skip
"""What always is a mapping."""

TABLES = (32, 128, 1024)
"""How long the tables are that hold the answer for each whole number, up to the highest bound."""


class Texts(NamedTuple):
    """The value is one of these texts."""

    texts: frozenset[str]


class Span(NamedTuple):
    """The value is a number, or a text, that is not before *start* and is before *stop*."""

    start: Any
    stop: Any


class There(NamedTuple):
    """The value is there."""


class Pattern(NamedTuple):
    """This regular expression is in the value."""

    pattern: str


Test: TypeAlias = Texts | Span | There | Pattern
Place: TypeAlias = tuple[str, str]
"""A chain of attributes of the request, and a member of the mapping there; "" for none."""
Tests: TypeAlias = dict[int, list[Any]]
"""The tests of one kind of one thing, by the bit of the condition they are part of."""


class Narrowing:
    """From a request to those of *conditions*, by their bit, that it may make true."""

    def __init__(
        self,
        conditions: Sequence[Node | None],
        names: Iterable[Look] = (),
        end: End | None = None,
        codes: Codes | None = None,
    ) -> None:
        """With looks at *names*, which rule out what they do whatever the conditions are."""
        self._codes = codes or Codes()
        self._everything = (1 << len(conditions)) - 1
        self._unsure = 0
        found: dict[tuple[Place, type, type], Tests] = {}
        for bit, condition in enumerate(conditions):
            for conjunct in _conjuncts(condition):
                test = _test(conjunct)
                if test is None:
                    self._unsure |= 1 << bit
                else:
                    place, kind, what = test
                    found.setdefault((place, kind, type(what)), {}).setdefault(bit, []).append(what)
        looks = [*names, *self._looks(found, end)]
        self.take, self.kept = join(looks, self._everything, self._unsure, end)

    def find(self, request: Request) -> tuple[int, int]:
        """What *request* does not rule out, and which of these have to be evaluated."""
        return self.take(request, self.kept)

    def _looks(
        self, found: Mapping[tuple[Place, type, type], Tests], end: End | None
    ) -> Iterator[Look]:
        most_tested = sorted(found.items(), key=lambda item: -len(item[1]))
        for rank, (((owner, name), kind, what), tests) in enumerate(most_tested):
            tested = _bits(tests)
            if rank >= ALWAYS_WORTH_IT and len(tests) < WORTH_AN_INDEX:
                self._unsure |= tested
                continue
            free = self._everything & ~tested
            few = len(tests) < WORTH_AN_INDEX and end is None
            place = (owner, name, kind, what)
            member = bool(name)
            if what is There:
                form = Form(Kind.LACK, owner, member=True, few=few)
                yield Look(form, name, free=end.of(free) if end else free, tested=tested)
                continue
            if what is Pattern:
                if end is None:
                    yield self._sought((owner, name), tests, tested)
                else:
                    # Most of the many are ruled out before, and a search takes longer than a look.
                    self._unsure |= tested
                continue
            if what is Texts:
                by_text = _by_text(free, tests)
                texts = self._codes.share(place, by_text)
                left = _paired([free, *(by_text.get(text, free) for text in texts)], end)
                form = Form(Kind.TEXT, owner, member=member, few=few)
                yield Look(form, name, texts, left[1:], left[0], tested)
                continue
            points = self._codes.share(place, _bounds_of(tests, kind))
            if len(points) > MOST_BOUNDS:
                points = points[:: -(-len(points) // MOST_BOUNDS)]
                self._unsure |= tested
            left = _paired(_masks(free, points, tests), end)
            if kind is not float:
                form = Form(Kind.SPAN, owner, member=member, few=few)
                yield Look(form, name, points, left, 0, tested)
                continue
            wholes = tuple(map(ceil, points))
            fractions = _Fractions(points, left)
            form = Form(Kind.NUMBER, owner, member=member, few=few)
            if points and wholes[0] > 0 and wholes[-1] < TABLES[-1]:
                size = next(size for size in TABLES if wholes[-1] < size)
                form = Form(Kind.COUNT, owner, member=member, few=few, counts=size)
            yield Look(form, name, wholes, left, 0, tested, fractions)

    def _sought(self, place: Place, tests: Mapping[int, list[Pattern]], tested: int) -> Look:
        """The look at which patterns are in a text."""
        owner, name = place
        wanted = {bit: [one.pattern for one in several] for bit, several in tests.items()}
        expressions = self._codes.expressions(place, {*chain.from_iterable(wanted.values())})
        sought = Sought(expressions, self._everything, wanted)
        form = Form(Kind.PATTERN, owner, member=bool(name), few=False)
        return Look(form, name, left=(sought,), free=tested, tested=tested)


class _Fractions(NamedTuple):
    """From a number that need not be whole to the candidates it leaves.

    Numbers of one type compare quickest, so whole numbers have points of their own.
    """

    points: tuple[float, ...]
    masks: tuple[Any, ...]

    def find(self, value: float) -> Any:
        return self.masks[bisect_right(self.points, value)]


def _conjuncts(node: Node | None) -> Iterator[Node]:
    if isinstance(node, tree.And):
        for operand in node.operands:
            yield from _conjuncts(operand)
    elif node is not None:
        yield node


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def _test(node: Node) -> tuple[Place, type, Test] | None:
    """What *node* asks of which thing, of which type, where an index can tell the answer."""
    if isinstance(node, tree.Has):
        owner = _attributes(node.operand)
        return ((owner, node.name), object, There()) if owner in MAPPINGS else None
    return _compared(node) if isinstance(node, tree.Call) else None


def _compared(call: tree.Call) -> tuple[Place, type, Test] | None:
    """What *call* compares with a constant."""
    if call.name == "matches" and call.operands[1:]:
        return _found(call.operands[0], str, _pattern(call.operands[1]))
    if call.name == "startsWith" and call.target is not None:
        return _found(call.target, str, _prefix(call.args[0]))
    if call.target is not None or len(call.args) != 2:
        return None
    left, right = call.args
    if call.name == "in":
        return _found(left, str, _texts(right))
    if call.name not in _MIRRORED:
        return None
    if isinstance(left, tree.Constant):
        return _comparison(right, _MIRRORED[call.name], left.value)
    if isinstance(right, tree.Constant):
        return _comparison(left, call.name, right.value)
    return None


def _found(node: Node, kind: type, test: Test | None) -> tuple[Place, type, Test] | None:
    place = _place(node)
    return None if place is None or test is None else (place, kind, test)


def _comparison(node: Node, operator: str, value: Any) -> tuple[Place, type, Test] | None:
    if operator == "==" and type(value) is str:
        return _found(node, str, Texts(frozenset({value})))
    if type(value) not in {int, float} or not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return None
    return _found(node, float, _bounds(operator, value))


def _bounds(operator: str, value: float) -> Span:
    """What compares with *value* this way; no number that JSON has lies between it and *after*."""
    after = nextafter(value, inf)
    if operator == "==":
        return Span(value, after)
    start = {">": after, ">=": value}.get(operator, -inf)
    stop = {"<": value, "<=": after}.get(operator, inf)
    return Span(start, stop)


def _texts(node: Node) -> Texts | None:
    if not isinstance(node, tree.List):
        return None
    values = [item.value for item in node.items if not item.optional]
    texts = {value.value for value in values if isinstance(value, tree.Constant)}
    if len(values) != len(node.items) or not all(type(text) is str for text in texts):
        return None
    if not all(isinstance(value, tree.Constant) for value in values):
        return None
    return Texts(frozenset(texts))


def _prefix(node: Node) -> Span | None:
    """The texts that begin with a constant: from it to the first that comes after all of them."""
    if not isinstance(node, tree.Constant) or type(node.value) is not str:
        return None
    stem = node.value.rstrip(chr(sys.maxunicode))
    return Span(node.value, stem[:-1] + chr(ord(stem[-1]) + 1)) if stem else None


def _pattern(node: Node) -> Pattern | None:
    if not isinstance(node, tree.Constant) or type(node.value) is not str:
        return None
    return Pattern(node.value)


def _place(node: Node) -> Place | None:
    """Where *node* is in a request, if it is one step into it and nothing is computed."""
    if isinstance(node, tree.Attribute):
        owner = _attributes(node)
        return (owner, "") if owner and not isinstance(node.type, MapType) else None
    if isinstance(node, tree.Select) and not node.optional:
        owner = _attributes(node.operand)
        return (owner, node.name) if owner else None
    return None


def _attributes(node: Node) -> str:
    if isinstance(node, tree.Variable):
        return "" if node.convert is not None else node.path
    if isinstance(node, tree.Attribute):
        owner = _attributes(node.operand)
        return f"{owner}.{node.path}" if owner else ""
    return ""


def _by_text(free: int, tests: Mapping[int, list[Texts]]) -> Mapping[str, int]:
    by_text: dict[str, int] = {}
    for bit, several in tests.items():
        for text in frozenset.intersection(*(test.texts for test in several)):
            by_text[text] = by_text.get(text, free) | 1 << bit
    return by_text


def _bounds_of(tests: Mapping[int, list[Span]], kind: type) -> set[Any]:
    """The bounds of *tests*, which are all of one *kind*: those compare quickest."""
    bounds = {bound for several in tests.values() for span in several for bound in span}
    return set(map(kind, bounds - {inf, -inf}))


def _paired(left: Sequence[int], end: End | None) -> tuple[Any, ...]:
    return tuple(map(end.of, left) if end else left)


def _masks(free: int, points: Sequence[Any], tests: Mapping[int, list[Span]]) -> tuple[int, ...]:
    """The bits for each stretch: before the first point, from it up to the next, and so on."""
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    for bit, several in tests.items():
        start = max(span.start for span in several)
        stop = min(span.stop for span in several)
        if start >= stop:
            continue
        first, after = bisect_right(points, start), bisect_left(points, stop) + 1
        begins[first] = begins.get(first, 0) | 1 << bit
        ends[after] = ends.get(after, 0) | 1 << bit
    masks, open_now = [], free
    for stretch in range(len(points) + 1):
        if stretch in ends or stretch in begins:
            open_now = (open_now & ~ends.get(stretch, 0)) | begins.get(stretch, 0)
        masks.append(open_now)
    return tuple(masks)


def _bits(bits: Iterable[int]) -> int:
    return sum(1 << bit for bit in bits)
