"""Which candidates a request rules out, before any condition is evaluated.

Most conditions begin by comparing one thing of the request with a constant:
`args.region == "eu"`, `args.amount > 100`, `args.path.startsWith("/srv/")`.
A conjunct that is false makes its condition false, whatever errors the others
have, so one look at the value rules out every candidate it is false for. The
candidates are bits of an integer; each thing compared has an index from its
value to the bits that remain; and what a request leaves is their intersection.

    equal to one of some texts    by dictionary
    a number within bounds        by bisection, into the intervals between all bounds
    begins with a text            by dictionary, one for each length

An index only ever rules out what it is sure of. A value that is missing or of
another type rules out nothing: then the condition itself says what that means.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from remit.canonical.jcs import LARGEST_INTEGER
from remit.expr import tree
from remit.expr.tree import Node
from remit.expr.types import MapType
from remit.model import Request

Index: TypeAlias = Callable[[Any], int]
"""From a value to the candidates it does not rule out."""

WORTH_AN_INDEX = 4
"""Tests of one thing from which on a look at it is cheaper than the conditions it spares."""

MOST_INTERVALS = 2048
"""Bounds kept of one thing. Where policies have more, neighbouring intervals share one."""


class Texts(NamedTuple):
    """The value is one of these texts."""

    texts: frozenset[str]


class Prefix(NamedTuple):
    """The value begins with this text."""

    text: str


class Bounds(NamedTuple):
    """The value is a number from *low* to *high*, both included."""

    low: float
    high: float


Test: TypeAlias = Texts | Prefix | Bounds
Place: TypeAlias = tuple[str, str]
"""A chain of attributes of the request, and a member of the mapping there; "" for none."""


class Narrowing:
    """From a request to those of *conditions*, by their bit, that it may make true."""

    def __init__(self, conditions: Sequence[Node | None]) -> None:
        self.all = (1 << len(conditions)) - 1
        found: dict[tuple[Place, type], dict[int, list[Any]]] = {}
        for bit, condition in enumerate(conditions):
            for place, test in _tests(condition) if condition is not None else ():
                found.setdefault((place, type(test)), {}).setdefault(bit, []).append(test)
        steps: dict[str, list[tuple[str, type, Index]]] = {}
        for ((owner, name), kind), tests in found.items():
            if len(tests) >= WORTH_AN_INDEX:
                index = _INDEX[kind](self.all & ~_bits(tests), tests)
                steps.setdefault(owner, []).append((name, _VALUE[kind], index))
        self.steps = tuple((attrgetter(owner), tuple(each)) for owner, each in steps.items())

    def find(self, request: Request) -> int:
        """The conditions that *request* does not rule out."""
        left = self.all
        for owner, members in self.steps:
            found = owner(request)
            for name, kind, index in members:
                value = found.get(name) if name else found
                # What is not there, or of another type, is for the condition itself to judge.
                if type(value) is kind or (kind is float and type(value) is int):
                    left &= index(value)
        return left


def _tests(condition: Node) -> Iterator[tuple[Place, Test]]:
    for conjunct in _conjuncts(condition):
        if isinstance(conjunct, tree.Call) and (found := _test(conjunct)):
            yield found


def _conjuncts(node: Node) -> Iterator[Node]:
    if not isinstance(node, tree.And):
        yield node
        return
    for operand in node.operands:
        yield from _conjuncts(operand)


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def _test(call: tree.Call) -> tuple[Place, Test] | None:
    """What *call* compares with a constant, where an index can tell that it is false."""
    if call.name == "startsWith" and call.target is not None:
        return _found(call.target, _prefix(call.args[0]))
    if call.target is not None or len(call.args) != 2:
        return None
    left, right = call.args
    if call.name == "in":
        return _found(left, _texts(right))
    if call.name not in _MIRRORED:
        return None
    if isinstance(left, tree.Constant):
        return _found(right, _comparison(_MIRRORED[call.name], left.value))
    if isinstance(right, tree.Constant):
        return _found(left, _comparison(call.name, right.value))
    return None


def _found(node: Node, test: Test | None) -> tuple[Place, Test] | None:
    place = _place(node)
    return None if place is None or test is None else (place, test)


def _comparison(operator: str, value: Any) -> Test | None:
    if operator == "==" and type(value) is str:
        return Texts(frozenset({value}))
    if type(value) not in {int, float} or not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return None
    # An open bound is taken for a closed one: the condition itself is exact.
    return Bounds(
        value if operator in {">", ">=", "=="} else -inf,
        value if operator in {"<", "<=", "=="} else inf,
    )


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


def _prefix(node: Node) -> Prefix | None:
    if isinstance(node, tree.Constant) and type(node.value) is str:
        return Prefix(node.value)
    return None


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


def _by_text(free: int, tests: Mapping[int, list[Texts]]) -> Index:
    by_text: dict[str, int] = {}
    for bit, several in tests.items():
        for text in frozenset.intersection(*(test.texts for test in several)):
            by_text[text] = by_text.get(text, free) | 1 << bit
    get = by_text.get
    return lambda value: get(value, free)


def _by_prefix(free: int, tests: Mapping[int, list[Prefix]]) -> Index:
    by_length: dict[int, dict[str, int]] = {}
    for bit, several in tests.items():
        text = max((test.text for test in several), key=len)
        table = by_length.setdefault(len(text), {})
        table[text] = table.get(text, 0) | 1 << bit
    tables = tuple(by_length.items())

    def index(value: str) -> int:
        left = free
        for length, table in tables:
            left |= table.get(value[:length], 0)
        return left

    return index


def _by_number(free: int, tests: Mapping[int, list[Bounds]]) -> Index:
    ranges = {
        bit: (max(test.low for test in several), min(test.high for test in several))
        for bit, several in tests.items()
    }
    cuts = _cuts({bound for bounds in ranges.values() for bound in bounds})
    masks = _masks(free, cuts, ranges)
    at_cut = dict(zip(cuts, masks[1::2], strict=True))
    between = masks[::2]

    def index(value: float) -> int:
        found = at_cut.get(value)
        return between[bisect_left(cuts, value)] if found is None else found

    return index


def _cuts(bounds: Iterable[float]) -> list[float]:
    cuts = sorted(bound for bound in bounds if bound not in {inf, -inf})
    step = -(-len(cuts) // MOST_INTERVALS) or 1
    return cuts[::step]


def _masks(free: int, cuts: list[float], ranges: Mapping[int, tuple[float, float]]) -> list[int]:
    """The bits for each stretch: below the first cut, at it, up to the next, and so on."""
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    for bit, (low, high) in ranges.items():
        if low > high:
            continue
        first = _stretch(cuts, low)
        after = _stretch(cuts, high) + 1
        begins[first] = begins.get(first, 0) | 1 << bit
        ends[after] = ends.get(after, 0) | 1 << bit
    masks, open_now = [], free
    for stretch in range(2 * len(cuts) + 1):
        open_now = (open_now & ~ends.get(stretch, 0)) | begins.get(stretch, 0)
        masks.append(open_now)
    return masks


def _stretch(cuts: list[float], value: float) -> int:
    at = bisect_left(cuts, value)
    return 2 * at + (at < len(cuts) and cuts[at] == value)


def _bits(bits: Iterable[int]) -> int:
    return sum(1 << bit for bit in bits)


_VALUE: dict[type, type] = {Texts: str, Prefix: str, Bounds: float}

_INDEX: dict[type, Callable[[int, Any], Index]] = {
    Texts: _by_text,
    Prefix: _by_prefix,
    Bounds: _by_number,
}
