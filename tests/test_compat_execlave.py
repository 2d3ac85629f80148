"""A program of Execlave runs with another import, and does what its document says."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import Future
from contextlib import suppress

import execlave_calls
import pytest
from execlave_calls import (
    ATTACK,
    BLOCK_INJECTION,
    Llm,
    ends,
    kinds,
    run,
)
from otlp_collector import Collector

import remit
from remit import MemoryLedger, Policy, SqliteLedger, Subject
from remit.compat import execlave
from remit.compat.execlave import (
    AgentPausedError,
    ApprovalTimeoutError,
    ControlPlane,
    EnforcementUnavailableError,
    Execlave,
    ExeclaveError,
    PolicyBlockedError,
    PolicyDeniedError,
)

client, plane = execlave_calls.client, execlave_calls.plane

MARIA = Subject("user", "maria")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# The document's own programs.


@pytest.mark.usefixtures("elsewhere")
def test_the_first_program_answers_is_blocked_and_is_paused(capsys):
    llm = Llm()
    namespace = run("quickstart", llm=llm)
    answer, ag = namespace["answer"], namespace["ag"]
    assert capsys.readouterr().out == "the answer\n"
    ag.control_plane.add_policy(BLOCK_INJECTION)
    assert answer(ATTACK) == "Request blocked by security policy."
    assert llm.asked == ["How do I reset my password?"]
    ag.control_plane.pause("my-assistant", by="user:maria")
    paused = run("paused", answer=answer)
    assert paused == "Service temporarily unavailable — agent paused by admin."
    ag.shutdown()
    with SqliteLedger(".remit/ledger.db") as ledger:
        found = [(leaf.kind.value, leaf.action) for leaf in (e.facts() for e in ledger.select())]
    assert ("refused", "enforce") in found
    assert ("refused", "run.start") in found
    assert [action for _, action in found].count("run.end") == 2


@pytest.mark.usefixtures("elsewhere")
def test_registering_tells_the_status(client, capsys):
    exe = client()
    assert run("register", ag=exe)["agent"].name == "Order Processor"
    exe.control_plane.pause("order-processor", by="user:maria")
    run("register", ag=exe)
    assert capsys.readouterr().out == "active\npaused\n"


def test_enforcing_in_the_document_prints_what_was_violated(client, capsys):
    exe = client()
    assert run("enforce", ag=exe, user_message="hello")["result"]["allowed"] is True
    exe.control_plane.add_policy(
        name="tools", policyType="access_control", ruleDefinition={"deny": ["EMAIL"]}
    )
    run("enforce", ag=exe, user_message="hello")
    assert capsys.readouterr().out == "access_control A tool is not allowed for this agent\n"


def test_the_three_ways_to_trace_in_the_document(client):
    exe = client()
    process = run("decorated", ag=exe, llm=Llm('{"ok": 1}'), json=json)["process_order"]
    assert process({"order": 7}) == {"ok": 1}
    run("block", ag=exe, llm=Llm())
    run("manual", ag=exe, llm=Llm(), user_query="why")
    with pytest.raises(KeyError):
        run("manual", ag=exe, llm=Llm(KeyError("x")), user_query="why")
    first, block, manual, failed = ends(exe)
    assert (first["input"], first["output"]) == ({"order_data": {"order": 7}}, {"ok": 1})
    assert block["output"] == {"answer": "the answer"}
    assert (block["tokens"], block["cost"]) == (470, 0.0045)
    assert (manual["status"], manual["output"]) == ("success", "the answer")
    assert (failed["status"], failed["error"]) == ("error", "KeyError")


@pytest.mark.usefixtures("elsewhere")
def test_the_options_in_the_document_are_taken():
    private = run("privacy", Execlave=Execlave)["ag"]
    with private.start_trace(agent_id="a") as trace:
        trace.set_input("I am ann@example.com")
    private.shutdown()
    scanning = run("injection", Execlave=Execlave)["ag"]
    assert scanning.enable_injection_scan
    scanning.shutdown()
    with SqliteLedger(".remit/ledger.db") as ledger:
        assert not [e for e in ledger.select() if b"ann@" in (e.payload or b"")]


@pytest.mark.usefixtures("elsewhere")
def test_the_document_exports_to_a_collector():
    run("otlp")["ag"].shutdown()


def test_traces_go_to_a_collector_without_the_key(client):
    with Collector() as collector:
        exe = client(mode="otlp", otlp_endpoint=collector.address)
        with exe.start_trace(agent_id="bot", session_id="s-1") as trace:
            exe.enforce_policy("bot", "x")
            trace.set_input("secret words").set_model("m-1").set_tokens(1, 2)
        exe.start_trace(agent_id="bot").finish("error", "it broke", "ValueError")
        exe.flush()
        exe.shutdown()
    spans = collector.spans()
    assert sorted(span.name for span in spans) == [
        "chat m-1",
        "execute_tool enforce",
        "invoke_agent bot",
        "invoke_agent bot",
    ]
    sent = str(collector.requests) + str(collector.headers)
    assert "Execlave-production" in sent
    assert "exe_test" not in sent
    assert "secret words" not in sent
    assert "Authorization" not in sent


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (PolicyBlockedError([]), "Blocked by security policy."),
        (AgentPausedError("a"), "Service temporarily unavailable."),
        (EnforcementUnavailableError(3), "Governance system unavailable."),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_errors_in_the_document_are_told_apart(raised, said):
    class Raising:
        def enforce_policy(self, **_):
            raise raised

    assert run("errors", ag=Raising(), user_message="x") == said


# The same behaviour, in our words.


def test_without_policies_everything_may_go_on(client):
    assert client().enforce_policy("bot", "hello") == {
        "allowed": True,
        "violations": [],
        "warnings": [],
    }


def test_a_policy_that_blocks_raises_with_its_violations(client):
    exe = client()
    exe.control_plane.add_policy(BLOCK_INJECTION)
    with pytest.raises(PolicyBlockedError) as blocked:
        exe.enforce_policy("bot", ATTACK)
    assert str(blocked.value) == (
        "Execution blocked by policy: [injection_scan] Prompt injection detected"
    )
    assert blocked.value.violations == [
        {
            "policyId": "no-injection",
            "policyName": "No injection",
            "policyType": "injection_scan",
            "message": "Prompt injection detected",
            "enforcementMode": "block",
            "severity": "high",
        }
    ]
    assert isinstance(blocked.value, remit.Blocked)


@pytest.mark.parametrize("mode", ["warn", "monitor"])
def test_a_policy_that_warns_is_told_and_blocks_nothing(client, mode):
    exe = client()
    exe.control_plane.add_policy({**BLOCK_INJECTION, "enforcementMode": mode})
    result = exe.enforce_policy("bot", ATTACK)
    assert result["allowed"] is True
    assert [(w["policyType"], w["enforcementMode"]) for w in result["warnings"]] == [
        ("injection_scan", mode)
    ]


APPROVAL = {
    "name": "wires",
    "policyType": "action_approval",
    "enforcementMode": "require_approval",
    "ruleDefinition": {"tools": ["bank"]},
}


def answer(plane, *, approve):
    while not plane.approvals:
        threading.Event().wait(0.01)
    (case,) = plane.approvals
    (plane.approve if approve else plane.deny)(case.id, MARIA, reason="because")
    return case.id


@pytest.mark.parametrize("approve", [True, False])
def test_a_policy_that_asks_waits_for_a_person(client, approve):
    waiting = ControlPlane(MemoryLedger(), approval_wait=30)
    exe = client(control_plane=waiting)
    waiting.add_policy(APPROVAL)
    answered = Future()
    threading.Thread(
        target=lambda: answered.set_result(answer(waiting, approve=approve)), daemon=True
    ).start()
    if not approve:
        with pytest.raises(PolicyDeniedError, match="because") as denied:
            exe.enforce_policy("bot", "pay", tools=["bank"])
        assert denied.value.approval_request_id == answered.result()
        return
    result = exe.enforce_policy("bot", "pay", tools=["bank"])
    assert (result["allowed"], result["approvalRequestId"]) == (True, answered.result())


def test_waiting_for_a_person_does_not_hold_up_an_event_loop(client):
    waiting = ControlPlane(MemoryLedger(), approval_wait=30)
    exe = client(control_plane=waiting)
    waiting.add_policy(APPROVAL)

    async def both():
        asked = asyncio.create_task(exe.aenforce_policy("bot", "pay", tools=["bank"]))
        await asyncio.to_thread(answer, waiting, approve=True)
        return await asked

    assert asyncio.run(both())["allowed"] is True


def test_nobody_answering_is_no(client, plane):
    plane.add_policy(APPROVAL)
    with pytest.raises(ApprovalTimeoutError):
        client().enforce_policy("bot", "pay", tools=["bank"])


@pytest.mark.parametrize(
    ("policy", "stopped", "goes_on"),
    [
        (
            {"policyType": "cost_limit", "ruleDefinition": {"max_cost_per_execution": 1}},
            {"estimated_cost": 1.01},
            {"estimated_cost": 1},
        ),
        (
            {"policyType": "access_control", "ruleDefinition": {"allow": ["search"]}},
            {"tools": ["search", "rm"]},
            {"tools": ["search"]},
        ),
        (
            {"policyType": "pii_access", "ruleDefinition": {"denied_pii_types": ["ssn"]}},
            {"input": "SSN 123-45-6789"},
            {"input": "ann@example.com"},
        ),
        ({"policyType": "pii_detection"}, {"input": "ann@example.com"}, {"input": "ann"}),
        (
            {"policyType": "injection_scan", "ruleDefinition": {"scan_input": False}},
            {"tool_outputs": [{"name": "web", "output": ATTACK}]},
            {"input": ATTACK},
        ),
        (
            {"policyType": "expression", "ruleDefinition": {"expression": "args.metadata.n > 3"}},
            {"metadata": {"n": 4}},
            {"metadata": {"n": 3}},
        ),
        (
            {"policyType": "action_approval", "appliesToAgents": ["bot"]},
            {},
            None,
        ),
    ],
    ids=lambda each: each.get("policyType", "") if isinstance(each, dict) else None,
)
def test_the_types_of_policies(client, policy, stopped, goes_on):
    exe = client()
    exe.control_plane.add_policy({"name": "it", **policy})
    with pytest.raises(PolicyBlockedError):
        exe.enforce_policy(**{"agent_id": "bot", "input": "x", **stopped})
    more = {"agent_id": "other"} if goes_on is None else {"agent_id": "bot", **goes_on}
    assert exe.enforce_policy(**{"input": "x", **more})["allowed"]


@pytest.mark.parametrize(
    ("policy", "more", "times"),
    [
        (
            {"policyType": "budget_cap", "ruleDefinition": {"daily_budget": 1}},
            {"estimated_cost": 0.4},
            2,
        ),
        (
            {
                "policyType": "cost_limit",
                "ruleDefinition": {"max_cost_per_execution": 0.5, "daily_budget": 1},
            },
            {"estimated_cost": 0.4},
            2,
        ),
        ({"policyType": "rate_limit", "ruleDefinition": {"max_calls": 3}}, {}, 3),
    ],
)
def test_budgets_and_rates_hold_over_calls(client, plane, policy, more, times):
    plane.add_policy({"name": "It", **policy})
    exe = client()
    for _ in range(times):
        assert exe.enforce_policy("bot", "x", **more)["allowed"]
    with pytest.raises(PolicyBlockedError) as blocked:
        exe.enforce_policy("bot", "x", **more)
    assert blocked.value.violations[0]["policyType"] == policy["policyType"]
    assert exe.enforce_policy("other", "x", **more)["allowed"]


@pytest.mark.parametrize(
    "policy",
    [
        {"policyType": "quantum_limit"},
        {"policyType": "injection_scan", "enforcementMode": "log_only"},
        {"policyType": "injection_scan", "ruleDefinition": {"patterns": ["x"]}},
        {"policyType": "cost_limit", "ruleDefinition": {"max_cost_per_execution": "1"}},
        {"policyType": "cost_limit"},
        {"policyType": "access_control"},
        {"policyType": "pii_access", "ruleDefinition": {"denied_pii_types": ["aura"]}},
        {"policyType": "injection_scan", "typo": 1},
        {"policyType": "action_approval", "appliesToAgents": ["*"]},
    ],
    ids=str,
)
def test_a_policy_that_would_not_be_enforced_is_an_error(plane, policy):
    with pytest.raises(ValueError, match=r"."):
        plane.add_policy({"name": "it", **policy})
    assert plane.policies == ()


def test_a_condition_that_is_none_is_an_error_and_changes_nothing(plane):
    with pytest.raises(remit.PolicyError):
        plane.add_policy(
            name="it", policyType="expression", ruleDefinition={"expression": "args.input =="}
        )
    assert plane.policies == ()


def test_policies_are_replaced_and_removed_on_record(client, plane):
    plane.add_policy(BLOCK_INJECTION)
    plane.add_policy({**BLOCK_INJECTION, "isActive": False})
    assert client().enforce_policy("bot", ATTACK)["allowed"]
    plane.remove_policy("No injection")
    changed = [each.request.action.name for each in plane.ledger.records if each.decision is None]
    assert changed == ["policy.added", "policy.added", "policy.removed"]
    with pytest.raises(KeyError):
        plane.remove_policy("No injection")


def test_a_policy_of_ours_decides_besides(client):
    policy = Policy.parse(
        "remit: 1\nname: native\nrules:\n"
        "  - {id: short, action: enforce, when: size(args.input) < 5, effect: allow}\n"
    )
    exe = Execlave("k", control_plane=ControlPlane(MemoryLedger(), policy=policy))
    exe.control_plane.add_policy({**BLOCK_INJECTION, "enforcementMode": "warn"})
    assert exe.enforce_policy("bot", "hi")["allowed"]
    with pytest.raises(PolicyBlockedError):
        exe.enforce_policy("bot", "hello there")
    exe.shutdown()


@pytest.mark.parametrize("text", ["hello", ATTACK])
def test_a_check_leaves_the_records_of_a_governed_call(client, plane, text):
    plane.add_policy(BLOCK_INJECTION)
    exe = client()
    with suppress(PolicyBlockedError):
        exe.enforce_policy("bot", text)
    del plane.ledger.records[0]
    policy = Policy.parse(
        "remit: 1\nname: native\ndefault: allow\nrules:\n"
        "  - {id: no-injection, action: enforce, when: size(injection(args.input)) > 0,\n"
        "     effect: deny, risk: high, reason: Prompt injection detected}\n"
    )
    guard = remit.Guard(policy, ledger=MemoryLedger())
    with remit.acting_as(Subject("agent", "bot")):
        request = guard.request("enforce", **plane.ledger.records[0].request.action.properties)
    with suppress(remit.Denied):
        guard.call(request, lambda: None)

    def shape(records):
        return [
            (r.kind, r.request.subject, r.request.action, r.decision.effect, r.decision.rules,
             r.decision.reason, r.decision.risk, r.result)
            for r in records
        ]  # fmt: skip

    assert shape(plane.ledger.records) == shape(guard.ports.ledger.records)
    assert len(plane.ledger.records) == (1 if text == ATTACK else 2)


def test_a_pause_stops_traces_and_checks_of_that_agent_alone(client, plane):
    exe = client()
    agent = exe.register_agent("bot", "Bot")
    traced = exe.trace(lambda: "ran")
    plane.pause("bot", by="user:maria", reason="incident")
    for begin in (
        lambda: exe.start_trace(agent_id="bot"),
        lambda: exe.trace(agent_id="bot").__enter__(),
        lambda: exe.enforce_policy("bot", "x"),
        traced,
    ):
        with pytest.raises(AgentPausedError, match="Agent 'bot' is paused: incident") as paused:
            begin()
        assert (paused.value.agent_id, paused.value.reason) == ("bot", "incident")
    assert (agent.status, agent.is_paused) == ("paused", True)
    assert exe.enforce_policy("other", "x")["allowed"]
    plane.resume("bot", by="user:maria")
    assert traced() == "ran"


def forms(exe):
    @exe.trace
    def plain(x):
        return x

    @exe.trace
    async def asynchronous(x):
        await asyncio.sleep(0)
        return x

    @exe.trace
    def generator(x):
        got = yield x
        return got

    @exe.trace
    async def agenerator(x):
        yield x

    async def collect(x):
        return [each async for each in agenerator(x)]

    return [
        plain,
        lambda x: asyncio.run(asynchronous(x)),
        lambda x: list(generator(x)),
        lambda x: asyncio.run(collect(x)),
    ]


@pytest.mark.parametrize("form", range(4), ids=["plain", "async", "generator", "async generator"])
def test_every_form_of_function_is_traced(client, form):
    exe = client()
    expected = [1] if form > 1 else 1
    assert forms(exe)[form](1) == expected
    (end,) = ends(exe)
    assert (end["status"], end["input"]) == ("success", {"x": 1})
    assert end["output"] == (tuple(expected) if form > 1 else 1)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("form", range(4), ids=["plain", "async", "generator", "async generator"])
def test_what_a_traced_function_raises_passes_through_and_is_told(client, form, kind):
    exe = client()

    def boom():
        raise kind("boom")

    @exe.trace
    def plain():
        boom()

    @exe.trace
    async def asynchronous():
        boom()

    @exe.trace
    def generator():
        yield 1
        boom()

    @exe.trace
    async def agenerator():
        yield 1
        boom()

    async def collect():
        return [each async for each in agenerator()]

    call = [
        plain,
        lambda: asyncio.run(asynchronous()),
        lambda: list(generator()),
        lambda: asyncio.run(collect()),
    ][form]
    with pytest.raises(kind):
        call()
    (end,) = ends(exe)
    assert (end["status"], end["error"], end["message"]) == ("error", kind.__name__, "boom")


def test_calls_inside_a_block_belong_to_its_run(client, plane):
    exe = client()
    with exe.start_trace(agent_id="bot", session_id="s-1", user_id="ann") as trace:
        exe.enforce_policy("bot", "x")
    records = [each for each in plane.ledger.records if each.request.action.name == "enforce"]
    assert {each.request.run["id"] for each in records} == {trace.run.id}
    assert {each.request.session.id for each in records} == {"s-1"}
    (end,) = ends(exe)
    assert end["calls"] == {"enforce": 1}


def test_setters_are_chained_and_the_last_word_counts(client):
    exe = client()
    trace = exe.start_trace(trace_id="tr_1", agent_id="bot", metadata={"a": 1}, tags=["x"])
    made = trace.set_input(1).set_output({"o": [1]}).set_model("m").set_tokens(prompt=3)
    assert made.set_cost(0.5).set_duration(12).add_metadata({"b": 2}).add_tags(["x", "y"]) is trace
    trace.finish("timeout")
    trace.finish("success")
    (end,) = ends(exe)
    assert (end["trace_id"], end["status"], end["duration_ms"]) == ("tr_1", "timeout", 12)
    assert (end["metadata"], end["tags"]) == ({"a": 1, "b": 2}, ("x", "y"))
    assert (end["tokens"], end["cost"], end["model_calls"]) == (3, 0.5, 1)


def test_a_trace_is_a_decorator_with_a_trace_per_call(client):
    exe = client()
    decorated = exe.trace(agent_id="bot", session_id="s", tags=["t"])(lambda x: x)
    decorated(1)
    decorated(2)
    first, second = ends(exe)
    assert first["trace_id"] != second["trace_id"]
    assert (first["output"], second["output"], first["tags"]) == (1, 2, ("t",))


def test_evidence_of_effects_is_checked(client):
    trace = client().start_trace(agent_id="bot")
    with pytest.raises(ValueError, match="basis"):
        trace.finish(effect_evidence={"effectRef": "1"})
    with pytest.raises(ValueError, match="rumour"):
        trace.finish(effect_evidence={"basis": "none", "rumour": 1})
    trace.finish(effect_evidence={"basis": "read_back", "effectRef": "o-1"})


def test_nothing_is_traced_after_the_end(client):
    exe = client()
    open_trace = exe.start_trace(agent_id="bot")
    exe.shutdown()
    for begin in (lambda: exe.trace(len), lambda: exe.start_trace(agent_id="bot")):
        with pytest.raises(ExeclaveError, match="shut down"):
            begin()
    open_trace.finish()
    assert len(ends(exe)) == 1


def test_keys_are_needed_and_variables_read(monkeypatch, plane):
    monkeypatch.delenv("EXECLAVE_API_KEY", raising=False)
    with pytest.raises(ValueError, match="api_key must be provided or EXECLAVE_API_KEY env var"):
        Execlave(control_plane=plane)
    monkeypatch.setenv("EXECLAVE_API_KEY", "exe_dev_1")
    monkeypatch.setenv("EXECLAVE_BASE_URL", "https://other.example/")
    exe = Execlave(control_plane=plane)
    assert (exe.api_key, exe.base_url) == ("exe_dev_1", "https://other.example")
    assert Execlave("k", control_plane=plane, base_url="http://x/").base_url == "http://x"


def test_agents_are_registered_once_and_found(client, plane):
    exe = client()
    first = exe.register_agent("bot", "Bot", allowed_actions=["pay"])
    again = exe.register_agent("bot", "Better Bot")
    assert (first.id, again.name) == (again.id, "Better Bot")
    assert [each["agentId"] for each in exe.discover_agents("pay")] == ["bot"]
    assert exe.discover_agents("fly") == []
    assert kinds(exe) == ["changed", "changed"]
    assert exe.check_agent_status() == "active"


def test_errors_say_what_execlaves_say():
    own = {"policyType": "custom_validator", "message": "no"}
    assert str(PolicyBlockedError([{}, own])) == (
        "Execution blocked by policy: [unknown] ; [custom_validator] no"
    )
    assert str(AgentPausedError("a")) == "Agent 'a' is paused"
    assert str(PolicyDeniedError("apr", "no")) == "Approval request 'apr' was denied: no"
    assert str(ApprovalTimeoutError("apr")) == "Approval request 'apr' timed out"
    assert str(EnforcementUnavailableError(3, "away")).startswith(
        "Enforcement unavailable after 3 consecutive failures."
    )
    of = execlave.policy_blocked_error_from_violations
    kinds = [type(of([each])).__name__ for each in ({}, own, {"policyType": "tool_integrity"})]
    assert kinds == ["PolicyBlockedError", "ValidatorDeniedError", "ToolIntegrityError"]
    assert of([own]).validator_violations == [own]
    assert type(execlave.ValidatorDeniedError.from_violations([{}])) is PolicyBlockedError


def test_every_name_is_there():
    assert all(hasattr(execlave, name) for name in execlave.__all__)
    assert execlave.ExeclaveClient is execlave.Execlave
