"""A program of Aegis runs with another import, and does what its document says."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from agents import Agent, RunConfig, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

import remit
from remit.audit.record import Kind
from remit.cli import main as remit_command
from remit.compat.aegis import (
    Action,
    Approval,
    AuditLogger,
    AutoApprovalHandler,
    BaseExecutor,
    CallbackApprovalHandler,
    Policy,
    PolicyBuilder,
    PolicyRule,
    PolicyWatcher,
    Result,
    ResultStatus,
    RiskLevel,
    Runtime,
    RuntimeHooks,
)
from remit.compat.aegis.adapters.openai_agents import governed_tool
from remit.compat.aegis.core.action import given
from remit.compat.aegis.core.conditions import evaluate_conditions

POLICY = """\
version: "1"
defaults: {risk_level: medium, approval: approve}
rules:
  - {name: search_auto, match: {type: "search*", target: web}, risk_level: low, approval: auto}
  - {name: write_needs_approval, match: {type: "write_*"}, risk_level: high, approval: approve}
  - {name: block_deletes, match: {type: "delete_*"}, risk_level: critical, approval: block}
"""
QUIET = RunConfig(tracing_disabled=True)


class Recorder(BaseExecutor):
    def __init__(self, **answers):
        self.did = []
        self.answers = answers

    async def setup(self):
        self.did.append("setup")

    async def teardown(self):
        self.did.append("teardown")

    async def execute(self, action):
        self.did.append((action.type, action.params))
        answer = self.answers.get(action.type, ResultStatus.SUCCESS)
        if isinstance(answer, Exception):
            raise answer
        return Result(action=action, status=answer, data={"ok": True}, error="it says why")


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    return Policy.from_yaml(tmp_path / "policy.yaml")


@pytest.fixture
def make(policy):
    def make(**more):
        given = {
            "executor": Recorder(),
            "policy": policy,
            "approval_handler": AutoApprovalHandler(),
            "audit_logger": AuditLogger(":memory:"),
        }
        return Runtime(**{**given, **more})

    return make


def execute(runtime, *actions, **more):
    return asyncio.run(runtime.execute(runtime.plan(actions), **more))


def test_a_plan_is_summed_up_in_the_printed_lines(make):
    plan = make().plan(
        [
            Action("search", target="web", params={"query": "test"}),
            Action("write_record", target="database", params={"table": "users"}),
            Action("delete_record", target="database", params={"id": "42"}),
        ]
    )
    assert plan.summary() == (
        "  1. [   AUTO] Action(search -> web)  (risk=LOW, rule=search_auto)\n"
        "  2. [APPROVE] Action(write_record -> database)  (risk=HIGH, rule=write_needs_approval)\n"
        "  3. [  BLOCK] Action(delete_record -> database)  (risk=CRITICAL, rule=block_deletes)"
    )
    assert plan.to_dict()["decisions"][2] == {
        "action_type": "delete_record",
        "action_target": "database",
        "params": {"id": "42"},
        "description": "",
        "risk_level": "critical",
        "approval": "block",
        "matched_rule": "block_deletes",
        "is_allowed": False,
    }
    assert plan.has_blocked
    assert plan.requires_approval
    assert not plan.auto_only
    assert [each.action.type for each in plan.filter(allowed_only=True)] == [
        "search",
        "write_record",
    ]


def test_an_execution_runs_asks_and_blocks_and_all_of_it_is_in_the_log(make):
    runtime = make()
    results = execute(
        runtime, Action("search", "web"), Action("delete_x", "db"), Action("write_x", "db")
    )
    assert [str(each) for each in results] == [
        "[OK] search -> web",
        "[BLOCK] delete_x -> db",
        "[OK] write_x -> db",
    ]
    assert results[1].error == "Blocked by policy rule: block_deletes"
    rows = runtime.audit.get_log(runtime.session_id)
    assert [(r["result_status"], r["approval"], r["human_decision"]) for r in rows] == [
        ("success", "auto", None),
        ("blocked", "block", None),
        ("success", "approve", "approved"),
    ]
    assert rows[1]["result_error"] == "Action blocked by policy rule: block_deletes"
    assert runtime.audit.count(risk_level="HIGH") == 1
    assert runtime.executor.did[0] == "setup"
    assert runtime.executor.did[-1] == "teardown"


def test_after_a_failure_or_a_no_the_rest_is_skipped_and_on_record(make):
    for more, status in (
        ({"executor": Recorder(write_x=ResultStatus.FAILED)}, "failed"),
        ({"approval_handler": CallbackApprovalHandler(lambda _: False)}, "denied"),
    ):
        runtime = make(**more)
        results = execute(runtime, Action("write_x", "db"), Action("search", "web"))
        assert [each.status.value for each in results] == [status, "skipped"]
        rows = runtime.audit.get_log()
        assert [row["result_status"] for row in rows] == [status, "skipped"]
        assert rows[1]["result_error"] == "Skipped due to prior failure"
        assert runtime.executor.did.count(("search", {})) == 0


def test_a_dry_run_runs_nothing_asks_nobody_and_leaves_no_record(make):
    asked = []
    runtime = make(approval_handler=CallbackApprovalHandler(asked.append))
    actions = (Action("search", "web"), Action("write_x", "db"), Action("delete_x", "db"))
    results = execute(runtime, *actions, dry_run=True)
    assert [each.data for each in results] == [
        {"dry_run": True, "would_execute": True},
        {"dry_run": True, "approval_required": True},
        None,
    ]
    assert (asked, runtime.executor.did, runtime.audit.get_log()) == ([], [], [])


def test_in_parallel_everything_that_may_run_runs(make):
    runtime = make(executor=Recorder(search_b=ResultStatus.FAILED))
    results = execute(runtime, *(Action(f"search_{n}", "web") for n in "abc"), parallel=True)
    assert [each.status.value for each in results] == ["success", "failed", "success"]
    assert len(runtime.audit.get_log()) == 3


def test_inside_its_context_a_runtime_sets_up_once(make):
    async def program():
        async with make() as runtime:
            await runtime.run_one(Action("search", "web"))
            await asyncio.gather(*(runtime.run_one(Action("search", "web")) for _ in range(3)))
        return runtime.executor.did

    did = asyncio.run(program())
    assert [each for each in did if isinstance(each, str)] == ["setup", "teardown"]


def tools(runtime):
    @governed_tool(runtime=runtime, action_type="search", action_target="web")
    async def web_search(query: str) -> str:
        """Search the web."""
        return f"Results for: {query}"

    @governed_tool(runtime=runtime, action_type="write_report", action_target="storage")
    def write_report(title: str, pages: int = 1) -> dict:
        return {"title": title, "pages": pages}

    @governed_tool(runtime=runtime, action_type="delete_document", action_target="storage")
    async def delete_document(document_id: str) -> str:
        raise AssertionError("this does not run")

    return [web_search, write_report, delete_document]


CALLS = [
    function_call("web_search", {"query": "x"}, call_id="call-1"),
    function_call("write_report", {"title": "t", "pages": 2}, call_id="call-2"),
    function_call("delete_document", {"document_id": "42"}, call_id="call-3"),
]


@pytest.mark.parametrize("again", [lambda tool: tool, function_tool])
def test_governed_tools_are_given_to_an_agent_as_they_are(make, again):
    runtime = make()
    model = ScriptedModel([*([call] for call in CALLS), [assistant_message("Done.")]])
    agent = Agent(name="Research", tools=[again(tool) for tool in tools(runtime)], model=model)
    asyncio.run(Runner.run(agent, "Go.", run_config=QUIET))
    assert [item["output"] for item in model.last_call.input if "output" in item] == [
        "Results for: x",
        "{'title': 't', 'pages': 2}",
        "[AEGIS BLOCKED] Action blocked by policy rule: block_deletes",
    ]
    rows = runtime.audit.get_log()
    assert [row["result_status"] for row in rows] == ["success", "success", "blocked"]
    assert json.loads(rows[1]["action_params"]) == {"title": "t", "pages": 2}
    assert rows[0]["action_desc"] == "Search the web."


def test_the_agent_that_calls_is_in_the_log(make):
    runtime = make()
    model = ScriptedModel([[CALLS[0]], [assistant_message("Done.")]])
    agent = Agent(name="Research", tools=tools(runtime), model=model)
    asyncio.run(Runner.run(agent, "Go.", run_config=QUIET))
    asyncio.run(tools(runtime)[0]("directly"))
    assert [row["agent_id"] for row in runtime.audit.get_log()] == ["Research", None]
    assert len(runtime.audit.get_log(agent_id="Research")) == 1


def test_governed_tools_can_be_awaited(make):
    runtime = make(approval_handler=CallbackApprovalHandler(lambda _: False))
    search, write, delete = tools(runtime)
    assert asyncio.run(search(query="x")) == "Results for: x"
    assert asyncio.run(write("t")) == "[AEGIS DENIED] Action denied by human operator"
    assert asyncio.run(delete("1")) == (
        "[AEGIS BLOCKED] Action blocked by policy rule: block_deletes"
    )
    assert (search.__name__, search.__doc__) == ("web_search", "Search the web.")
    with pytest.raises(TypeError):
        asyncio.run(search())


def test_without_the_sdk_a_governed_tool_is_a_coroutine_function(make, monkeypatch):
    for name in list(sys.modules):
        if name == "agents" or name.startswith(("agents.", "remit.compat.aegis.adapters.openai")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "agents", None)
    from remit.compat.aegis.adapters.openai_agents import governed_tool as bare

    @bare(runtime=make(), action_type="search", action_target="web")
    def web_search(query: str) -> str:
        return query

    assert asyncio.iscoroutinefunction(web_search)
    assert asyncio.run(web_search("x")) == "x"


def test_a_method_can_be_governed(make):
    runtime = make()

    class Desk:
        name = "desk"

        @governed_tool(runtime=runtime, action_type="search", action_target="web")
        async def look(self, query: str) -> str:
            return f"{self.name}: {query}"

    assert asyncio.run(Desk().look("x")) == "desk: x"
    assert json.loads(runtime.audit.get_log()[0]["action_params"]) == {"query": "x"}


def test_hooks_are_told_of_plans_and_of_governed_tools(make):
    told = []
    hooks = RuntimeHooks(
        on_decision=lambda decision: told.append(decision.matched_rule),
        on_approval=lambda decision, approved: told.append((decision.action.type, approved)),
        on_execute=lambda result: told.append(str(result)),
    )
    runtime = make(hooks=hooks)
    execute(runtime, Action("write_x", "db"))
    asyncio.run(tools(runtime)[2]("1"))
    assert told == [
        "write_needs_approval",
        ("write_x", True),
        "[OK] write_x -> db",
        "block_deletes",
        "[BLOCK] delete_document -> storage",
    ]


@pytest.mark.parametrize("params", [{"n": 1}, {"n": {1, 2}}, {"api_key": "s"}, {"n": object()}])
@pytest.mark.parametrize("kind", ["search_x", "write_x", "delete_x", "unheard_of"])
@pytest.mark.parametrize("approves", [True, False])
def test_an_action_alone_ends_as_it_does_in_a_plan(make, kind, params, approves):
    def told(foretold):
        hooks = RuntimeHooks(on_decision=(lambda _: None) if foretold else None)
        handler = CallbackApprovalHandler(lambda _: approves)
        runtime = make(hooks=hooks, approval_handler=handler)
        result = asyncio.run(runtime.run_one(Action(kind, "web", params)))
        rows = [{**row, "id": 0, "timestamp": ""} for row in runtime.audit.get_log()]
        for row in rows:
            row["session_id"] = ""
        params_given = {name: str(value) for name, value in result.action.params.items()}
        return result.status, result.data, result.error, params_given, rows, runtime.executor.did

    alone, planned = told(foretold=False), told(foretold=True)
    assert str(alone) == str(planned)


def test_a_secret_is_in_no_record_of_a_call(make):
    runtime = make()
    execute(runtime, Action("search_x", "web", {"api_key": "sk-1", "deep": [{"token": "sk-2"}]}))
    records = runtime.audit.ledger.records
    assert [record.kind for record in records] == [Kind.STARTED, Kind.RETURNED]
    assert "sk-" not in str(records)
    assert runtime.executor.did[1] == ("search_x", {"api_key": "sk-1", "deep": [{"token": "sk-2"}]})


def test_names_of_actions_may_be_kinds_of_text_and_nothing_else():
    assert Action(ResultStatus.SUCCESS, "web").type == "success"
    for wrong in ({"type": 1}, {"target": None}, {"params": [1]}, {"chain_depth": "1"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            Action(**{"type": "a", "target": "b", **wrong})


def test_policies_are_merged_in_order(tmp_path):
    prod = tmp_path / "prod.yaml"
    prod.write_text('version: "1"\nrules: [{name: p, match: {type: "pay"}, approval: block}]\n')
    base = tmp_path / "base.yaml"
    base.write_text(
        'version: "1"\ndefaults: {approval: auto}\n'
        'rules: [{name: p, match: {type: "p*"}, approval: auto}]\n'
    )
    merged = Policy.from_yaml_files(prod, base)
    assert merged.digest == Policy.from_yaml(prod).merge(Policy.from_yaml(base)).digest
    assert merged.evaluate(Action("pay", "x")).approval is Approval.BLOCK
    assert merged.evaluate(Action("paint", "x")).approval is Approval.AUTO
    # What holds otherwise is what the first file says, and it says nothing: everything is blocked.
    assert merged.evaluate(Action("other", "x")).approval is Approval.BLOCK
    assert merged.sources == (prod, base)


def test_a_builder_and_its_text_make_the_same_policy():
    builder = (
        PolicyBuilder()
        .defaults(risk_level="high", approval="block")
        .rule("reads")
        .match(type="read_*", target="crm")
        .risk("low")
        .approve_auto()
        .rule("big")
        .match(type="pay")
        .when(param_gt={"amount": 100})
        .block()
    )
    built = builder.build()
    assert built.digest == Policy.from_dict(builder.to_dict()).digest
    assert built.evaluate(Action("read_x", "crm")).may_run_now
    assert built.evaluate(Action("pay", "x", {"amount": 101})).matched_rule == "big"
    assert PolicyBuilder().from_existing(built).build().digest == built.digest


def test_conditions_are_evaluated_on_their_own():
    evening = datetime(2026, 3, 21, 20, 0, tzinfo=UTC)
    assert evaluate_conditions({"time_after": "18:00"}, {}, now=evening)
    assert not evaluate_conditions({"time_before": "08:00"}, {}, now=evening)
    assert evaluate_conditions({"weekdays": [6, 7]}, {}, now=evening)
    assert PolicyRule(match_type="pay", conditions={"param_lt": {"n": 5}}).matches(
        Action("pay", "x", {"n": 4})
    )


SEQUENCES = {
    "defaults": {"approval": "auto"},
    "rules": [],
    "plan_rules": {
        "sequence_patterns": [
            {"name": "exfil", "steps": ["read_*", "send_*"], "description": "data would leave"}
        ]
    },
}


def test_a_sequence_that_must_not_happen_blocks_the_plan_and_is_on_record(make):
    runtime = make(policy=Policy.from_dict(SEQUENCES))
    plan = runtime.plan([Action("read_file", "disk"), Action("send_mail", "mail")])
    assert plan.summary().endswith("  Plan violations:\n    - [  BLOCK] exfil: data would leave")
    results = asyncio.run(runtime.execute(plan))
    assert {each.error for each in results} == {"Blocked by plan rule: data would leave"}
    rows = runtime.audit.get_log()
    assert [(row["result_status"], row["matched_rule"]) for row in rows] == [
        ("blocked", "exfil"),
        ("blocked", "exfil"),
    ]


def test_files_are_followed_all_of_them(make, tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text('version: "1"\ndefaults: {approval: auto}\n')
    second.write_text('version: "1"\nrules: [{name: n, match: {type: pay}, approval: block}]\n')
    runtime = make(policy=Policy.from_yaml_files(first, second))
    reloaded = []

    async def program():
        watcher = PolicyWatcher(runtime, first, on_reload=reloaded.append)
        await watcher.refresh()
        second.write_text('version: "1"\nrules: [{name: m, match: {type: buy}, approval: block}]\n')
        await watcher.refresh()

    asyncio.run(program())
    assert [policy.digest for policy in reloaded] == [runtime.policy.digest]
    assert runtime.policy.evaluate(Action("pay", "x")).may_run_now
    assert not runtime.policy.evaluate(Action("buy", "x")).is_allowed
    changed = [record for record in runtime.audit.ledger.records if record.kind is Kind.CHANGED]
    assert [record.request.action.name for record in changed] == ["policy.replaced"]


def test_a_runtime_follows_a_file_while_it_is_watched(make, policy, tmp_path):
    runtime = make()

    async def program():
        changed = asyncio.Event()
        watcher = PolicyWatcher(
            runtime, tmp_path / "policy.yaml", interval=0.01, on_reload=lambda _: changed.set()
        )
        async with watcher:
            (tmp_path / "policy.yaml").write_text('version: "1"\n')
            await changed.wait()

    asyncio.run(program())
    assert policy.evaluate(Action("search", "web")).may_run_now
    assert not runtime.policy.evaluate(Action("search", "web")).is_allowed


def test_the_log_is_filtered_counted_exported_and_subscribed_to(make, tmp_path):
    runtime = make(audit_logger=AuditLogger(tmp_path / "audit.db"))
    heard = []
    runtime.audit.subscribe(heard.append)
    execute(runtime, Action("search", "web"), Action("delete_x", "db"))
    audit = runtime.audit
    assert audit.log("elsewhere", runtime.plan([Action("delete_y", "db")])[0]) > 0
    assert [row["action_type"] for row in heard] == ["search", "delete_x", "delete_y"]
    assert audit.count() == 3
    assert audit.count(result_status="blocked") == 1
    assert [row["action_type"] for row in audit.get_log(limit=1, newest_first=True)] == ["delete_y"]
    assert len(audit.get_log(since=datetime.now(UTC) - timedelta(hours=1))) == 3
    assert audit.get_log(until=datetime.now(UTC) - timedelta(hours=1)) == []
    assert audit.export_jsonl(tmp_path / "out.jsonl", runtime.session_id) == 2
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    assert audit.ledger.verify().intact
    audit.close()


def test_the_command_lines_of_the_document(make, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runtime = make(audit_logger=AuditLogger())
    execute(runtime, Action("search", "web"), Action("delete_x", "db"), Action("write_x", "db"))
    runtime.audit.close()

    def said(*words, code=0):
        assert remit_command(["compat", "aegis", *words]) == code
        return capsys.readouterr().out

    assert said("audit").count("\n") == 4
    assert "write_x" in said("audit", "--risk", "high")
    assert "search" not in said("audit", "--status", "blocked")
    assert said("audit", "--export", "out.jsonl") == "Exported 3 entries to out.jsonl\n"
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    assert [each["id"] for each in json.loads(said("audit", "--format", "json"))] == [1, 3, 4]
    assert said("audit", "--verify").startswith("PASSED")
    assert said("validate", "policy.yaml").startswith("Policy valid: 3 rule(s) loaded.\n")
    assert "[BLOCK]" in said("simulate", "policy.yaml", "search:web", "delete_record:db")
    assert said("audit", "--db", "no.db", code=1) == ""
    assert said("audit", "--stat", "blocked", code=2) == ""


def test_what_an_inbox_keeps_is_approved_by_a_person_and_runs_once(make):
    audit = AuditLogger(":memory:")
    runtime = make(approval_handler=remit.Inbox(audit.ledger), audit_logger=audit)
    write = tools(runtime)[1]
    assert asyncio.run(write("t")).startswith("[AEGIS DENIED] Waiting for approval")
    [case] = runtime.approval.cases()
    remit.Desk(audit.ledger).approve(case.id, remit.Subject("user", "maria"))
    assert asyncio.run(write("t")) == "{'title': 't', 'pages': 1}"
    assert asyncio.run(write("t")).startswith("[AEGIS DENIED] Waiting for approval")


def leaves(ledger):
    """What the leaves of a ledger say, but for when and under which id."""
    told = []
    for stored in ledger.select():
        leaf = stored.facts()
        told.append((leaf.kind, leaf.action, leaf.subject, leaf.effect, leaf.rules, leaf.risk))
    return told


@pytest.mark.parametrize("name", ["search", "write_x", "delete_x"])
def test_a_call_leaves_the_records_that_a_guard_leaves(make, policy, tmp_path, name):
    aegis = make()
    execute(aegis, Action(name, "web", {"n": 1}))

    @governed_tool(runtime=(tool := make()), action_type=name, action_target="web")
    async def act(n: int) -> str:
        return "x"

    asyncio.run(act(1))

    ledger = remit.MemoryLedger()
    native = remit.Guard(
        remit.load(tmp_path / "policy.yaml"),
        ledger=ledger,
        approver=remit.FixedApprover(approve=True),
    )
    guarded = native.protect(action=name, resource="web")(lambda n: "x")
    try:
        guarded(1)
    except remit.Denied:
        assert name == "delete_x"
    assert leaves(aegis.audit.ledger) == leaves(tool.audit.ledger) == leaves(ledger)
    assert policy.evaluate(Action(name, "web")).risk_level in RiskLevel


@pytest.mark.parametrize("own", ["", "other"])
def test_an_action_that_is_given_other_parameters_says_the_rest_as_before(own):
    action = Action("read", "web", {"n": 1}, "reads", own, "boss", "chain", 2)
    wanted = replace(action, params={"n": 2}, agent_id=own or "agent")
    made = given(action, {"n": 2}, "agent")
    assert (made, type(made), vars(made)) == (wanted, Action, vars(wanted))
    assert action.params == {"n": 1}
