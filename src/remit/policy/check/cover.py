"""Which rules together apply whenever another one does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from remit.policy.check.logic import Outcome, Worlds, apart, left_of, possible
from remit.policy.check.patterns import all_within, before_wildcards, spelled, within
from remit.policy.rule import Mode, Patterns, Rule, RuleEffect

if TYPE_CHECKING:
    from remit.expr.compile import Program

MOST = 32
"""Rules with conditions that one rule is compared with, for each of its patterns."""

_Nouns: TypeAlias = tuple[Patterns, Patterns]


class Covers:
    """Rules, by the actions they are about, and by their subjects and resources."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._literal: dict[str, Groups] = defaultdict(Groups)
        self._wild: dict[str, dict[str, Groups]] = defaultdict(lambda: defaultdict(Groups))
        """By what stands before the first wildcard, then by the whole pattern."""
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """Take one more rule into account."""
        for pattern in spelled(rule.action):
            start = before_wildcards(pattern)
            (self._literal if start == pattern else self._wild[start])[pattern].add(rule)

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
        fitting: list[Rule] = []
        if pattern in self._literal:
            fitting += self._literal[pattern].about(rule)
        start = before_wildcards(pattern)
        for length in range(len(start) + 1):
            for outer, groups in self._wild.get(start[:length], {}).items():
                if within(pattern, outer):
                    fitting += groups.about(rule)
        others = [other for other in fitting if other is not rule]
        return sorted(others, key=lambda other: other.when is not None)[:MOST]


class Groups:
    """Rules, together where they have the same patterns over subject and resource."""

    def __init__(self) -> None:
        self._wild: dict[_Nouns, list[Rule]] = defaultdict(list)
        self._literal: dict[str, dict[_Nouns, list[Rule]]] = defaultdict(lambda: defaultdict(list))
        """Those that name their resources: for each name."""

    def add(self, rule: Rule) -> None:
        """Take one more rule into account."""
        nouns = (spelled(rule.subject), spelled(rule.resource))
        resources = nouns[1]
        if any(before_wildcards(pattern) != pattern for pattern in resources):
            self._wild[nouns].append(rule)
            return
        for name in resources:
            self._literal[name][nouns].append(rule)

    def about(self, rule: Rule) -> list[Rule]:
        """Rules whose subjects and resources include those of *rule*."""
        # What names its resources has only these.
        named = self._literal.get(spelled(rule.resource)[0], {})
        return [
            other
            for groups in (named, self._wild)
            for (subject, resource), rules in groups.items()
            if all_within(rule.subject, subject) and all_within(rule.resource, resource)
            for other in rules
        ]


def implies(rule: Rule, *others: Rule) -> bool:
    """Whether one of *others* applies whenever *rule* does, as far as conditions go."""
    left = _applying(rule)
    for other in others:
        if other.when is None:
            return True
        left = left_of(left, _applying(other), cases(other.when.program, _passed_by(other)))
    return not left


def _apart(rule: Rule, other: Rule) -> bool:
    """Whether they never apply both, as far as conditions go."""
    return apart(_applying(rule), _applying(other))


def _applying(rule: Rule) -> Worlds:
    return ({},) if rule.when is None else cases(rule.when.program, applied(rule))


@lru_cache(16384)
def cases(program: Program, outcome: Outcome) -> Worlds:
    """The cases of one condition; a rule is compared with many, for many reasons."""
    return possible([(program.tree, outcome)])


def applied(rule: Rule) -> Outcome:
    """How its condition comes out where *rule* applies: an error counts against the agent."""
    return Outcome.TRUE if rule.effect is RuleEffect.ALLOW else Outcome.NOT_FALSE


def _passed_by(rule: Rule) -> Outcome:
    return Outcome.NOT_TRUE if rule.effect is RuleEffect.ALLOW else Outcome.FALSE


def impossible(rule: Rule) -> bool:
    """Whether the condition of *rule* can never be true."""
    return rule.when is not None and not cases(rule.when.program, Outcome.TRUE)


def enforced(rules: Iterable[Rule]) -> list[Rule]:
    """Those of *rules* that do more than report."""
    return [rule for rule in rules if rule.mode is Mode.ENFORCE]


def _together(rule: Rule, others: Sequence[Rule]) -> Sequence[Rule]:
    """As few of *others* as it takes."""
    touching = [other for other in others if not _apart(rule, other)]
    for other in touching:
        if implies(rule, other):
            return [other]
    if len(touching) < 2 or not implies(rule, *touching):
        return []
    needed = touching
    for other in touching:
        fewer = [each for each in needed if each is not other]
        if implies(rule, *fewer):
            needed = fewer
    return needed
