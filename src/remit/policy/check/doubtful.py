"""What of a condition fits a tool and is probably not meant.

It is a warning, or a note on a rule that allows, when what is read may not be
there: such a rule errs on the safe side, and seldom on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from remit.expr import tree
from remit.expr.errors import ExprError, suggest
from remit.expr.types import DOUBLE, INT, ListType, MapType, Type
from remit.policy.check.finding import Kind
from remit.policy.declared import Record
from remit.policy.environment import check_condition
from remit.policy.facts import HOLDERS
from remit.policy.presence import Lack, Why, lacks, way_of
from remit.policy.rule import Rule, RuleEffect

if TYPE_CHECKING:
    from remit.expr.check import Checked


_TAKES_ALL_NUMBERS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "!"})


class Doubt(NamedTuple):
    """What does not fit, and at which offset of the condition's text."""

    at: int
    kind: Kind
    why: str


def doubts(rule: Rule, tool: str, record: Record, checked: Checked) -> Iterator[Doubt]:
    """What is probably not meant of *tool*, to whose arguments the condition has been checked."""
    allows = rule.effect is RuleEffect.ALLOW
    kind = Kind.ALLOWS_ONLY_WITH if allows else Kind.MAY_BE_MISSING
    for lack in lacks(checked.tree):
        yield Doubt(lack.node.at, kind, missing(lack, tool, rule))
    calls = [each for each, _ in tree.walk(checked.tree) if isinstance(each, tree.Call)]
    yield from _never(calls, tool)
    if not all(call.name in _TAKES_ALL_NUMBERS for call in calls):
        yield from _fractions(rule, tool, record)


def doubts_about_facts(rule: Rule, checked: Checked) -> Iterator[Doubt]:
    """What is probably not meant of the facts to which the condition has been checked."""
    allows = rule.effect is RuleEffect.ALLOW
    kind = Kind.ALLOWS_ONLY_WITH if allows else Kind.MAY_BE_MISSING
    for lack in lacks(checked.tree):
        if lack.way[0] in HOLDERS:
            yield Doubt(lack.node.at, kind, missing(lack, "", rule))
    yield from _never(
        [each for each, _ in tree.walk(checked.tree) if isinstance(each, tree.Call)], ""
    )


def missing(lack: Lack, tool: str, rule: Rule) -> str:
    """What may not be there, what happens then, and how to say that it is meant."""
    what, last = lack.spelled, lack.way[-1]
    of = f" of {tool}" if tool else ""
    if lack.why is Why.ELSEWHERE and lack.owner is not None:
        own = [name for name in lack.owner.fields if name not in lack.owner.elsewhere]
        why = f"{tool} has no {last!r}{suggest(last, own) or f'; it has {_several(own)}'}"
    elif lack.why is Why.NULL:
        why = f"{what}{of} may be null"
    elif lack.why is Why.OPTIONAL:
        why = f"{what}{of} may be left out"
    else:
        why = f"{tool} does not say that it has {what}" if tool else f"{what} is not declared"
    then = "does not apply" if rule.effect is RuleEffect.ALLOW else "applies"
    guard = f"{what} != null" if lack.why is Why.NULL else f"has({what})"
    return f"{why}; where it is missing the rule {then}, so ask {guard} as well"


def _several(names: list[str]) -> str:
    return ", ".join(map(repr, names)) or "no arguments"


def _never(calls: Iterable[tree.Call], tool: str) -> Iterator[Doubt]:
    """Comparisons of an argument with a text that is none of its values."""
    for node in calls:
        if node.name not in {"==", "!=", "in"}:
            continue
        one, other = node.operands
        if isinstance(one, tree.Constant):
            one, other = other, one
        owner = one.operand.type if isinstance(one, tree.Select) else None
        if not isinstance(one, tree.Select) or not isinstance(owner, Record):
            continue
        choices = owner.choices.get(one.name, ())
        for text in _texts(other) if choices else ():
            if text.value not in choices:
                words = [choice for choice in choices if isinstance(choice, str)]
                hint = suggest(text.value, words) or f"; it is one of {_several(words)}"
                what = ".".join(way_of(one)) or f"'{one.name}'"
                of = f" of {tool}" if tool else ""
                message = f"{what}{of} is never {text.value!r}{hint}"
                yield Doubt(text.at, Kind.IMPOSSIBLE_VALUE, message)


def _texts(node: tree.Node) -> list[tree.Constant]:
    """The texts that are written here, alone or in a list."""
    items = [item.value for item in node.items] if isinstance(node, tree.List) else [node]
    return [
        each for each in items if isinstance(each, tree.Constant) and isinstance(each.value, str)
    ]


def _fractions(rule: Rule, tool: str, record: Record) -> Iterator[Doubt]:
    """What fails where a number comes without a fraction, as the numbers of JSON may."""
    whole = _whole(record)
    if whole is record or rule.when is None:
        return
    try:
        check_condition(rule.when.program, whole)
    except ExprError as error:
        why = "a number may come as a whole one, and then there is"
        cure = "write double(...) around it"
        message = f"for {tool}: {why} {error.message}; {cure}"
        yield Doubt(error.offset, Kind.WHOLE_NUMBER, message)


@lru_cache(1024)
def _whole(given: Any) -> Any:
    """A type with every double in it an int; the same object if there is none."""
    if given == DOUBLE:
        return INT
    if isinstance(given, Record):
        fields: dict[str, Type] = {name: _whole(each) for name, each in given.fields.items()}
        same = all(fields[name] is each for name, each in given.fields.items())
        return given if same else replace(given, fields=fields)
    if isinstance(given, ListType):
        item = _whole(given.item)
        return given if item is given.item else ListType(item)
    if isinstance(given, MapType):
        value = _whole(given.value)
        return given if value is given.value else MapType(given.key, value)
    return given
