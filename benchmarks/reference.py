"""The obvious answer: every rule is tried, in order, with nothing done to make it fast.

Two semantics, because engines have either:

- *strictest wins*: of the rules that match, one that denies, else one that asks,
  else one that allows; wherever they stand.
- *first match wins*: the first of the rules that match, as in a firewall.

Where no rule matches, the answer is deny.
"""

from __future__ import annotations

import operator
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from corpus import Rule, Test

STRICTEST = "strictest wins"
FIRST = "first match wins"

COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


class Answer(NamedTuple):
    """An effect, and the ids of the rules that it may be due to."""

    effect: str
    rules: frozenset[str]


NO_RULE = Answer("deny", frozenset())


def decide(rules: tuple[Rule, ...], request: dict[str, Any], semantics: str) -> Answer:
    """What *rules* say about *request*."""
    matching = [rule for rule in rules if matches(rule, request)]
    if not matching:
        return NO_RULE
    if semantics == FIRST:
        return Answer(matching[0].effect, frozenset({matching[0].id}))
    effects = {rule.effect for rule in matching}
    effect = next(effect for effect in ("deny", "ask", "allow") if effect in effects)
    return Answer(effect, frozenset(rule.id for rule in matching if rule.effect == effect))


def agrees(answer: Answer, effect: str, named: tuple[str, ...]) -> bool:
    """Whether an engine gave *answer*, and named rules that it is due to."""
    if effect != answer.effect or bool(named) != bool(answer.rules):
        return False
    # Where a policy is several documents, ours says which: `part-2/r17`.
    return answer.rules.issuperset(name.rpartition("/")[2] for name in named)


def matches(rule: Rule, request: dict[str, Any]) -> bool:
    """Whether *rule* is about *request* and all of its tests hold."""
    return (
        fits(rule.tool, request["tool"])
        and fits(rule.resource, request["resource"])
        and all(holds(test, request) for test in rule.tests)
    )


def fits(pattern: str, name: str) -> bool:
    """Whether *name* is one of those that *pattern* stands for."""
    return fnmatchcase(name, pattern)


def holds(test: Test, request: dict[str, Any]) -> bool:
    """Whether one condition is true of *request*."""
    facts = {**request["args"], "role": request["role"], "hour": request["hour"]}
    actual = facts[test.fact]
    if test.op == "under":
        return actual.startswith(test.value + "/")
    if test.op == "in":
        return actual in test.value
    if test.op == "matches":
        return re.search(test.value, actual) is not None
    if test.op == "is":
        return actual == test.value
    return COMPARE[test.op](actual, test.value)
