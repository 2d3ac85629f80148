"""Cedar, by `cedarpy` with a policy set parsed beforehand: a denial wins, there is no order.

Cedar says allow or deny. Asks are therefore asked in a second policy set, when no rule
denies: it names the policies that determine an answer, and so tells asks from allows.
Tool and resource are strings of the context, so that Cedar's `like` can match patterns.
"""

from __future__ import annotations

import json
from importlib.metadata import version as _version
from typing import Any

from cedarpy import Entities, PolicySet, is_authorized

from peers import CannotSay, Decide, Verdict

ENTITIES = Entities.from_json_str("[]")
EVERYBODY = {"type": "Agent", "id": "any"}
CALL = {"type": "Action", "id": "call"}


def version() -> str:
    return f"cedarpy {_version('cedarpy')}"


def prepared(_variant: str, request: dict[str, Any]) -> dict[str, Any]:
    return request


def decider(_variant: str, rules: Any) -> Decide:
    first = _Policies({"deny": "forbid", "allow": "permit"}, rules)
    asks = _Policies({"ask": "permit"}, rules)

    def decide(request: dict[str, Any]) -> Verdict:
        question = _question(request)
        allowed, named = first.ask(question)
        if named and not allowed:
            return "deny", named
        asked, asking = asks.ask(question)
        if asked:
            return "ask", asking
        return ("allow", named) if allowed else ("deny", ())

    return decide


class _Policies:
    """The rules of some effects, parsed beforehand."""

    def __init__(self, words: dict[str, str], rules: Any) -> None:
        kept = [rule for rule in rules if rule.effect in words]
        # It calls policies by their place in the text.
        self.names = {f"policy{number}": rule.id for number, rule in enumerate(kept)}
        lines = [_policy(words[rule.effect], rule) for rule in kept]
        self.policies = PolicySet.from_str("\n".join(lines))

    def ask(self, question: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
        result = is_authorized(question, self.policies, ENTITIES)
        return result.allowed, tuple(map(self.names.__getitem__, result.diagnostics.reasons))


def _question(request: dict[str, Any]) -> dict[str, Any]:
    facts = {key: request[key] for key in ("tool", "resource", "role", "hour")}
    return {
        "principal": EVERYBODY,
        "action": CALL,
        "resource": EVERYBODY,
        "context": {**request["args"], **facts},
    }


def _policy(word: str, rule: Any) -> str:
    parts = [*_pattern("tool", rule.tool), *_pattern("resource", rule.resource)]
    parts += map(_test, rule.tests)
    when = f" when {{ {' && '.join(parts)} }}" if parts else ""
    return f"{word} (principal, action, resource){when};"


def _pattern(name: str, pattern: str) -> list[str]:
    if pattern == "*":
        return []
    operator = "like" if "*" in pattern else "=="
    return [f"context.{name} {operator} {json.dumps(pattern)}"]


def _test(test: Any) -> str:
    field = f"context.{test.fact}"
    if test.op == "under":
        return f"{field} like {json.dumps(test.value + '/*')}"
    if test.op == "matches":
        raise CannotSay("Cedar has no regular expressions")
    if test.op == "in":
        return f"{json.dumps(test.value)}.contains({field})"
    if test.op == "is":
        return f"{field} == {json.dumps(test.value)}"
    return f"{field} {test.op} {test.value}"
