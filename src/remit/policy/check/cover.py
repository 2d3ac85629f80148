"""Which rules together apply whenever another one does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from remit.policy.check.logic import Outcome, Worlds, joint, possible
from remit.policy.check.patterns import all_within, before_wildcards, spelled, within
from remit.policy.rule import Mode, Rule, RuleEffect

if TYPE_CHECKING:
    from remit.expr.compile import Program

MOST = 32
"""Rules with conditions that one rule is compared with, for each of its patterns."""


class Covers:
    """Rules, by the actions they are about."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._literal: dict[str, list[Rule]] = defaultdict(list)
        self._wild: dict[str, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
        """By what stands before the first wildcard, then by the whole pattern."""
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """Take one more rule into account."""
        for pattern in spelled(rule.action):
            start = before_wildcards(pattern)
            (self._literal if start == pattern else self._wild[start])[pattern].append(rule)

    def of(self, rule: Rule) -> tuple[Rule, ...]:
        """Those that together apply to every request *rule* applies to; none if some are left."""
        needed: dict[str, Rule] = {}
        for pattern in spelled(rule.action):
            covering = _together(rule, self._about(rule, pattern))
            if not covering:
                return ()
            needed.update((other.id, other) for other in covering)
        return tuple(needed.values())

    def singly(self, rule: Rule) -> list[Rule]:
        """Those that each apply to every request *rule* applies to."""
        first = spelled(rule.action)[0]
        return [
            other
            for other in self._about(rule, first)
            if all_within(rule.action, other.action) and implies(rule, other)
        ]

    def _about(self, rule: Rule, pattern: str) -> list[Rule]:
        """Rules that fit all that *rule* does under *pattern*; without a condition first."""
        found = list(self._literal.get(pattern, ()))
        start = before_wildcards(pattern)
        for length in range(len(start) + 1):
            for outer, rules in self._wild.get(start[:length], {}).items():
                if within(pattern, outer):
                    found += rules
        fitting = [
            other
            for other in found
            if other is not rule
            and all_within(rule.subject, other.subject)
            and all_within(rule.resource, other.resource)
        ]
        return sorted(fitting, key=lambda other: other.when is not None)[:MOST]


def implies(rule: Rule, *others: Rule) -> bool:
    """Whether one of *others* applies whenever *rule* does, as far as conditions go."""
    if any(other.when is None for other in others):
        return True
    several = [_cases(other.when.program, _passed_by(other)) for other in others if other.when]
    if rule.when is not None:
        several.insert(0, _cases(rule.when.program, applied(rule)))
    return not joint(several)


@lru_cache(4096)
def _cases(program: Program, outcome: Outcome) -> Worlds:
    """The cases of one condition; a rule is compared with many."""
    return possible([(program.tree, outcome)])


def applied(rule: Rule) -> Outcome:
    """How its condition comes out where *rule* applies: an error counts against the agent."""
    return Outcome.TRUE if rule.effect is RuleEffect.ALLOW else Outcome.NOT_FALSE


def _passed_by(rule: Rule) -> Outcome:
    return Outcome.NOT_TRUE if rule.effect is RuleEffect.ALLOW else Outcome.FALSE


def impossible(rule: Rule) -> bool:
    """Whether the condition of *rule* can never be true."""
    return rule.when is not None and not possible([(rule.when.program.tree, Outcome.TRUE)])


def enforced(rules: Iterable[Rule]) -> list[Rule]:
    """Those of *rules* that do more than report."""
    return [rule for rule in rules if rule.mode is Mode.ENFORCE]


def _together(rule: Rule, others: Sequence[Rule]) -> Sequence[Rule]:
    """As few of *others* as it takes."""
    for other in others:
        if implies(rule, other):
            return [other]
    if len(others) < 2 or not implies(rule, *others):
        return []
    needed = list(others)
    for other in others:
        fewer = [each for each in needed if each is not other]
        if implies(rule, *fewer):
            needed = fewer
    return needed
