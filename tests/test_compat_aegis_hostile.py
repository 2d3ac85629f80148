"""What goes wrong in Aegis with what the facade offers, and what happens here instead."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from loopback import web

from remit.audit.record import Kind
from remit.compat.aegis import (
    Action,
    Approval,
    AuditLogger,
    AutoApprovalHandler,
    BaseExecutor,
    CallbackApprovalHandler,
    CLIApprovalHandler,
    ExecutionPlan,
    Policy,
    PolicyDecision,
    PolicyRule,
    PolicyWatcher,
    Result,
    ResultStatus,
    RiskLevel,
    Runtime,
    RuntimeHooks,
    WebhookApprovalHandler,
)
from remit.compat.aegis.adapters.openai_agents import governed_tool
from remit.compat.aegis.cli.main import main as aegis
from remit.compat.aegis.runtime.approval import _box
from remit.errors import LogError, PolicyError, Unavailable
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.sqlite import SqliteLedger

AUTO = {"defaults": {"approval": "auto"}}


def blocking(match, **conditions):
    """Everything is allowed but for one thing."""
    rule = {"name": "no", "match": match, "approval": "block"}
    more = {"conditions": conditions} if conditions else {}
    return Policy.from_dict({**AUTO, "rules": [{**rule, **more}]})


def asking(action="pay"):
    rule = {"name": "ask", "match": {"type": action}, "approval": "approve"}
    return Policy.from_dict({**AUTO, "rules": [rule]})


class Recorder(BaseExecutor):
    def __init__(self, answer=None):
        self.did = []
        self.answer = answer

    async def execute(self, action):
        self.did.append((action.type, dict(action.params)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or Result(action=action, status=ResultStatus.SUCCESS, data={})


@pytest.fixture
def make():
    def make(policy, **more):
        given = {
            "executor": Recorder(),
            "approval_handler": AutoApprovalHandler(),
            "audit_logger": AuditLogger(":memory:"),
        }
        return Runtime(policy=policy, **{**given, **more})

    return make


def execute(runtime, *actions, **more):
    return asyncio.run(runtime.execute(runtime.plan(actions), **more))


def approval(policy, action, target="x", params=None, **more):
    return policy.evaluate(Action(action, target, params or {}, **more)).approval


@pytest.mark.parametrize(
    "name",
    [
        "DELETE_user", " delete_user", "delete\u200b_user", "d\u0435lete_user",
        "\uff44elete_user", "delete_\nuser", "delete_user\x00", "de\u00adlete_user",
    ],
)  # fmt: skip
def test_m01_a_blocked_name_is_blocked_however_it_is_spelled(name):
    assert approval(blocking({"type": "delete_*"}), name) is Approval.BLOCK


def test_m02_a_pattern_with_letters_in_brackets_is_an_error():
    with pytest.raises(PolicyError, match="no pattern"):
        blocking({"type": "run[prod]"})


@pytest.mark.parametrize("kind", [None, 3, ["a"], b"x"])
def test_m03_an_action_has_a_name_that_is_text(kind):
    with pytest.raises(TypeError):
        Action(kind, "x")


@pytest.mark.parametrize("agent", ["", "INTERN-1", "intern-1", "\u0456ntern-1"])
def test_m04_a_rule_that_blocks_an_agent_blocks_who_does_not_say_its_name(agent):
    policy = blocking({"type": "*", "agent": "intern-*"})
    assert approval(policy, "pay", agent_id=agent) is Approval.BLOCK
    assert approval(policy, "pay", agent_id="boss") is Approval.AUTO


def test_c01_a_condition_that_nobody_knows_is_an_error():
    with pytest.raises(PolicyError, match="did you mean 'param_gt'"):
        blocking({"type": "pay"}, param_gtt={"amount": 100})


@pytest.mark.parametrize(
    "params",
    [
        {}, {"amount": None}, {"amount": "1000000"}, {"amount": [1]}, {"amount": {}},
        {"amount": True}, {"amount": float("nan")}, {"amount": float("inf")},
        {"amount": 10**30}, {"amount": object()}, {"Amount": 5},
    ],
    ids=repr,
)  # fmt: skip
def test_c02_c03_a_rule_that_blocks_what_is_large_blocks_what_has_no_size(params):
    policy = blocking({"type": "pay"}, param_gt={"amount": 100})
    assert approval(policy, "pay", params=params) is Approval.BLOCK
    assert approval(policy, "pay", params={"amount": 5}) is Approval.AUTO


@pytest.mark.parametrize("params", [{}, {"amount": "5"}, {"amount": True}, {"amount": None}])
def test_c02_a_rule_that_allows_what_is_small_does_not_allow_what_has_no_size(params):
    rule = {"name": "small", "match": {"type": "pay"}, "approval": "auto"}
    policy = Policy.from_dict({"rules": [{**rule, "conditions": {"param_lt": {"amount": 10}}}]})
    assert approval(policy, "pay", params=params) is Approval.BLOCK


def test_c04_a_part_of_a_parameter_cannot_be_named():
    with pytest.raises(PolicyError, match=r"args\.order\.amount"):
        blocking({"type": "pay"}, param_gt={"order.amount": 100})


def test_c05_a_window_may_cross_midnight():
    policy = blocking({"type": "pay"}, time_after="18:00", time_before="08:00")
    start = datetime(2026, 3, 20, tzinfo=UTC)
    found = [
        policy.evaluate(Action("pay", "x"), now=start + timedelta(hours=hour)).is_allowed
        for hour in range(24)
    ]
    assert found == [8 <= hour < 18 for hour in range(24)]


@pytest.mark.parametrize(
    "condition",
    [
        {"time_after": 1080}, {"time_after": "24:00"}, {"time_after": "6pm"}, {"time_after": "18"},
        {"weekdays": ["mon"]}, {"weekdays": ["1"]}, {"weekdays": 3}, {"weekdays": "12345"},
        {"weekdays": [0]}, {"weekdays": []}, {"param_matches": {"q": "(drop|delete"}},
        {"param_matches": {"q": 5}}, {"param_eq": {"q": None}}, {"param_gt": {"q": "10"}},
        {"param_gt": "amount"}, {"param_contains": {"q": ""}}, {"semantic": "destructive"},
    ],
    ids=repr,
)  # fmt: skip
def test_c06_c07_c08_c13_what_could_not_be_evaluated_does_not_load(condition):
    with pytest.raises(PolicyError):
        blocking({"type": "pay"}, **condition)


def test_c09_an_expression_takes_time_in_proportion_to_its_text():
    policy = blocking({"type": "ask"}, param_matches={"q": "(a+)+$"})
    # With backtracking, this would take longer than anybody waits.
    assert approval(policy, "ask", params={"q": "a" * 5000 + "!"}) is Approval.AUTO


def test_c10_all_of_a_text_is_looked_at():
    policy = blocking({"type": "ask"}, param_matches={"q": "DROP TABLE"})
    assert approval(policy, "ask", params={"q": "x" * 20_000 + "DROP TABLE"}) is Approval.BLOCK


@pytest.mark.parametrize("value", [5, None, True])
def test_c11_what_cannot_contain_anything_is_blocked_where_it_must_not_contain_it(value):
    policy = blocking({"type": "ask"}, param_contains={"tags": "root"})
    assert approval(policy, "ask", params={"tags": value}) is Approval.BLOCK


def test_c13_true_is_not_one():
    policy = Policy.from_dict(
        {"rules": [{"name": "one", "match": {"type": "a"}, "approval": "auto",
                    "conditions": {"param_eq": {"n": 1}}}]}
    )  # fmt: skip
    assert approval(policy, "a", params={"n": True}) is Approval.BLOCK
    assert approval(policy, "a", params={"n": 1}) is Approval.AUTO


@pytest.mark.parametrize(
    "document",
    [
        {"rule": [], **AUTO}, {"policy": {"rules": []}}, {**AUTO, "rate_limits": {}},
        {"rules": [{"name": "a", "match": {"type": "x"}, "approvel": "block"}]},
        {"rules": [{"name": "a", "match": {"typ": "read_*"}, "approval": "auto"}]},
        {"rules": [{"name": "a", "approval": "auto"}]},
        {"rules": [{"name": "a", "match": {}, "approval": "auto"}]},
        {"rules": [{"name": "a", "match": {"type": ["a", "b"]}, "approval": "block"}]},
        {"rules": [{"name": "a", "match": {"type": "x"}, "approval": "BLOCK"}]},
        {"rules": {"name": "a"}}, {"rules": [None]}, {"rules": [{"match": "x"}]},
        {"defaults": {"approval": "maybe"}}, {"defaults": {"risk": "low"}}, {"version": "1.0"},
        {"rules": [{"name": "a", "match": {"type": "x"}}, {"name": "A", "match": {"type": "y"}}]},
        {"plan_rules": {"sequences": []}},
        {"plan_rules": {"sequence_patterns": [{"steps": ["a"]}]}},
        {"plan_rules": {"cumulative_risk": {"max_total_risk": "5"}}},
        {"plan_rules": {"cumulative_risk": {"max_total_risk": 5, "on_exceed": "warn"}}},
        {1: []}, [], "text",
    ],
    ids=repr,
)  # fmt: skip
def test_l01_l02_l04_l05_what_aegis_passes_over_does_not_load(document):
    with pytest.raises(PolicyError):
        Policy.from_dict(document)


@pytest.mark.parametrize(
    "text",
    [
        'version: "1"\nrules:\n  - {name: a, match: {type: x}, approval: block, approval: auto}\n',
        'version: "1"\nrules: []\nrules: []\n',
        "rules: [{name: a, match: {type: x}, conditions: {time_after: 18:00}}]\n---\n",
        "!!python/object/apply:os.system [echo]\n",
    ],
)
def test_l07_what_one_line_hides_from_the_next_does_not_load(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError):
        Policy.from_yaml(path)
    assert aegis(["validate", str(path)]) == 1


def test_l06_nothing_in_a_policy_blocks_everything(tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    for policy in (Policy(), Policy.from_dict(None), Policy.from_yaml(tmp_path / "empty.yaml")):
        assert approval(policy, "anything") is Approval.BLOCK
    assert approval(Policy.from_yaml_files(), "anything") is Approval.BLOCK


def test_w01_a_reload_that_fails_keeps_the_policy_and_all_of_its_files(make, tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("rules: [{name: a, match: {type: drop}, approval: block}]\n")
    two.write_text(
        "defaults: {approval: auto}\nrules: [{name: b, match: {type: pay}, approval: block}]\n"
    )
    runtime = make(Policy.from_yaml_files(two, one))

    async def program():
        watcher = PolicyWatcher(runtime, one)
        await watcher.refresh()
        for broken in ("rule: []\n", ": : {{{"):
            one.write_text(broken)
            with pytest.raises(PolicyError):
                await watcher.refresh()
        one.unlink()
        with pytest.raises(FileNotFoundError):
            await watcher.refresh()

    before = runtime.policy
    asyncio.run(program())
    assert runtime.policy is before


def test_w01_a_change_is_seen_by_what_is_in_the_file(make, tmp_path):
    import os

    path = tmp_path / "one.yaml"
    path.write_text("defaults: {approval: auto}\n")
    runtime = make(Policy.from_yaml(path))
    watcher = PolicyWatcher(runtime, path)
    asyncio.run(watcher.refresh())
    before = path.stat()
    path.write_text("defaults: {approval: block}"[:27])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    asyncio.run(watcher.refresh())
    assert approval(runtime.policy, "x") is Approval.BLOCK


def test_w01_a_policy_that_is_partly_from_code_is_not_replaced_by_its_file(make, tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text("defaults: {approval: auto}\n")
    mixed = Policy.from_yaml(path).merge(Policy([PolicyRule(match_type="pay")]))
    with pytest.raises(ValueError, match="from no file"):
        PolicyWatcher(make(mixed), path)


@pytest.mark.parametrize("policy", [None, {}, "policy.yaml"])
def test_r18_only_a_policy_takes_the_place_of_one(make, policy):
    runtime = make(asking())
    with pytest.raises(TypeError):
        runtime.update_policy(policy)
    with pytest.raises(TypeError):
        make(policy)
    assert approval(runtime.policy, "pay") is Approval.APPROVE


def test_r19_a_policy_does_not_change_behind_what_it_remembers():
    policy = blocking({"type": "x"}).with_cache()
    assert approval(policy, "y") is Approval.AUTO
    with pytest.raises(AttributeError):
        policy.rules.append(PolicyRule(match_type="y", approval=Approval.BLOCK))


def test_r01_a_decision_that_somebody_made_up_is_decided_again(make):
    runtime = make(blocking({"type": "delete_*"}))
    forged = PolicyDecision(Action("delete_all", "db"), RiskLevel.LOW, Approval.AUTO)
    (result,) = asyncio.run(runtime.execute(ExecutionPlan([forged])))
    assert result.status is ResultStatus.BLOCKED
    assert runtime.executor.did == []


def test_r02_what_the_approver_saw_is_what_runs(make):
    params = {"amount": 5, "to": {"iban": "x"}}
    seen = []

    async def approve(decision):
        seen.append(dict(decision.action.params))
        params["amount"] = 1_000_000
        params["to"]["iban"] = "y"
        return True

    runtime = make(asking(), approval_handler=CallbackApprovalHandler(approve))
    plan = runtime.plan([Action("pay", "x", params)])
    plan[0].action.params["amount"] = 6
    params["amount"] = 7
    asyncio.run(runtime.execute(plan))
    assert runtime.executor.did == [("pay", {"amount": 6, "to": {"iban": "x"}})]
    assert seen == [{"amount": 6, "to": {"iban": "x"}}]


def test_r03_policy_that_was_tightened_since_the_plan_holds(make):
    runtime = make(Policy.from_dict(AUTO))
    plan = runtime.plan([Action("pay", "x")])
    runtime.update_policy(blocking({"type": "pay"}))
    (result,) = asyncio.run(runtime.execute(plan))
    assert result.error == "Blocked by policy rule: no"


@pytest.mark.parametrize(("before", "status"), [("block", "blocked"), ("approve", "denied")])
def test_r03_what_was_planned_holds_though_policy_was_loosened_since(make, before, status):
    rule = {"name": "was", "match": {"type": "pay"}, "approval": before}
    runtime = make(
        Policy.from_dict({"rules": [rule]}),
        approval_handler=CallbackApprovalHandler(lambda _: False),
    )
    plan = runtime.plan([Action("pay", "x")])
    runtime.update_policy(Policy.from_dict(AUTO))
    (result,) = asyncio.run(runtime.execute(plan))
    assert (result.status.value, runtime.executor.did) == (status, [])


def test_r04_every_execution_of_a_plan_is_asked_about_anew(make):
    answers = iter([True, False])
    handler = CallbackApprovalHandler(lambda _: next(answers))
    runtime = make(asking(), approval_handler=handler)
    plan = runtime.plan([Action("pay", "x")])
    first, second = (asyncio.run(runtime.execute(plan))[0].status.value for _ in range(2))
    assert (first, second) == ("success", "denied")


def sequence(**more):
    pattern = {"name": "exfil", "steps": ["read_*", "send_*"], **more}
    return Policy.from_dict({**AUTO, "plan_rules": {"sequence_patterns": [pattern]}})


def test_r05_a_sequence_that_needs_a_person_is_asked_about(make):
    handler = CallbackApprovalHandler(lambda _: False)
    runtime = make(sequence(approval="approve"), approval_handler=handler)
    results = execute(runtime, Action("read_x", "d"), Action("send_x", "m"))
    assert [each.status.value for each in results] == ["denied", "skipped"]


@pytest.mark.parametrize(
    ("window", "between", "found"), [(1, 0, True), (1, 1, False), (2, 1, True)]
)
def test_r06_a_window_of_one_is_the_next_step(make, window, between, found):
    names = ["read_x", *["other"] * between, "send_x"]
    plan = make(sequence(window=window)).plan([Action(name, "x") for name in names])
    assert plan.has_plan_violations is found


def test_r07_a_part_of_a_plan_keeps_what_the_plan_breaks(make):
    runtime = make(sequence())
    plan = runtime.plan([Action("read_x", "d"), Action("send_x", "m")])
    part = plan.filter(allowed_only=True)
    assert part.has_blocked
    assert {each.status.value for each in asyncio.run(runtime.execute(part))} == {"blocked"}
    stripped = ExecutionPlan(plan.decisions)
    assert {each.status.value for each in asyncio.run(runtime.execute(stripped))} == {"blocked"}
    assert len(runtime.audit.get_log(result_status="blocked")) == 4


def test_r08_a_sequence_is_seen_across_calls(make):
    runtime = make(sequence())

    @governed_tool(runtime=runtime, action_type="send_mail")
    def send() -> str:
        raise AssertionError("this does not run")

    assert asyncio.run(runtime.run_one(Action("READ_x", "d"))).ok
    assert asyncio.run(runtime.run_one(Action("send_x", "m"))).status is ResultStatus.BLOCKED
    assert asyncio.run(send()) == "[AEGIS BLOCKED] Action blocked by policy rule: exfil"


def test_r09_what_an_executor_raises_is_on_record_and_so_is_the_rest(make):
    runtime = make(Policy.from_dict(AUTO), executor=Recorder(ConnectionError("gone")))
    with pytest.raises(ConnectionError):
        execute(runtime, Action("a", "x"), Action("b", "x"))
    rows = runtime.audit.get_log()
    told = [(row["action_type"], row["result_status"], row["result_error"]) for row in rows]
    assert told == [
        ("a", "failed", "gone"),
        ("b", "skipped", "Skipped due to prior failure"),
    ]


@pytest.mark.parametrize("answer", ["done", {"ok": True}, True])
def test_r09_an_executor_that_answers_with_no_result_has_failed(make, answer):
    runtime = make(Policy.from_dict(AUTO), executor=Recorder(answer))
    with pytest.raises(TypeError):
        execute(runtime, Action("a", "x"))
    assert runtime.audit.get_log()[0]["result_status"] == "failed"


@pytest.mark.parametrize("value", [{1: "x"}, object(), float("nan"), "\ud800", {"a": {2: 3}}])
def test_r10_r20_arguments_that_are_no_data_are_refused_and_on_record(make, value):
    runtime = make(Policy.from_dict(AUTO))

    @governed_tool(runtime=runtime, action_type="pay")
    def pay(what) -> str:
        raise AssertionError("this does not run")

    assert asyncio.run(pay(value)).startswith("[AEGIS BLOCKED] ")
    result = asyncio.run(runtime.run_one(Action("pay", "x", {"what": value})))
    assert result.status is ResultStatus.BLOCKED
    assert [row["result_status"] for row in runtime.audit.get_log()] == ["blocked", "blocked"]


class Broken(MemoryLedger):
    def append(self, record, /):
        raise OSError("the disk is full")


def test_r11_without_a_record_nothing_runs(make):
    runtime = make(Policy.from_dict(AUTO), audit_logger=AuditLogger(ledger=Broken()))

    @governed_tool(runtime=runtime, action_type="pay")
    def pay() -> str:
        raise AssertionError("this does not run")

    assert "could not record" in asyncio.run(pay())
    (result,) = execute(runtime, Action("pay", "x"))
    assert (result.status, runtime.executor.did) == (ResultStatus.BLOCKED, [])
    with pytest.raises(Unavailable):
        runtime.update_policy(Policy())


def test_r12_a_synchronous_tool_does_not_hold_up_the_loop(make):
    runtime = make(Policy.from_dict(AUTO))
    ready = []

    @governed_tool(runtime=runtime, action_type="wait")
    def wait() -> str:
        while not ready:
            time.sleep(0.001)
        return "done"

    async def program():
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        ready.append(True)
        return await task

    assert asyncio.run(program()) == "done"


def test_r13_whatever_can_be_called_runs_to_its_end_or_is_no_tool(make):
    runtime = make(Policy.from_dict(AUTO))
    decorate = governed_tool(runtime=runtime, action_type="act")

    class Acting:
        """Act."""

        async def __call__(self, n: int) -> str:
            return f"did {n}"

    assert asyncio.run(decorate(Acting())(1)) == "did 1"
    assert asyncio.run(decorate(lambda n: later(f"did {n}"))(2)) == "did 2"

    async def generator():
        yield 1

    def items():
        yield 1

    for tool in (generator, items, 5):
        with pytest.raises(TypeError):
            decorate(tool)
    assert [row["result_status"] for row in runtime.audit.get_log()] == ["success", "success"]


def test_r14_arguments_by_any_name_are_seen_one_by_one(make):
    runtime = make(blocking({"type": "pay"}, param_gt={"amount": 100}))

    @governed_tool(runtime=runtime, action_type="pay")
    def pay(**kwargs) -> str:
        return "PAID"

    assert asyncio.run(pay(amount=1000)).startswith("[AEGIS BLOCKED]")
    assert asyncio.run(pay(amount=10)) == "PAID"


@pytest.mark.parametrize("name", ["on_decision", "on_approval", "on_execute"])
def test_r15_a_hook_that_fails_stops_nothing(make, name):
    def fail(*_):
        raise RuntimeError("the hook")

    runtime = make(asking(), hooks=RuntimeHooks(**{name: fail}))
    assert [each.ok for each in execute(runtime, Action("pay", "x"), Action("b", "x"))] == [
        True,
        True,
    ]


def test_r16_there_are_no_retries_behind_the_policy(make):
    with pytest.raises(TypeError):
        make(Policy(), retry_policy=object())


def test_r17_nobody_tears_down_what_another_still_uses(make):
    class Client(Recorder):
        open = False

        async def setup(self):
            self.open = True

        async def teardown(self):
            self.open = False

        async def execute(self, action):
            for _ in range(1 if action.type == "quick" else 50):
                await asyncio.sleep(0)
            assert self.open
            return await super().execute(action)

    runtime = make(Policy.from_dict(AUTO), executor=Client())

    async def program():
        return await asyncio.gather(
            *(runtime.run_one(Action(name, "x")) for name in ("slow", "quick", "slow"))
        )

    assert all(result.ok for result in asyncio.run(program()))
    assert not runtime.executor.open


def test_r17_in_parallel_all_of_them_end_before_the_executor_is_torn_down(make):
    class Client(Recorder):
        async def teardown(self):
            self.did.append("teardown")

        async def execute(self, action):
            if action.type == "fails":
                raise ConnectionError("gone")
            for _ in range(20):
                await asyncio.sleep(0)
            return await super().execute(action)

    runtime = make(Policy.from_dict(AUTO), executor=Client())
    with pytest.raises(ConnectionError):
        execute(runtime, Action("fails", "x"), Action("slow", "x"), parallel=True)
    assert runtime.executor.did == [("slow", {}), "teardown"]
    assert [row["result_status"] for row in runtime.audit.get_log()] == ["failed", "success"]


def test_r21_the_session_that_it_is_part_of_is_on_record(make):
    runtime = make(Policy.from_dict(AUTO), parent_session_id="above")
    execute(runtime, Action("a", "x", chain_id="c", chain_depth=2, parent_agent_id="boss"))
    record = runtime.audit.ledger.records[0]
    assert record.request.session.facts == {"parent_session_id": "above"}
    (row,) = runtime.audit.get_log(chain_id="c")
    assert (row["chain_depth"], row["parent_agent_id"]) == (2, "boss")


def test_u01_what_was_taken_out_of_the_log_is_found(make, tmp_path, capsys):
    path = tmp_path / "audit.db"
    runtime = make(blocking({"type": "delete_*"}), audit_logger=AuditLogger(path))
    execute(runtime, Action("a", "x"), Action("delete_all", "x"), Action("b", "x"))
    runtime.audit.close()
    assert aegis(["audit", "--db", str(path), "--verify"]) == 0
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM record WHERE seq = 2")
    database.close()
    capsys.readouterr()
    assert aegis(["audit", "--db", str(path), "--verify"]) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(
    "params",
    [
        {"password": "geheim"}, {"API_KEY": "geheim"}, {"headers": {"Authorization": "geheim"}},
        {"list": [{"access-key": "geheim"}]}, {"nested": {"deep": {"client_secret": "geheim"}}},
    ],
    ids=repr,
)  # fmt: skip
def test_u02_what_a_name_calls_secret_is_not_written_down(make, params):
    runtime = make(asking())
    execute(runtime, Action("pay", "x", params))
    written = b"".join(s.leaf + (s.payload or b"") for s in runtime.audit.ledger.entries())
    assert b"geheim" not in written
    assert runtime.executor.did == [("pay", params)]
    assert "[REDACTED]" in runtime.audit.get_log()[0]["action_params"]


def test_u02_a_number_of_tokens_is_no_secret(make):
    runtime = make(Policy.from_dict(AUTO))
    execute(runtime, Action("ask", "x", {"max_tokens": 5}))
    assert json.loads(runtime.audit.get_log()[0]["action_params"]) == {"max_tokens": 5}


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=7))])
def test_u04_a_moment_is_a_moment_in_every_zone(make, zone):
    runtime = make(Policy.from_dict(AUTO))
    execute(runtime, Action("a", "x"))
    hour_ago = datetime.now(zone) - timedelta(hours=1)
    assert len(runtime.audit.get_log(since=hour_ago)) == 1
    assert runtime.audit.get_log(until=hour_ago) == []
    naive = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    assert len(runtime.audit.get_log(since=naive)) == 1


def test_u05_what_a_terminal_would_obey_does_not_reach_it(make, tmp_path, capsys):
    path = tmp_path / "audit.db"
    runtime = make(Policy.from_dict(AUTO), audit_logger=AuditLogger(path))
    name = "a\x1b]0;owned\x07\x1b[2J\u202e"
    plan = runtime.plan([Action(name, name, description=name)])
    asyncio.run(runtime.execute(plan))
    runtime.audit.close()
    assert aegis(["audit", "--db", str(path)]) == 0
    for text in (capsys.readouterr().out, plan.summary(), _box(plan[0])):
        assert not set(text) & set("\x1b\x07\u202e")


def test_u06_an_export_is_for_its_owner(make, tmp_path):
    runtime = make(Policy.from_dict(AUTO), audit_logger=AuditLogger(tmp_path / "audit.db"))
    runtime.audit.export_jsonl(tmp_path / "one.jsonl")
    runtime.audit.close()
    command = ["audit", "--db", str(tmp_path / "audit.db"), "--export", str(tmp_path / "two.jsonl")]
    assert aegis(command) == 0
    for name in ("one.jsonl", "two.jsonl"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_u07_a_log_that_was_closed_is_opened_again_and_a_closed_ledger_runs_nothing(make, tmp_path):
    runtime = make(Policy.from_dict(AUTO), audit_logger=AuditLogger(tmp_path / "audit.db"))
    runtime.audit.close()
    execute(runtime, Action("a", "x"))
    assert len(runtime.audit.get_log()) == 1
    runtime.audit.close()
    ledger = SqliteLedger(tmp_path / "other.db")
    runtime = make(Policy.from_dict(AUTO), audit_logger=AuditLogger(ledger=ledger))
    ledger.close()
    (result,) = execute(runtime, Action("a", "x"))
    assert (result.status, runtime.executor.did) == (ResultStatus.BLOCKED, [])


def test_u08_a_database_of_aegis_is_left_as_it_is(tmp_path):
    path = tmp_path / "aegis_audit.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE audit_log (id INTEGER PRIMARY KEY)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(LogError):
        AuditLogger(path).get_log()
    assert path.read_bytes() == before


def test_u04_a_call_that_ends_within_the_time_asked_about_and_began_before_is_not_in_it(make):
    moments = []

    class Looking(Recorder):
        async def execute(self, action):
            moments.append(datetime.now(UTC))
            return await super().execute(action)

    runtime = make(Policy.from_dict(AUTO), executor=Looking())
    execute(runtime, Action("a", "x"), Action("b", "x"))
    found = runtime.audit.get_log(since=moments[0])
    assert [(row["action_type"], row["action_target"]) for row in found] == [("b", "x")]
    assert [row["action_type"] for row in runtime.audit.get_log(until=moments[0])] == ["a"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((200, b'{"approved": true}'), "success"),
        ((200, b'{"approved": false}'), "denied"),
        ((200, b'{"approved": "false"}'), "denied"),
        ((200, b'{"approved": 1}'), "denied"),
        ((200, b'{"approved": false, "approved": true}'), "denied"),
        ((200, b"[true]"), "denied"),
        ((200, b"true"), "denied"),
        ((200, b""), "denied"),
        ((200, b"<html>"), "denied"),
        ((500, b'{"approved": true}'), "denied"),
        ((302, b'{"approved": true}'), "denied"),
    ],
    ids=repr,
)
def test_a01_a_webhook_approves_with_a_literal_true_and_with_nothing_else(make, answer, status):
    with web() as office:
        office.answers.append(answer)
        handler = WebhookApprovalHandler(f"{office.url}/ask", timeout=5)
        runtime = make(asking(), approval_handler=handler)
        (result,) = execute(runtime, Action("pay", "x", {"amount": 5}))
    assert result.status.value == status
    ((_, _, asked),) = office.posted
    assert json.loads(asked) == {
        "action_type": "pay",
        "action_target": "x",
        "action_params": {"amount": 5},
        "action_description": "",
        "risk_level": "MEDIUM",
        "approval": "approve",
        "matched_rule": "ask",
    }
    assert runtime.audit.get_log()[0]["result_status"] == status


def test_a01_a_webhook_that_is_not_there_is_a_no_and_others_do_not_read_along(make):
    with web() as office:
        handler = WebhookApprovalHandler(office.url, timeout=5)
    runtime = make(asking(), approval_handler=handler)
    (result,) = execute(runtime, Action("pay", "x"))
    assert result.status is ResultStatus.DENIED
    for url in ("http://approvals.example/ask", "ftp://127.0.0.1/", "127.0.0.1"):
        with pytest.raises(ValueError, match=r"127|approvals"):
            WebhookApprovalHandler(url)


async def later(answer):
    return answer


@pytest.mark.parametrize(
    "answer",
    ["denied", "false", "yes", 1, {"approved": True}, [True], object(), None, False],
    ids=repr,
)
@pytest.mark.parametrize("how", [lambda x: x, later], ids=["now", "later"])
def test_a02_a03_only_a_literal_true_approves(make, answer, how):
    handler = CallbackApprovalHandler(lambda _: how(answer))
    runtime = make(asking(), approval_handler=handler)
    (result,) = execute(runtime, Action("pay", "x"))
    assert (result.status, runtime.executor.did) == (ResultStatus.DENIED, [])


def test_a03_a_task_that_comes_to_no_is_a_no(make):
    handler = CallbackApprovalHandler(lambda _: asyncio.ensure_future(later(answer=False)))
    (result,) = execute(make(asking(), approval_handler=handler), Action("pay", "x"))
    assert result.status is ResultStatus.DENIED


def test_a04_a_handler_that_fails_or_says_nothing_is_a_no_and_on_record(make):
    async def never(_):
        await asyncio.Event().wait()

    def fail(_):
        raise OSError("the office is closed")

    for answer in (never, fail):
        runtime = make(
            asking(), approval_handler=CallbackApprovalHandler(answer), approval_timeout=0.01
        )
        (result,) = execute(runtime, Action("pay", "x"))
        assert result.status is ResultStatus.DENIED
        (row,) = runtime.audit.get_log()
        assert (row["human_decision"], row["result_status"]) == ("denied", "denied")


@pytest.mark.parametrize("handler", [object(), True, lambda _: True])
def test_a04_what_can_be_asked_nothing_is_no_handler(make, handler):
    with pytest.raises(TypeError):
        make(asking(), approval_handler=handler)


def test_a05_a_prompt_does_not_hold_up_the_loop_and_its_end_is_a_no(make, monkeypatch):
    went_on = []

    def typed(_):
        while not went_on:
            time.sleep(0.001)
        raise EOFError

    monkeypatch.setattr("builtins.input", typed)
    runtime = make(asking(), approval_handler=CLIApprovalHandler())

    async def program():
        task = asyncio.create_task(runtime.run_one(Action("pay", "x")))
        await asyncio.sleep(0.01)
        went_on.append(True)
        return await task

    assert asyncio.run(program()).status is ResultStatus.DENIED


def test_a06_an_agent_cannot_approve_itself(make):
    class Itself(AutoApprovalHandler):
        from remit import Subject

        approver = Subject("agent", "bot")

    runtime = make(asking(), approval_handler=Itself(), agent_id="bot")
    (result,) = execute(runtime, Action("pay", "x"))
    assert (result.status, runtime.executor.did) == (ResultStatus.DENIED, [])


def test_d01_what_needs_a_person_may_not_run_now(make):
    decision = make(asking()).policy.evaluate(Action("pay", "x"))
    assert decision.is_allowed
    assert not decision.may_run_now


def test_d02_the_record_of_a_start_is_there_before_anything_runs(make):
    class Looking(Recorder):
        async def execute(self, action):
            kinds = [record.kind for record in runtime.audit.ledger.records]
            assert kinds == [Kind.STARTED]
            return await super().execute(action)

    runtime = make(Policy.from_dict(AUTO), executor=Looking())
    (result,) = execute(runtime, Action("a", "x"))
    assert result.ok
