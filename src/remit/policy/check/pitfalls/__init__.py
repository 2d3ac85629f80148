"""Comparisons that do not mean what they seem to.

Each pitfall looks at one comparison with a text. Whether it being true helps the
action to happen matters for some: what is too easy to pass is a hole in a rule
that allows, and caution in one that denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from remit.policy.check.conditions import text
from remit.policy.check.finding import Finding, Kind, within
from remit.policy.check.pitfalls.comparison import Comparison, comparisons
from remit.policy.check.pitfalls.hosts import host_in_text
from remit.policy.check.pitfalls.letters import letter_case
from remit.policy.check.pitfalls.paths import path_prefix
from remit.policy.check.pitfalls.regexes import everything, unanchored
from remit.policy.check.pitfalls.times import time_as_text
from remit.policy.rule import Condition, Document, Rule, RuleEffect

Pitfall = Callable[[Comparison], str]
"""What is to be said of a comparison, after its text; empty if nothing is."""

_PITFALLS: tuple[tuple[Kind, Pitfall], ...] = (
    (Kind.REGEX_OF_EVERYTHING, everything),
    (Kind.REGEX_UNANCHORED, unanchored),
    (Kind.PATH_PREFIX, path_prefix),
    (Kind.HOST_IN_TEXT, host_in_text),
    (Kind.TIME_AS_TEXT, time_as_text),
    (Kind.LETTER_CASE, letter_case),
)


def pitfalls(documents: Sequence[Document]) -> Iterator[Finding]:
    """All of them, in every condition."""
    for document in documents:
        for rule in document.rules:
            if rule.when is not None:
                yield from _in(rule, rule.when)


def _in(rule: Rule, condition: Condition) -> Iterator[Finding]:
    allows = rule.effect is RuleEffect.ALLOW
    for comparison in comparisons(condition.program.tree, grants=allows):
        for kind, pitfall in _PITFALLS:
            if why := pitfall(comparison):
                shown = text(condition, comparison.call)
                message = f"in the condition of rule {rule.id!r}, {shown} {why}"
                yield within(kind, rule, condition, comparison.call.at, message)
                break
