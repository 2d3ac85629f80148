"""agent-aegis: first match wins; the request's facts are the action's parameters.

Its conditions know no prefixes and no lists, so `under` and `in` are regular
expressions (`param_matches`), which it also offers. Its `time_after` reads the
clock; the hour is a parameter like the others here.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version as _version
from pathlib import Path
from typing import Any

from aegis import Action, Policy, Result, ResultStatus, Runtime
from aegis.adapters.base import BaseExecutor
from aegis.integrations.decorators import guard
from aegis.integrations.errors import AegisBlockedError
from aegis.runtime.audit import AuditLogger

from peers import TOOLS, Decide, Tools, Verdict, Work

EFFECTS = {"allow": "auto", "ask": "approve", "deny": "block"}
BACK = {word: effect for effect, word in EFFECTS.items()}
OPERATORS = {">": "param_gt", ">=": "param_gte", "<": "param_lt", "<=": "param_lte"}


def version() -> str:
    return f"agent-aegis {_version('agent-aegis')}"


def prepared(variant: str, request: dict[str, Any]) -> Any:
    return _action(request) if variant == "prebuilt" else request


def _action(request: dict[str, Any]) -> Action:
    return Action(
        type=request["tool"],
        target=request["resource"],
        params={**request["args"], "role": request["role"], "hour": request["hour"]},
        agent_id=request["agent"],
    )


def decider(variant: str, rules: Any) -> Decide:
    lines = [_rule(rule) for rule in rules]
    policy = Policy.from_dict({"version": "1", "defaults": {"approval": "block"}, "rules": lines})
    if variant == "cached":
        policy.with_cache(maxsize=4096)

    def decide(action: Action) -> Verdict:
        decision = policy.evaluate(action)
        rule = decision.matched_rule
        return BACK[decision.approval], () if rule == "<default>" else (rule,)

    if variant == "prebuilt":
        return decide
    return lambda request: decide(_action(request))


def _rule(rule: Any) -> dict[str, Any]:
    conditions: dict[str, dict[str, Any]] = {}
    for test in rule.tests:
        operator, value = _condition(test)
        conditions.setdefault(operator, {})[test.fact] = value
    return {
        "name": rule.id,
        "match": {"type": rule.tool, "target": rule.resource},
        "approval": EFFECTS[rule.effect],
        "conditions": conditions,
    }


def _condition(test: Any) -> tuple[str, Any]:
    if test.op == "under":
        return "param_matches", f"^{re.escape(test.value)}/"
    if test.op == "matches":
        return "param_matches", test.value
    if test.op == "in":
        return "param_matches", f"^(?:{'|'.join(map(re.escape, test.value))})$"
    if test.op == "is":
        return "param_eq", test.value
    return OPERATORS[test.op], test.value


def tools(variant: str, folder: Path) -> Tools:
    policy = folder / "aegis.yaml"
    policy.write_text(_policy())
    if variant == "runtime":
        return _runtime(policy, folder)
    os.chdir(folder)  # where @guard looks for its default policy, which it then keeps
    work = Work()

    async def alookup(order: str, amount: int) -> int:
        return work.lookup(order, amount)

    async def awipe(order: str, amount: int) -> int:
        return work.wipe(order, amount)

    asynchronous = variant == "guard-async"
    functions = (alookup, awipe) if asynchronous else (work.lookup, work.wipe)
    lookup = guard(action_type="lookup", action_target="orders")(functions[0])
    wipe = guard(action_type="wipe", action_target="orders")(functions[1])
    return Tools(
        work,
        lambda: lookup("o-1", amount=5),
        lambda: wipe("o-1", amount=5),
        AegisBlockedError,
        asynchronous=asynchronous,
    )


def _policy() -> str:
    rules = "".join(
        f"  - name: {tool}\n    match: {{type: {tool}}}\n    approval: auto\n    risk_level: low\n"
        for tool in TOOLS
    )
    return f'version: "1"\ndefaults:\n  approval: block\nrules:\n{rules}'


class Executor(BaseExecutor):
    """Runs the tool that the action names."""

    def __init__(self, work: Work) -> None:
        self.tools = {"lookup": work.lookup, "wipe": work.wipe}

    async def execute(self, action: Action) -> Result:
        value = self.tools[action.type](**action.params)
        return Result(action=action, status=ResultStatus.SUCCESS, data=value)


def _runtime(policy: Path, folder: Path) -> Tools:
    work = Work()
    audit = AuditLogger(folder / "aegis_audit.db")
    runtime = Runtime(executor=Executor(work), policy=Policy.from_yaml(policy), audit_logger=audit)

    def run(name: str) -> Any:
        return runtime.run_one(Action(name, "orders", {"order": "o-1", "amount": 5}))

    return Tools(
        work,
        lambda: run("lookup"),
        lambda: run("wipe"),
        lambda result: result.status is ResultStatus.BLOCKED,
        asynchronous=True,
        records=audit.count,
        per_call=1,
        close=audit.close,
    )
