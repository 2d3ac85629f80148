"""A program of Kite Logik runs with another import, and does what its documents say."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager

import pytest
from opa_server import Evaluating, opa

import remit
from remit.audit.record import Kind
from remit.compat import kitelogik
from remit.compat.kitelogik import (
    GovernanceError,
    GovernanceEvent,
    GovernedToolbox,
    HITLQueue,
    OPAClient,
    PolicyDecision,
    PolicyGate,
    RegorusClient,
    RiskTier,
    SessionContext,
    ToolCallInput,
    governed,
)
from remit.compat.kitelogik.native import Native
from remit.compat.kitelogik.regorus_client import bundle
from remit.ledgers.memory import MemoryLedger

SUPPORT = SessionContext(
    session_id="example_01",
    user_role="support_agent",
    session_scopes=["read_customer", "approve_refund_under_100"],
)
CLERK = SUPPORT.model_copy(update={"session_scopes": ["read_customer", "approve_refund"]})


@contextmanager
def native():
    yield OPAClient()


@contextmanager
def rego():
    client = RegorusClient()
    yield client
    client.close()


@contextmanager
def http():
    policies = Evaluating(bundle())
    with opa(policies) as server:
        client = OPAClient(base_url=server.url)
        yield client
        asyncio.run(client.aclose())
    policies.close()


class Elsewhere:
    """An evaluator that only has what Kite Logik asks of one."""

    def __init__(self, client):
        self.client = client

    async def health(self):
        return True

    async def evaluate(self, policy_input):
        return await self.client.evaluate(policy_input)

    async def evaluate_event(self, event):
        return await self.client.evaluate_event(event)


@contextmanager
def foreign():
    yield Elsewhere(OPAClient())


EVALUATORS = [native, rego, http, foreign]


@pytest.fixture(params=EVALUATORS, ids=lambda made: made.__name__)
def evaluator(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with request.param() as made:
        yield made


@pytest.fixture
def gate(evaluator):
    return PolicyGate(opa_client=evaluator, ledger=MemoryLedger())


def kinds(gate):
    return [each.facts().kind for each in gate.ledger.select()]


def refund(gate, context=SUPPORT):
    @governed(gate=gate, context=context)
    async def approve_refund(customer_id: str, amount: float) -> str:
        return f"Refunded ${amount:.2f} to {customer_id}"

    return approve_refund


def test_the_first_governed_tool_does_what_its_page_says(gate):
    tool = refund(gate)
    assert asyncio.run(tool(customer_id="cust_001", amount=42.0)) == "Refunded $42.00 to cust_001"
    with pytest.raises(GovernanceError) as refused:
        asyncio.run(tool(customer_id="cust_001", amount=5000.0))
    assert str(refused.value) == (
        "Governance denied tool call: Refunds over $200 require manager approval"
    )
    assert f"{refused.value.decision.risk_tier}" == "OPERATIONAL"
    assert refused.value.decision.rule_matched == "data.kitelogik.main.deny[_]"
    assert refused.value.decision.rules == ["deny_large_refund"]
    assert kinds(gate) == [Kind.STARTED, Kind.RETURNED, Kind.REFUSED]


def test_a_synchronous_function_and_another_name_for_it(gate):
    @governed(gate=gate, context=SUPPORT, action="approve_refund")
    def issue_partial_refund(customer_id, amount):
        return f"{amount} to {customer_id}"

    assert issue_partial_refund("c", 42) == "42 to c"
    with pytest.raises(GovernanceError, match="over \\$200"):
        issue_partial_refund("c", 5000)

    async def inside_a_loop():
        return issue_partial_refund("c", 41)

    assert asyncio.run(inside_a_loop()) == "41 to c"


def test_a_toolbox_calls_by_name_and_is_governed_alike(gate):
    toolbox = GovernedToolbox(gate=gate, context=SUPPORT)

    async def approve_refund(customer_id: str, amount: float) -> str:
        """Pay money back.

        And more.
        """
        return f"{amount} to {customer_id}"

    toolbox.register("approve_refund", approve_refund).register(
        "get_customer", lambda customer_id: {"id": customer_id}
    )
    assert toolbox.tool_names() == ["approve_refund", "get_customer"]
    arguments = {"customer_id": "cust_001", "amount": 42.0}
    assert asyncio.run(toolbox.call("approve_refund", arguments)) == "42.0 to cust_001"
    assert toolbox.call_sync("get_customer", {"customer_id": "c"}) == {"id": "c"}
    with pytest.raises(GovernanceError, match="over \\$200"):
        toolbox.call_sync("approve_refund", {**arguments, "amount": 5000})
    described = toolbox.tool_schemas()[0]
    assert (described["name"], described["description"]) == ("approve_refund", "Pay money back.")
    assert described["input_schema"]["properties"]["amount"] == {"type": "number"}


OUTCOMES = [
    ({"amount": 42.0}, SUPPORT, (True, False, False), RiskTier.TRANSACTIONAL_LOW),
    ({"amount": 0}, SUPPORT, (True, False, False), RiskTier.TRANSACTIONAL_LOW),
    ({"amount": 150}, CLERK, (False, False, True), RiskTier.TRANSACTIONAL_HIGH),
    ({"amount": 5000.0}, SUPPORT, (False, True, False), RiskTier.OPERATIONAL),
    ({"amount": -5}, CLERK, (False, False, True), RiskTier.OPERATIONAL),
    ({"amount": True}, CLERK, (False, True, False), RiskTier.OPERATIONAL),
    ({"amount": None}, CLERK, (False, True, False), RiskTier.OPERATIONAL),
    ({"amount": "42"}, CLERK, (False, True, False), RiskTier.OPERATIONAL),
    ({}, CLERK, (False, True, False), RiskTier.OPERATIONAL),
]


@pytest.mark.parametrize(("args", "context", "flags", "tier"), OUTCOMES)
def test_every_engine_says_the_same(gate, args, context, flags, tier):
    call = ToolCallInput(action="approve_refund", tool_name="approve_refund", args=args)
    decision = asyncio.run(gate.evaluate_tool_call(call, context))
    assert (decision.allow, decision.deny, decision.requires_hitl) == flags
    assert decision.risk_tier is tier
    assert sum(flags) == 1


def test_what_needs_a_person_waits_in_the_queue_and_runs_once_when_approved(evaluator, tmp_path):
    queue = HITLQueue(str(tmp_path / "hitl.db"))
    gate = PolicyGate(opa_client=evaluator, approver=queue)
    tool = refund(gate, CLERK)
    with pytest.raises(GovernanceError) as refused:
        asyncio.run(tool("cust_001", 150.0))
    assert refused.value.decision.requires_hitl
    (waiting,) = asyncio.run(queue.get_pending())
    assert waiting.id == refused.value.approval_id
    assert (waiting.tool_name, waiting.args) == (
        "approve_refund", {"customer_id": "cust_001", "amount": 150.0},
    )  # fmt: skip
    assert asyncio.run(queue.approve(waiting.id, decided_by="maria"))
    assert asyncio.run(tool("cust_001", 150.0)) == "Refunded $150.00 to cust_001"
    with pytest.raises(GovernanceError) as again:
        asyncio.run(tool("cust_001", 150.0))
    assert again.value.decision.requires_hitl
    assert again.value.approval_id != waiting.id
    queue.close()


def test_what_a_person_refuses_stays_refused(evaluator, tmp_path):
    queue = HITLQueue(str(tmp_path / "hitl.db"))
    tool = refund(PolicyGate(opa_client=evaluator, approver=queue), CLERK)
    with pytest.raises(GovernanceError) as refused:
        asyncio.run(tool("cust_001", 150.0))
    assert asyncio.run(queue.deny(refused.value.approval_id, "maria", "not this one"))
    with pytest.raises(GovernanceError, match="user:maria refused: not this one"):
        asyncio.run(tool("cust_001", 150.0))
    queue.close()


def test_each_way_to_be_refused_is_told_apart():
    gate = PolicyGate(Native.load(), ledger=MemoryLedger())
    flags = {}
    for name, action, args in [
        ("hard", "run_command", {}),
        ("human", "unheard_of", {}),
        ("soft", "unheard_of", {"at": object()}),
    ]:
        tool = governed(gate, SUPPORT, action)(lambda **args: pytest.fail("it ran"))
        with pytest.raises(GovernanceError) as refused:
            tool(**args)
        decision = refused.value.decision
        flags[name] = (decision.allow, decision.deny, decision.requires_hitl)
    assert flags == {
        "hard": (False, True, False),
        "human": (False, False, True),
        "soft": (False, False, False),
    }


def test_a_refusal_is_a_blocked_of_ours_so_adapters_catch_it():
    assert issubclass(GovernanceError, remit.Blocked)


def test_whoever_has_no_policy_is_warned_and_told_what_to_do(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    Native.of_project()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "the policy of a new project decides" in record.getMessage()
    kitelogik.init(tmp_path)
    caplog.clear()
    Native.of_project()
    assert caplog.records == []


def test_a_session_may_be_that_of_the_moment():
    gate = PolicyGate(Native.of_project(), ledger=MemoryLedger())
    sessions = iter([SUPPORT, SUPPORT.model_copy(update={"session_scopes": []})])

    @governed(gate, lambda: next(sessions))
    def approve_refund(amount):
        return amount

    assert approve_refund(42) == 42
    with pytest.raises(GovernanceError):
        approve_refund(42)


def test_methods_generators_partials_and_static_methods_can_be_governed():
    gate = PolicyGate(Native.of_project(), ledger=MemoryLedger())

    class Desk:
        @governed(gate, SUPPORT, "approve_refund")
        def method(self, amount):
            return (self, amount)

        @governed(gate, SUPPORT, "approve_refund")
        @staticmethod
        def static(amount):
            return amount

    @governed(gate, SUPPORT, "approve_refund")
    def items(amount):
        yield from range(amount)

    @governed(gate, SUPPORT, "approve_refund")
    async def async_items(amount):
        for n in range(amount):
            yield n

    async def listed(amount):
        return [item async for item in async_items(amount)]

    desk = Desk()
    assert desk.method(3) == (desk, 3)
    assert Desk.static(3) == 3
    assert list(items(3)) == asyncio.run(listed(3)) == [0, 1, 2]
    for refused in (
        lambda: desk.method(500),
        lambda: list(items(500)),
        lambda: asyncio.run(listed(500)),
    ):
        with pytest.raises(GovernanceError):
            refused()


def test_events_are_decided_on(gate):
    def event(kind, **fields):
        context = fields.pop("context", SUPPORT)
        event = GovernanceEvent(
            event_type=kind, session_id=context.session_id, action=kind, context=context, **fields
        )
        return asyncio.run(gate.evaluate(event))

    deep = SUPPORT.model_copy(update={"delegation_depth": 2})
    assert event("agent.spawn", requested_capabilities=["read_customer"]).allow
    assert event("agent.spawn", requested_capabilities=["root"]).deny
    assert event("agent.delegate", delegation_target="worker").allow
    assert event("agent.delegate", context=deep).deny
    assert event("agent.plan", steps=[{"tool_name": "get_customer"}]).allow
    assert event("agent.plan", steps=[{"tool_name": "drop_database"}]).deny
    assert event("agent.plan", steps=[]).deny
    assert event("agent.budget").allow
    spent = SUPPORT.model_copy(update={"budget_total_tokens": 10, "budget_used_tokens": 10})
    assert event("agent.budget", context=spent).deny
    assert event("tool_call", data_classification="restricted").deny


def test_a_plan_is_decided_on_as_a_whole_and_step_by_step(gate):
    toolbox = GovernedToolbox(gate, CLERK)
    small = {"tool_name": "approve_refund", "args": {"amount": 50}}
    large = {"tool_name": "approve_refund", "args": {"amount": 5000}}
    assert asyncio.run(toolbox.evaluate_plan([small, small])).allow
    with pytest.raises(GovernanceError, match="step 2: Refunds over"):
        asyncio.run(toolbox.evaluate_plan([small, large]))


def test_a_gate_without_anything_decides_by_the_project_and_records_beside_it(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    kitelogik.init(tmp_path)
    gate = PolicyGate()

    @governed(gate, SUPPORT)
    def approve_refund(amount):
        return amount

    assert not (tmp_path / ".remit").exists()
    assert approve_refund(42) == 42
    gate.ledger.close()
    assert (tmp_path / ".remit" / "ledger.db").exists()


def test_rego_that_would_never_be_asked_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kitelogik.init(tmp_path)
    OPAClient()
    (tmp_path / "policies" / "deny_fridays.rego").write_text("package kitelogik.fridays\n")
    with pytest.raises(remit.PolicyError, match="would never be asked"):
        OPAClient()


def test_a_new_project_runs(tmp_path):
    written = {path.relative_to(tmp_path).as_posix() for path in kitelogik.init(tmp_path)}
    assert written == {
        "agent.py", "policies/core.rego", "policies/main.rego", "policies/policy.rego",
        "policies/policy.yaml",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "agent.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "ALLOW cust_001: Acme Corp, enterprise",
        "ALLOW refunded $50.00 to cust_001",
        "BLOCK Governance denied tool call: Refunds over $200 require manager approval",
    ]
    with pytest.raises(FileExistsError):
        kitelogik.init(tmp_path)


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "remit.compat.kitelogik", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_commands(tmp_path):
    assert command("init", "project", cwd=tmp_path).returncode == 0
    assert command("init", "project", cwd=tmp_path).returncode == 2
    compiled = command("compile", "project/policies/policy.yaml", cwd=tmp_path)
    assert compiled.stdout == (tmp_path / "project/policies/policy.rego").read_text()
    context = '"context": {"session_id": "s", "user_role": "manager", "session_scopes": []}'
    denied = command("check", f'{{"action": "run_command", {context}}}', cwd=tmp_path / "project")
    assert (denied.returncode, '"deny": true' in denied.stdout) == (1, True)
    assert command("check", "{", cwd=tmp_path).returncode == 2
    misspelt = command("check", f'{{"actoin": "x", {context}}}', cwd=tmp_path)
    assert misspelt.returncode == 2


def test_every_public_name_is_there_and_says_something():
    assert sorted(kitelogik.__all__, key=str.lower) == sorted(set(kitelogik.__all__), key=str.lower)
    for name in kitelogik.__all__:
        assert name == "__version__" or (getattr(kitelogik, name).__doc__ or "").strip(), name


def test_importing_it_imports_no_http_client_and_no_rego():
    code = (
        "import sys, remit.compat.kitelogik;"
        "print([n for n in sys.modules if n in {'h11', 'regorus', 'pydantic'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_decisions_can_be_written_down_and_read_again():
    decision = PolicyDecision(
        allow=False, deny=True, risk_tier="DESTRUCTIVE", requires_hitl=False, reason="x"
    )
    assert PolicyDecision.model_validate(decision.model_dump()) == decision
