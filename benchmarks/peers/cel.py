"""A loop over CEL programs: the first whose condition is true decides.

This is what using a CEL library for policy comes to without an engine around it. The
words are those both libraries have: a pattern becomes `startsWith` or `endsWith`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peers import Decide, Verdict


def loop(rules: Any, compiled: Callable[[str], Callable[[Any], bool]], context: Any) -> Decide:
    """*compiled* makes a function of a text; *context* makes of a request what it is given."""
    programs = [(rule.effect, (rule.id,), compiled(condition(rule))) for rule in rules]

    def decide(request: dict[str, Any]) -> Verdict:
        given = context(request)
        for effect, names, holds in programs:
            if holds(given):
                return effect, names
        return "deny", ()

    return decide


def facts(request: dict[str, Any]) -> dict[str, Any]:
    known = {key: request[key] for key in ("tool", "resource", "role", "hour")}
    return {**known, "args": request["args"]}


def condition(rule: Any) -> str:
    parts = [*_pattern("tool", rule.tool), *_pattern("resource", rule.resource)]
    return " && ".join([*parts, *map(_test, rule.tests)]) or "true"


def _pattern(name: str, pattern: str) -> list[str]:
    if pattern == "*":
        return []
    if pattern.startswith("*"):
        return [f"{name}.endsWith({pattern[1:]!r})"]
    if pattern.endswith("*"):
        return [f"{name}.startsWith({pattern[:-1]!r})"]
    return [f"{name} == {pattern!r}"]


def _test(test: Any) -> str:
    field = test.fact if test.fact in {"role", "hour"} else f"args.{test.fact}"
    if test.op == "under":
        return f"{field}.startsWith('{test.value}/')"
    if test.op == "matches":
        return f"{field}.matches('{test.value}')"
    if test.op == "in":
        return f"{field} in [{', '.join(repr(value) for value in test.value)}]"
    if test.op == "is":
        return f"{field} == '{test.value}'"
    return f"{field} {test.op} {test.value}"
