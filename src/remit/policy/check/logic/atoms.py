"""Which values make one comparison true, which false, and which an error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

from remit.canonical.jcs import LARGEST_INTEGER
from remit.expr import tree
from remit.expr.tree import Node
from remit.expr.types import DURATION, TIMESTAMP
from remit.expr.values import Duration, Timestamp
from remit.policy.check.logic import texts, values
from remit.policy.check.logic.places import Key, domain, key_of
from remit.policy.check.logic.texts import Feature, Texts
from remit.policy.check.logic.values import Kind, Span, Values

MIRRORED: Mapping[str, str] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_PARTS = frozenset({"startsWith", "endsWith", "contains"})
_GLOB = re.compile(r"(\*?)([^*?]+)(\*?)")
_DAY = 24 * 60


class Atom(NamedTuple):
    """Something that has a value, and what of its values makes a comparison come out how."""

    about: Key
    true: Values
    false: Values
    error: Values


def atom_of(node: Node) -> Atom:
    """What *node* compares; if nothing that is understood, it is about itself."""
    return _compared(node) or _itself(node)


def _itself(node: Node) -> Atom:
    error = values.without(values.kinds(Kind.TRUE, Kind.FALSE))
    return _atom(node, values.kinds(Kind.TRUE), values.kinds(Kind.FALSE), error)


def _atom(place: Node, true: Values, false: Values, error: Values) -> Atom:
    possible = domain(place)
    return Atom(key_of(place), *(possible.meet(each) for each in (true, false, error)))


def _compared(node: Node) -> Atom | None:
    if isinstance(node, tree.Has):
        member = tree.Select(node.operand, node.name, at=node.at, end=node.end)
        missing = values.kinds(Kind.MISSING)
        return _atom(member, values.without(missing), missing, missing)
    if not isinstance(node, tree.Call):
        return None
    if node.target is not None and node.name in _PARTS:
        return _featured(node.target, node.args[0], node.name)
    if node.name == "matches":
        place, pattern = node.operands
        return _featured(place, pattern, node.name)
    if node.name == "glob":
        return _globbed(*node.args)
    if node.name == "within_hours":
        return _within_hours(node)
    return _two(node, *node.args) if len(node.args) == 2 else None


def _two(node: tree.Call, left: Node, right: Node) -> Atom | None:
    """An operator between two things."""
    if node.name == "in":
        return _listed(left, right)
    if node.name not in MIRRORED:
        return None
    if isinstance(left, tree.Constant):
        return _against(right, MIRRORED[node.name], left.value)
    if isinstance(right, tree.Constant):
        return _against(left, node.name, right.value)
    return _between(left, node.name, right) if node.name != "==" else None


def _between(left: Node, sign: str, right: Node) -> Atom:
    """Two things in order: which comes first is the sign of a number."""
    one, other = key_of(left), key_of(right)
    if repr(one) > repr(other):
        one, other, sign = other, one, MIRRORED[sign]
    order = Values(numbers=(((-1, 0), (1, 0)),), whole=True)
    span = _span(sign, 0)
    false = order.meet(values.numbers(*values.outside((span,))))
    unordered = false.join(values.kinds(Kind.NAN))
    return Atom(
        ("order", one, other),
        order.meet(values.numbers(span)),
        false if unordered is None else unordered,
        values.kinds(Kind.MISSING),
    )


def _against(place: Node, sign: str, value: Any) -> Atom | None:
    """`place sign value`."""
    if (hours := _hours(place, sign, value)) is not None:
        return hours
    if type(value) in {Timestamp, Duration}:
        # Of what has no type a moment cannot be told from a number.
        moment = place.type in {TIMESTAMP, DURATION}
        return _ordered(place, sign, value.nanos) if moment else None
    if type(value) is str and sign != "==":
        return _text_ordered(place, sign, value)
    if sign == "==":
        same = _one(value)
        return None if same is None else _among(place, same)
    return _ordered(place, sign, value) if _exact(value) else None


def _one(value: Any) -> Values | None:
    """The set that holds nothing but *value*."""
    if type(value) is str:
        return Values(texts=Texts(frozenset({value})))
    if type(value) is bool:
        return values.kinds(Kind.TRUE if value else Kind.FALSE)
    if value is None:
        return values.kinds(Kind.NULL)
    return values.numbers(((value, 0), (value, 0))) if _exact(value) else None


def _exact(value: Any) -> bool:
    """Whether *value* is a number that compares the same as an integer and as a double."""
    number = isinstance(value, int | float) and type(value) is not bool
    return number and -LARGEST_INTEGER <= value <= LARGEST_INTEGER


def _among(place: Node, chosen: Values) -> Atom:
    """`==` and `in` compare anything with anything, so only what is missing is an error."""
    missing = values.kinds(Kind.MISSING)
    return _atom(place, chosen, values.without(chosen).meet(values.without(missing)), missing)


def _listed(place: Node, items: Node) -> Atom | None:
    given = _constants(items)
    ones = None if given is None else [_one(value) for value in given]
    if ones is None or None in ones:
        return None
    sets = [one for one in ones if one is not None]
    return _among(
        place,
        Values(
            frozenset().union(*(one.kinds for one in sets)),
            tuple(span for one in sets for span in one.numbers),
            Texts(frozenset().union(*(one.texts.only or () for one in sets))),
        ),
    )


def _constants(items: Node) -> Sequence[Any] | None:
    """The items of a list of constants."""
    if isinstance(items, tree.Constant):
        return items.value if type(items.value) in {tuple, list} else None
    if not isinstance(items, tree.List):
        return None
    found = [item.value for item in items.items if not item.optional]
    constants = [item.value for item in found if isinstance(item, tree.Constant)]
    return constants if len(constants) == len(items.items) else None


def _ordered(place: Node, sign: str, number: float) -> Atom:
    true = values.numbers(_span(sign, number))
    if sign == "==":
        return _among(place, true)
    false = Values(frozenset({Kind.NAN}), values.outside(true.numbers))
    return _atom(place, true, false, _but_numbers())


def _span(sign: str, number: float) -> Span:
    low = {">": (number, 1), ">=": (number, 0), "==": (number, 0)}.get(sign, (-inf, 0))
    high = {"<": (number, -1), "<=": (number, 0), "==": (number, 0)}.get(sign, (inf, 0))
    return low, high


def _but_numbers() -> Values:
    return Values(values.ANYTHING.kinds - {Kind.NAN}, (), texts.ALL)


def _but_texts() -> Values:
    return Values(values.ANYTHING.kinds, values.EVERY_NUMBER)


def _text_ordered(place: Node, sign: str, text: str) -> Atom:
    true, false = (
        Values(texts=Texts(wanted=frozenset({(each, text)}))) for each in (sign, _OPPOSITE[sign])
    )
    return _atom(place, true, false, _but_texts())


def _featured(place: Node, operand: Node, name: str) -> Atom | None:
    """A text that begins, ends, or goes on with another."""
    if not isinstance(operand, tree.Constant) or type(operand.value) is not str:
        return None
    feature: Feature = (name, operand.value)
    true = Values(texts=Texts(wanted=frozenset({feature})))
    false = Values(texts=Texts(unwanted=frozenset({feature})))
    return _atom(place, true, false, _but_texts())


def _globbed(place: Node, pattern: Node) -> Atom | None:
    """A pattern with no wildcard but at its ends is another way to say what it begins with."""
    if not isinstance(pattern, tree.Constant) or not (found := _GLOB.fullmatch(pattern.value)):
        return None
    before, text, after = found.groups()
    literal = tree.Constant(text, at=pattern.at, end=pattern.end)
    if not before and not after:
        same = Texts(frozenset({text}))
        other = Texts(but=frozenset({text}))
        return _atom(place, Values(texts=same), Values(texts=other), _but_texts())
    name = "contains" if before and after else "endsWith" if before else "startsWith"
    return _featured(place, literal, name)


def _hours(place: Node, sign: str, value: Any) -> Atom | None:
    """The hour of a moment, as minutes of the day: `within_hours` asks about these too."""
    if not isinstance(place, tree.Call) or place.name != "getHours" or not _exact(value):
        return None
    if place.target is None or place.target.type != TIMESTAMP:
        return None
    (low, high) = _span(sign, value)
    shown = [hour for hour in range(24) if low <= (hour, 0) <= high]
    spans = [((hour * 60, 0), (hour * 60 + 59, 0)) for hour in shown]
    zone = key_of(place.args[0]) if place.args else ("str", "'UTC'")
    return _minutes(place.target, zone, spans)


def _within_hours(call: tree.Call) -> Atom | None:
    moment, first, last, zone = call.args
    if not isinstance(first, tree.Constant) or not isinstance(last, tree.Constant):
        return None
    start, end = (int(at[:2]) * 60 + int(at[3:]) for at in (first.value, last.value))
    if start == end:
        return None
    night: list[Span] = [((0, 0), (end - 1, 0)), ((start, 0), (_DAY - 1, 0))]
    day: list[Span] = [((start, 0), (end - 1, 0))]
    return _minutes(moment, key_of(zone), day if start < end else night)


def _minutes(moment: Node, zone: Key, spans: Sequence[Span]) -> Atom:
    day = Values(numbers=(((0, 0), (_DAY - 1, 0)),), whole=True)
    return Atom(
        ("minutes", key_of(moment), zone),
        day.meet(Values(numbers=tuple(spans))),
        day.meet(Values(numbers=values.outside(spans))),
        values.kinds(Kind.MISSING),
    )
