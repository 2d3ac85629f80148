"""Rules held against the tools they are about, and against the facts that are declared.

It is an error when no tool of the rule has what its condition reads, when a fact is not
among those declared, and when types do not fit. What may still be meant is in `doubtful`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from remit.expr import tree
from remit.expr.errors import ExprError
from remit.expr.infer import no_member
from remit.expr.types import DYN
from remit.policy.check.doubtful import Doubt, doubts, doubts_about_facts, missing
from remit.policy.check.finding import Finding, Kind
from remit.policy.declared import Record
from remit.policy.environment import check_condition
from remit.policy.facts import HOLDERS, NO_FACTS, Facts
from remit.policy.located import Place
from remit.policy.presence import Why, lacks
from remit.policy.rule import Condition, Document, Rule
from remit.policy.tools import Tools

if TYPE_CHECKING:
    from remit.expr.check import Checked


def ill_typed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Rules and limits that do not fit the tools that are declared to their documents."""
    for document in documents:
        for rule in (*document.rules, *(limit.rule for limit in document.limits)):
            yield from _misfits(rule, document.tools, document.facts)


def mistakes(rule: Rule, tools: Tools, facts: Facts = NO_FACTS) -> Iterator[tuple[Place, str]]:
    """What makes *rule* unusable, and where."""
    if tools.complete:
        yield from ((rule.place, why) for why in _unknown(rule, tools))
    seen: set[int] = set()
    for held in _held(rule, tools, facts):
        for at, _, why in _errors(rule, held):
            if rule.when is not None and at not in seen:
                seen.add(at)
                yield rule.when.place_of(at), why


def _misfits(rule: Rule, tools: Tools, facts: Facts) -> Iterator[Finding]:
    """What of *rule* does not fit *tools* and *facts*; at most one finding for a place."""
    kind = Kind.ILL_TYPED if tools.complete else Kind.UNKNOWN_TOOL
    for why in _unknown(rule, tools):
        yield Finding(rule.place, rule.id, why, kind)
    errors: dict[int, Doubt] = {}
    doubtful: dict[int, Doubt] = {}
    for held in _held(rule, tools, facts):
        for each in _errors(rule, held):
            errors.setdefault(each.at, each)
        for each in _doubts(rule, held, facts):
            doubtful.setdefault(each.at, each)
    if rule.when is not None:
        for at, each in sorted((doubtful | errors).items()):
            yield Finding(rule.when.place_of(at), rule.id, each.why, each.kind)


def _unknown(rule: Rule, tools: Tools) -> Iterator[str]:
    return filter(None, map(tools.unknown, rule.action))


class _Held(NamedTuple):
    """A condition that has been checked against the arguments of one tool, and the facts."""

    tool: str
    """Empty where it is checked against the facts alone."""
    named: bool
    """The rule names it, and does not just meet it with a pattern."""
    record: Record | None
    checked: Checked | ExprError


def _held(rule: Rule, tools: Tools, facts: Facts) -> Iterator[_Held]:
    """The condition of *rule* with the facts alone, and as it is about each of its tools."""
    if rule.when is None:
        return
    if facts and not rule.when.program.variables.isdisjoint(HOLDERS):
        yield _Held("", named=False, record=None, checked=_checked(rule.when, None, facts))
    if not tools or not _about_arguments(rule.when):
        return
    fitting = tools.fitting(rule.action)
    known = {name: tools.arguments[name] for name in fitting}
    for name, named in fitting.items():
        record = _among(known, name, named=named)
        yield _Held(name, named, record, _checked(rule.when, record, facts))


def _checked(when: Condition, record: Record | None, facts: Facts) -> Checked | ExprError:
    try:
        return check_condition(when.program, record, facts)
    except ExprError as error:
        return error


def _doubts(rule: Rule, held: _Held, facts: Facts) -> Iterator[Doubt]:
    """What is probably not meant; facts are spoken of once, and not for each tool."""
    if isinstance(held.checked, ExprError) or rule.when is None:
        return
    if held.record is None:
        yield from doubts_about_facts(rule, held.checked)
        return
    checked = check_condition(rule.when.program, held.record) if facts else held.checked
    yield from doubts(rule, held.tool, held.record, checked)


def _about_arguments(when: Condition) -> bool:
    return not when.program.variables.isdisjoint({"args", "action"})


def _errors(rule: Rule, held: _Held) -> Iterator[Doubt]:
    """What of a condition cannot be meant of this tool."""
    if isinstance(held.checked, ExprError):
        yield Doubt(held.checked.offset, Kind.ILL_TYPED, _why(held.checked, held.tool))
        return
    yield from _unheard(held.checked)
    if not held.named or held.record is None or not held.record.elsewhere:
        return
    for lack in lacks(held.checked.tree):
        if lack.why is Why.ELSEWHERE:
            yield Doubt(lack.node.at, Kind.ILL_TYPED, missing(lack, held.tool, rule))


def _unheard(checked: Checked) -> Iterator[Doubt]:
    """Names that are looked for among arguments, and are none of them: `"amout" in args`."""
    for node, _ in tree.walk(checked.tree):
        if not isinstance(node, tree.Call) or node.name != "in":
            continue
        name, owner = node.operands[0], node.operands[1].type
        if not isinstance(name, tree.Constant) or not isinstance(owner, Record):
            continue
        if name.value not in owner.fields and not owner.extensible:
            yield Doubt(name.at, Kind.ILL_TYPED, no_member(owner, str(name.value)))


def _among(known: Mapping[str, Record], name: str, *, named: bool) -> Record:
    """The arguments of one tool of a rule; what only others have can be asked for with `has`."""
    own = known[name]
    if own.extensible:
        return own
    others = {n for record in known.values() for n in record.fields} - own.fields.keys()
    # What a tool may take that does not say all it takes is no mistake where a pattern meets it.
    unsaid = not named and any(record.extensible for record in known.values())
    return _lent(own, frozenset(others), unsaid) if others or unsaid else own


@lru_cache(1024)
def _lent(own: Record, others: frozenset[str], unsaid: bool) -> Record:  # noqa: FBT001 - a key
    fields = {**own.fields, **dict.fromkeys(sorted(others), DYN)}
    about = "what this rule is about"
    return replace(own, name=about, fields=fields, elsewhere=others, extensible=unsaid)


def _why(error: ExprError, tool: str) -> str:
    spoken = error.message.startswith("unknown attribute")
    return error.message if spoken or not tool else f"for {tool}: {error.message}"
