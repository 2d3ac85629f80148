"""Rego in Rust, by `regorus`: three sets of rule ids; the strictest that is not empty wins."""

from __future__ import annotations

import json
from importlib.metadata import version as _version
from typing import Any

from regorus import Engine

from peers import CannotSay, Decide, Verdict

MOST = 1000
"""Rules. At 40 ms a decision with ten thousand, it takes too long to be checked."""
PACKAGE = "package remit\nimport rego.v1\n"


def version() -> str:
    return f"regorus {_version('gordon-to-regorus')}"


def prepared(_variant: str, request: dict[str, Any]) -> dict[str, Any]:
    return request


def decider(_variant: str, rules: Any) -> Decide:
    if len(rules) > MOST:
        raise CannotSay(
            f"beyond {MOST:,} rules it takes too long to be checked, request by request"
        )
    engine = Engine()
    engine.add_policy("rules.rego", PACKAGE + "\n".join(map(_rule, rules)))
    kept = [effect for effect in ("deny", "ask", "allow") if any(r.effect == effect for r in rules)]

    def decide(request: dict[str, Any]) -> Verdict:
        engine.set_input(request)
        for effect in kept:
            if named := engine.eval_rule(f"data.remit.{effect}"):
                return effect, tuple(named)
        return "deny", ()

    return decide


def _rule(rule: Any) -> str:
    lines = [*_pattern("tool", rule.tool), *_pattern("resource", rule.resource)]
    lines = [*lines, *map(_test, rule.tests)] or ["true"]
    return f"{rule.effect} contains {json.dumps(rule.id)} if {{ {'; '.join(lines)} }}"


def _pattern(name: str, pattern: str) -> list[str]:
    if pattern == "*":
        return []
    if pattern.startswith("*"):
        return [f"endswith(input.{name}, {json.dumps(pattern[1:])})"]
    if pattern.endswith("*"):
        return [f"startswith(input.{name}, {json.dumps(pattern[:-1])})"]
    return [f"input.{name} == {json.dumps(pattern)}"]


def _test(test: Any) -> str:
    field = f"input.{test.fact}" if test.fact in {"role", "hour"} else f"input.args.{test.fact}"
    if test.op == "under":
        return f"startswith({field}, {json.dumps(test.value + '/')})"
    if test.op == "matches":
        return f"regex.match({json.dumps(test.value)}, {field})"
    if test.op == "in":
        return f"{field} in {{{', '.join(map(json.dumps, test.value))}}}"
    if test.op == "is":
        return f"{field} == {json.dumps(test.value)}"
    return f"{field} {test.op} {test.value}"
