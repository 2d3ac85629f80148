"""Microsoft's Agent Governance Toolkit: `PolicyEngine`, the engine behind `govern()`.

It is given `deny_overrides`, which is what `govern()` uses, and asks a higher
priority than allows: so the strictest wins. Its conditions know no patterns
and no prefixes, so the request it is given also holds the parts a rule may
name: a tool's service and verb, a resource's kind and zone, a path's folders.
"""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version as _version
from pathlib import Path
from typing import Any

from peers import TOOLS, CannotSay, Decide, Tools, Verdict, Work

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from agentmesh.governance import PolicyEngine, govern
    from agentmesh.governance.govern import GovernanceDenied
    from agentmesh.governance.policy import Policy, PolicyRule

EFFECTS = {"allow": "allow", "ask": "require_approval", "deny": "deny"}
BACK = {word: effect for effect, word in EFFECTS.items()}
PRIORITY = {"allow": 0, "ask": 1, "deny": 2}
FIELDS = {
    "amount": "args.amount",
    "hour": "context.hour",
    "region": "args.region",
    "role": "subject.role",
}


def version() -> str:
    return f"agent-governance-toolkit-core {_version('agent-governance-toolkit-core')}"


def prepared(_variant: str, request: dict[str, Any]) -> dict[str, Any]:
    return request


def decider(_variant: str, rules: Any) -> Decide:
    engine = PolicyEngine(conflict_strategy="deny_overrides")
    lines = [_rule(rule) for rule in rules]
    engine.load_policy(Policy(name="benchmark", agents=["*"], rules=lines))

    def decide(request: dict[str, Any]) -> Verdict:
        decision = engine.evaluate(request["agent"], _context(request))
        rule = decision.matched_rule
        return BACK[decision.action], () if rule is None else (rule,)

    return decide


def _context(request: dict[str, Any]) -> dict[str, Any]:
    tool, resource, args = request["tool"], request["resource"], request["args"]
    service, _, verb = tool.partition(".")
    zone, _, _ = resource.partition("/")
    kind, _, _ = zone.partition(":")
    _, top, second, third, _ = args["path"].split("/")
    return {
        "action": {"type": tool, "service": service, "verb": verb},
        "resource": {"id": resource, "zone": zone, "kind": kind},
        "args": args,
        "folder": {
            "one": f"/{top}",
            "two": f"/{top}/{second}",
            "three": f"/{top}/{second}/{third}",
        },
        "subject": {"role": request["role"]},
        "context": {"hour": request["hour"]},
    }


def _rule(rule: Any) -> PolicyRule:
    parts = [*_tool(rule.tool), *_resource(rule.resource), *map(_test, rule.tests)]
    return PolicyRule(
        name=rule.id,
        condition=" and ".join(parts) or "action.type",  # which is never empty, so always true
        action=EFFECTS[rule.effect],
        priority=PRIORITY[rule.effect],
    )


def _tool(pattern: str) -> list[str]:
    if pattern == "*":
        return []
    if pattern.endswith(".*"):
        return [f"action.service == '{pattern[:-2]}'"]
    if pattern.startswith("*."):
        return [f"action.verb == '{pattern[2:]}'"]
    return [f"action.type == '{pattern}'"]


def _resource(pattern: str) -> list[str]:
    if pattern == "*":
        return []
    if pattern.endswith("/*"):
        return [f"resource.zone == '{pattern[:-2]}'"]
    if pattern.endswith(":*"):
        return [f"resource.kind == '{pattern[:-2]}'"]
    return [f"resource.id == '{pattern}'"]


def _test(test: Any) -> str:
    if test.op == "under":
        depth = {1: "one", 2: "two", 3: "three"}[test.value.count("/")]
        return f"folder.{depth} == '{test.value}'"
    if test.op == "matches":
        raise CannotSay("its conditions have no patterns")
    field = FIELDS[test.fact]
    if test.op == "in":
        return f"{field} in [{', '.join(repr(value) for value in test.value)}]"
    if test.op == "is":
        return f"{field} == '{test.value}'"
    return f"{field} {test.op} {test.value}"


def tools(variant: str, _folder: Path) -> Tools:
    """`govern()` learns what is called from an argument named `action`."""
    work = Work()

    def lookup(action: str, order: str, amount: int) -> int:
        return work.lookup(order, amount) if action else 0

    def wipe(action: str, order: str, amount: int) -> int:
        return work.wipe(order, amount) if action else 0

    async def alookup(action: str, order: str, amount: int) -> int:
        return work.lookup(order, amount) if action else 0

    async def awipe(action: str, order: str, amount: int) -> int:
        return work.wipe(order, amount) if action else 0

    asynchronous = variant.endswith("-async")
    functions = (alookup, awipe) if asynchronous else (lookup, wipe)
    audited = variant.startswith("audit")
    allowed, refused = (govern(one, policy=_policy(), audit=audited) for one in functions)
    return Tools(
        work,
        lambda: allowed(action="lookup", order="o-1", amount=5),
        lambda: refused(action="wipe", order="o-1", amount=5),
        GovernanceDenied,
        asynchronous=asynchronous,
        records=lambda: len(allowed.audit_log.query(limit=sys.maxsize)) if audited else 0,
        per_call=int(audited),
    )


def _policy() -> str:
    rules = "".join(
        f"  - name: {tool}\n    condition: action.type == '{tool}'\n    action: allow\n"
        for tool in TOOLS
    )
    return (
        "apiVersion: governance.toolkit/v1\nname: calls\nagents: ['*']\n"
        f"default_action: deny\nrules:\n{rules}"
    )
