"""One path: what a facade permits and refuses leaves the records that our own API leaves.

Each facade is a row of a table: how it calls, and how a program of ours makes the same call. Ids
and times aside, the records are compared whole. The other half is where facades may reach: the
import contract says what is below their floor, and every module is on one side of it.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest

import remit
from remit.audit.record import Record
from remit.compat import aegis, execlave, kitelogik, waxell
from remit.compat.aegis.adapters.base import BaseExecutor
from remit.compat.aegis.adapters.openai_agents import governed_tool
from remit.compat.execlave.control_plane import ControlPlane
from remit.compat.kitelogik import requests as kite_requests
from remit.compat.kitelogik.native import Native

PROJECT = Path(__file__).parents[1]
MARIA = remit.Subject("user", "maria")
POLICY = remit.Policy.parse("""
remit: 1
name: one-path
rules:
  - {id: reads, action: [read, fail], effect: allow, risk: low}
  - {id: writes, action: write, effect: ask, risk: high, reason: somebody has to agree}
  - {id: wipes, action: wipe, effect: deny, risk: critical, reason: hands off}
""")
ENFORCE = remit.Policy.parse("""
remit: 1
name: one-path
rules:
  - {id: reads, action: enforce, when: args.input == "read", effect: allow, risk: low}
  - {id: writes, action: enforce, when: args.input == "write", effect: ask, risk: high}
  - {id: wipes, action: enforce, when: args.input == "wipe", effect: deny, reason: hands off}
""")
AEGIS = """\
version: "1"
defaults: {risk_level: medium, approval: block}
rules:
  - {name: reads, match: {type: read}, risk_level: low, approval: auto}
  - {name: fails, match: {type: fail}, risk_level: low, approval: auto}
  - {name: writes, match: {type: write}, risk_level: high, approval: approve}
  - {name: wipes, match: {type: wipe}, risk_level: critical, approval: block}
"""
OUTCOMES = {
    "allowed": ("read", True, ["started", "returned"]),
    "refused": ("wipe", True, ["refused"]),
    "lifted": ("write", True, ["asked", "answered", "started", "returned"]),
    "upheld": ("write", False, ["asked", "answered", "refused"]),
    "raised": ("fail", True, ["started", "raised"]),
    "no data": ("read", True, ["refused"]),
}
ID = re.compile(r"[0-9a-f]{16}-[0-9]+")
TIMES = {"at", "seconds"}
REFUSALS = (remit.Blocked, ZeroDivisionError)


def tool(given: Any) -> str:
    """What is called: it fails where it is told to."""
    return f"did {1 / given}"


class Here(NamedTuple):
    """What a call is made with."""

    action: str
    given: Any
    approver: remit.FixedApprover
    ledger: remit.MemoryLedger
    folder: Path

    def guard(self, policy: remit.Decider, **parts: Any) -> remit.Guard:
        return remit.Guard(policy, ledger=self.ledger, approver=self.approver, **parts)


# Aegis: a tool of an agent, and an action of a plan.


def aegis_policy(here: Here) -> aegis.Policy:
    (here.folder / "policy.yaml").write_text(AEGIS)
    return aegis.Policy.from_yaml(here.folder / "policy.yaml")


def aegis_runtime(here: Here) -> aegis.Runtime:
    return aegis.Runtime(
        executor=_Tool(),
        policy=aegis_policy(here),
        approval_handler=here.approver,
        audit_logger=aegis.AuditLogger(ledger=here.ledger),
        session_id="s-1",
    )


def aegis_tool(here: Here) -> None:
    @governed_tool(
        runtime=aegis_runtime(here),
        action_type=here.action,
        action_target="web:page",
        description="does it",
    )
    async def act(given: Any) -> str:
        return tool(given)

    asyncio.run(act(here.given))


class _Tool(BaseExecutor):
    async def execute(self, action: aegis.Action) -> aegis.Result:
        data = tool(action.params["given"])
        return aegis.Result(action=action, status=aegis.ResultStatus.SUCCESS, data=data)


def aegis_plan(here: Here) -> None:
    action = aegis.Action(here.action, "web:page", {"given": here.given}, "does it")
    asyncio.run(aegis_runtime(here).run_one(action))


def aegis_native(here: Here) -> None:
    act = here.guard(aegis_policy(here)).protect(action=here.action, resource="web:page")(tool)
    session = remit.Session("s-1")
    with remit.acting_as(remit.who_acts().subject, session=session, description="does it"):
        act(here.given)


# Kite Logik: a function, and a tool by name.


KITE_SESSION = kitelogik.SessionContext(
    session_id="s-1", user_role="clerk", session_scopes=["write"], tenant_id="acme"
)


def kite_gate(here: Here) -> kitelogik.PolicyGate:
    return kitelogik.PolicyGate(Native(POLICY), ledger=here.ledger, approver=here.approver)


def kite_function(here: Here) -> None:
    kitelogik.governed(kite_gate(here), KITE_SESSION, here.action)(tool)(here.given)


def kite_toolbox(here: Here) -> None:
    box = kitelogik.GovernedToolbox(kite_gate(here), KITE_SESSION).register(here.action, tool)
    box.call_sync(here.action, {"given": here.given})


def kite_native(here: Here, **facts: Any) -> None:
    act = here.guard(POLICY).protect(action=here.action)(tool)
    session = kite_requests.session(KITE_SESSION)
    known = {"event_type": "tool_call", "tool_name": here.action}
    with remit.acting_as("agent:clerk", session=session, **known):
        act(here.given)


# Waxell: a tool outside of a run, and in one.


def waxell_tool(here: Here) -> None:
    remit.use(here.guard(POLICY))
    waxell.tool(here.action)(tool)(here.given)


def waxell_native(here: Here) -> None:
    here.guard(POLICY).protect(action=here.action, resource="tool:function")(tool)(here.given)


def waxell_run(here: Here) -> None:
    remit.use(here.guard(POLICY))
    act = waxell.tool(here.action)(tool)
    with waxell.WaxellContext("clerk", "work", enforce_policy=False, session_id="s-1"):
        act(here.given)


def waxell_native_run(here: Here) -> None:
    guard = here.guard(POLICY)
    act = guard.protect(action=here.action, resource="tool:function")(tool)
    session = remit.Session("s-1")
    with remit.run("work", agent="agent:clerk", guard=guard, session=session):
        act(here.given)


# Execlave: a check; the control plane decides in both.


def plane(here: Here) -> ControlPlane:
    return ControlPlane(here.ledger, policy=ENFORCE)


def execlave_check(here: Here) -> None:
    exe = execlave.Execlave("k", control_plane=plane(here), approver=here.approver)
    try:
        exe.enforce_policy("clerk", here.action)
    finally:
        exe.shutdown()


def execlave_native(here: Here) -> None:
    kept = plane(here)
    guard = here.guard(kept, meter=kept.meter)
    asked = {"input": here.action, "environment": "production", "metadata": {}}
    lists = ("tools", "tool_descriptors", "conversation_history", "tool_outputs")
    with remit.acting_as("agent:clerk"):
        guard.call(guard.request("enforce", **asked, **dict.fromkeys(lists, ())), lambda: None)


class Row(NamedTuple):
    facade: Callable[[Here], None]
    native: Callable[[Here], None]
    without: frozenset[str] = frozenset()
    """Outcomes that there are not."""
    words: Mapping[str, str] = MappingProxyType({})
    """What the facade calls what we raise."""


ROWS = {
    "aegis, a tool": Row(aegis_tool, aegis_native),
    "aegis, a plan": Row(aegis_plan, aegis_native, frozenset({"no data"})),
    "kitelogik, a function": Row(kite_function, kite_native),
    "kitelogik, a toolbox": Row(kite_toolbox, kite_native),
    "waxell, a tool": Row(waxell_tool, waxell_native),
    "waxell, a tool in a run": Row(
        waxell_run, waxell_native_run, words={"PolicyViolationError": "Denied"}
    ),
    "execlave, a check": Row(execlave_check, execlave_native, frozenset({"raised", "no data"})),
}
CASES = [
    pytest.param(row, outcome, id=f"{name}: {outcome}")
    for name, row in ROWS.items()
    for outcome in OUTCOMES
    if outcome not in row.without
]


def records(call: Callable[[Here], None], outcome: str, folder: Path) -> list[Record]:
    action, approve, _ = OUTCOMES[outcome]
    given: Any = {"raised": 0, "no data": object()}.get(outcome, 2)
    approver = remit.FixedApprover(approve=approve, approver=MARIA)
    here = Here(action, given, approver, remit.MemoryLedger(), folder)
    with suppress(*REFUSALS):
        call(here)
    return list(here.ledger.records)


def told(kept: list[Record], words: Mapping[str, str]) -> list[Any]:
    """Records without times, their ids numbered, in our *words*."""
    ids: dict[str, str] = {}

    def named(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: named(each, key) for key, each in value.items() if key not in TIMES}
        if isinstance(value, list | tuple):
            return [named(each) for each in value]
        if isinstance(value, str) and ID.fullmatch(value):
            return ids.setdefault(value, f"id {len(ids)}")
        return words.get(value, value) if name == "error" else value

    return [named(msgspec.to_builtins(each)) for each in kept]


@pytest.fixture(autouse=True)
def nobody_else_guards(monkeypatch):
    monkeypatch.setattr("remit.default._guard", None)
    yield
    waxell.shutdown()


@pytest.mark.parametrize(("row", "outcome"), CASES)
def test_a_facade_leaves_the_records_that_our_own_api_leaves(row, outcome, tmp_path):
    theirs, ours = (records(call, outcome, tmp_path) for call in (row.facade, row.native))
    assert told(theirs, row.words) == told(ours, {})
    governed = [each.kind.value for each in theirs if each.kind.value != "noted"]
    assert governed == OUTCOMES[outcome][2]


def test_every_facade_is_in_the_table():
    facades = {each.name for each in (PROJECT / "src/remit/compat").iterdir() if each.is_dir()}
    assert {name.partition(",")[0] for name in ROWS} == facades - {"__pycache__"}


WITHIN_REACH = {
    "amounts", "approvers", "audit", "canonical", "content", "deciders", "default", "duties",
    "errors", "guard", "ledgers", "meters", "model", "policy", "ports", "refusals", "runs",
    "sources", "telemetry", "toolbox", "tools", "visible", "watched",
}  # fmt: skip
"""What a facade may import: values, guard, runs, ports and their adapters, policy loading."""

ABOVE = {"cli", "compat", "pytest_plugin"}


def test_every_module_is_within_reach_of_the_facades_or_forbidden_to_them():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each.get("source_modules") == ["remit.compat"]]
    forbidden = {each.removeprefix("remit.") for each in contract["forbidden_modules"]}
    there = {
        each.stem
        for each in (PROJECT / "src/remit").iterdir()
        if (each.is_dir() or each.suffix == ".py") and not each.name.startswith(("_", "py.typed"))
    }
    there -= {each.name for each in (PROJECT / "src/remit").iterdir() if _is_data(each)}
    assert forbidden & WITHIN_REACH == set()
    assert there - ABOVE == forbidden | WITHIN_REACH


def _is_data(path: Path) -> bool:
    return path.is_dir() and not (path / "__init__.py").exists()
