"""Waxell's names over our core: what a program tells, is asked and may do."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from waxell_calls import GO, TOOLS, guarded, kinds, records, told

import remit
from remit.audit.record import Kind
from remit.compat import waxell
from remit.compat.waxell import PolicyViolationError, WaxellContext, WaxellObserveClient

__all__ = ["guarded"]

POLITE = (
    "{id: quality.polite, action: run.end, when: 'args.output.text.contains(\"damn\")',"
    " effect: deny, reason: Rude, advice: Say it politely}"
)


def test_a_program_without_a_policy_may_not_start(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("remit.default._guard", None)
    monkeypatch.setattr("remit.default._recording", None)

    @waxell.observe(agent_name="a")
    def agent():
        pytest.fail("ran")

    with pytest.raises(PolicyViolationError, match="no rule allows it"):
        agent()


def test_what_is_not_enforced_is_still_on_record(guarded):
    guard = guarded("{id: never, action: '*', effect: deny}")

    @waxell.observe(enforce_policy=False)
    def agent(question):
        waxell.step("done")
        return question

    assert agent("why?") == "why?"
    assert kinds(guard) == []
    assert [each["name"] for each in told(guard, "step")] == ["done"]


def test_functions_of_every_form_are_observed(guarded):
    guard = guarded(GO, TOOLS)

    @waxell.tool
    def touch(what: str):
        assert waxell.get_context() is not None
        return what

    @waxell.observe(agent_name="g")
    def generating():
        yield touch("a")
        yield touch("b")

    @waxell.observe(agent_name="ag")
    async def agenerating():
        yield touch("c")

    async def all_of():
        return [each async for each in agenerating()]

    assert list(generating()) == ["a", "b"]
    assert asyncio.run(all_of()) == ["c"]
    assert kinds(guard, "touch") == ["started", "returned"] * 3
    assert kinds(guard, "run.start") == ["started", "returned"] * 2
    assert waxell.get_context() is None


def test_methods_are_observed_and_policy_sees_defaults(guarded):
    rule = "{id: n, action: run.start, when: args.input.limit > 5, effect: deny}"
    guarded(GO, rule)

    class Desk:
        @waxell.observe(agent_name="desk")
        def answer(self, question, limit=9):
            return question

    assert Desk().answer("why?", limit=1) == "why?"
    with pytest.raises(PolicyViolationError):
        Desk().answer("why?")


def test_agents_inside_inherit_session_person_and_group(guarded):
    guarded(GO, "{id: eu, action: look, when: 'session.user_group == \"eu\"', effect: allow}")

    @waxell.tool
    def look():
        return "seen"

    @waxell.observe(agent_name="inner")
    def inner():
        return look(), waxell.get_context()

    @waxell.observe(agent_name="outer")
    def outer(**given):
        return inner()

    with WaxellContext("top", user_id="ada", user_group="eu", session_id="s-1"):
        seen, context = outer()
    assert seen == "seen"
    assert (context.user_id, context.user_group, context.session_id) == ("ada", "eu", "s-1")
    assert context.session.depth == 2


def test_the_block_form_is_a_run_and_its_result_is_judged(guarded):
    guard = guarded(GO, POLITE)
    context = WaxellContext("writer", inputs={"q": 1})
    with pytest.raises(PolicyViolationError) as caught, context:
        context.set_result({"text": "damn"})
    assert caught.value.policy_result.should_retry
    assert not caught.value.policy_result.allowed
    assert told(guard, "end")[0]["error"] == "PolicyViolationError"


def test_an_observed_function_is_retried_as_often_as_it_says(guarded):
    guarded(GO, POLITE)

    @waxell.observe(agent_name="writer", retries=1)
    def write(feedback=""):
        return {"text": "please" if feedback == "Rude: Say it politely" else "damn"}

    assert write() == {"text": "please"}


def test_what_is_told_anywhere_is_told_of_the_run_under_way(guarded):
    guard = guarded(GO)
    with WaxellContext("a"):
        waxell.tag("k", 1)
        waxell.metadata("m", [1])
        waxell.decide("route", "left", ["left", "right"], "near", 0.9)
        waxell.reason("think", "hm", ["seen"], "so")
        waxell.retrieve("q", ["d"], "wiki", [0.5])
        waxell.retry(1, "timeout")
        waxell.user_message("hi")
        waxell.agent_response("ho")
        waxell.communication(channel="mail", recipient="b")
        waxell.approval_request("delete")
        waxell.approval_response("delete", "approved", approver="eve")
        waxell.human_interaction("ok?", "yes")
        waxell.remember_episodic("slot", {"a": 1})
        waxell.remember_semantic("slot", "fact")
        waxell.recall("fact", results=["fact"])
        waxell.prompt_use("greeting", 2)
        waxell.mark_resumed("run-1")
        with waxell.human_turn("sure?") as turn:
            turn.set_response("yes")
        with waxell.pause("tea"), waxell.phase("rest"):
            pass
    what = (
        "tag metadata decision reasoning retrieval again message communication approval_request"
        " approval_response input pause phase memory_write memory_recall prompt resumed"
    )
    assert [kind for kind in what.split() if not told(guard, kind)] == []
    assert [each["answer"] for each in told(guard, "input")] == ["yes", "yes"]


def test_decorators_tell_what_functions_did(guarded):
    guard = guarded(GO)

    @waxell.retrieval(source="wiki")
    def search(query, top_k=3):
        return [{"text": "a", "score": 0.5}]

    @waxell.reasoning_dec("think")
    async def think():
        return {"thought": "hm", "conclusion": "so"}

    @waxell.step_dec()
    def tidy():
        return 1

    tries = []

    @waxell.retry_dec(max_attempts=2)
    def flaky():
        tries.append(1)
        if len(tries) < 2:
            raise OSError("later")
        return "ok"

    with WaxellContext("a"):
        search("why", top_k=1)
        asyncio.run(think())
        tidy()
        assert flaky() == "ok"
    assert told(guard, "retrieval")[0]["scores"] == (0.5,)
    assert told(guard, "reasoning")[0]["conclusion"] == "so"
    assert told(guard, "step")[0]["name"] == "tidy"
    assert told(guard, "again")[0]["error"] == "later"


def test_what_a_run_tells_of_itself_can_stop_it(guarded):
    scope = (
        "{id: scope.records, action: run.step, effect: deny, reason: Too many records,"
        " when: 'args.kind == \"scope_impact\" && args.records_modified > 100'}"
    )
    guard = guarded(GO, scope)
    with WaxellContext("a") as context:
        context.record_scope_impact(records_modified=60)
        with pytest.raises(PolicyViolationError, match="Too many records") as caught:
            context.record_scope_impact(records_modified=60)
        assert caught.value.policy_result.evaluations[0]["category"] == "scope"
    assert len(told(guard, "scope_impact")) == 2


def test_model_calls_count_and_can_stop_the_run(guarded):
    budget = "{id: rate-limit.x, action: run.step, when: run.tokens > 100, effect: deny}"
    guarded(GO, budget)
    with WaxellContext("a") as context:
        context.record_llm_call(model="m", tokens_in=50, tokens_out=10, cost=0.01)
        with pytest.raises(PolicyViolationError) as caught:
            context.record_llm_call(model="m", tokens_in=50, tokens_out=10)
        facts = context.running.run.facts()
        assert (facts["tokens"], facts["unpriced"]) == (120, 1)
    assert caught.value.policy_result.action == "throttle"
    assert caught.value.policy_result.blocked


def test_the_facade_leaves_the_records_of_our_own_functions(guarded):
    def shape(guard):
        return [
            (each.kind, each.request.subject, each.request.action, each.request.resource,
             each.decision and each.decision.effect)
            for each in records(guard)
        ]  # fmt: skip

    theirs = guarded(GO, TOOLS)

    @waxell.tool
    def touch(what):
        return what

    @waxell.observe(agent_name="a", workflow_name="w", mid_execution_governance=True)
    def agent(what):
        waxell.tag("k", "v")
        return touch(what)

    agent("x")
    ours = guarded(GO, TOOLS)
    ours_touch = remit.protect(resource="tool:function")(touch.__wrapped__)

    @remit.observe(agent="a", workflow="w", check=True)
    def own(what):
        remit.tag("k", "v")
        return ours_touch(what)

    own("x")

    def without_times(shapes):
        return [
            (kind, subject, action.name, resource, effect)
            for kind, subject, action, resource, effect in shapes
        ]

    assert without_times(shape(theirs)) == without_times(shape(ours))


def test_every_client_method_has_its_twin(guarded):
    guard = guarded(GO)
    client = WaxellObserveClient()

    async def drive():
        info = await client.start_run("a", "w", session_id="s")
        await client.record_llm_calls(
            info.run_id, [{"model": "m", "tokens_in": 1, "tokens_out": 2}]
        )
        await client.record_steps(info.run_id, [{"step_name": "s", "output": {}}])
        await client.record_scores(info.run_id, [{"name": "q", "numeric_value": 1}])
        await client.record_spans(info.run_id, [{"name": "x", "kind": "chain"}])
        decided = [{"policy": "p", "action": "allow"}]
        await client.record_governance_decisions("a", "tool.before", decided, info.workflow_id)
        assert (await client.check_policy("a")).allowed
        return await client.complete_run(info.run_id, {"text": "x"})

    assert asyncio.run(drive()).governance_action == "allow"
    assert [each["surface"] for each in told(guard, "policy_check")] == ["tool.before"]
    names = [name for name in vars(WaxellObserveClient) if name.endswith("_sync")]
    assert len(names) == 9
    assert all(hasattr(WaxellObserveClient, name.removesuffix("_sync")) for name in names)


def test_every_name_of_the_package_is_there_and_on_the_page():
    page = (Path(__file__).parents[1] / "docs" / "coming-from" / "waxell.md").read_text("utf-8")
    assert [name for name in waxell.__all__ if not hasattr(waxell, name)] == []
    named = set(re.findall(r"\w+", page))
    assert [name for name in waxell.__all__ if name not in named and name[0] != "_"] == []
    methods = [name for name in dir(WaxellContext) if name.startswith(("record_", "set_"))]
    assert [name for name in methods if name not in named] == []


def test_a_tool_that_is_called_elsewhere_can_be_decided_on(guarded):
    hide = "{id: mail, action: mail, effect: allow, obligations: [{type: redact_arguments}]}"
    guard = guarded(hide)
    assert waxell.gate_tool("mail", {"to": "ann@example.com", "n": 1}) == {
        "to": "[EMAIL_1]",
        "n": 1,
    }
    with pytest.raises(PolicyViolationError):
        waxell.gate_tool("delete", {"table": "users"})
    assert kinds(guard, "mail") == ["started", "returned"]
    assert kinds(guard, "delete") == ["refused"]


def test_every_evidence_is_on_record_and_a_step_for_policy(guarded):
    guard = guarded(GO)
    with WaxellContext("a") as context:
        context.record_data_access(source="db", records=3)
        context.record_bias_flag(flag="age")
        context.record_code_execution(language="python", code="1")
        context.record_communication(channel="mail")
        context.record_intermediate_output(output="so far")
        context.record_emitted_signal(signal_name="s")
        context.record_domain_intent(domain_name="d", action_name="a")
        context.record_breach_signal(signal="s")
        context.record_erasure_request(subject_id="u-1")
        context.record_pending_action(kind="call", tool="t", args={"a": 1})
        context.record_memory_write(memory_type="semantic", content="c")
        context.record_memory_recall(query="q")
        context.set_prompt_name("p")
        context.set_output_text(text="t")
        context.set_memory_state(memory_item_count=1)
        context.remember_semantic("s", "c")
        context.remember_episodic("s", {})
        context.mark_resumed("r")
        context.record_approval_request("x")
        context.record_approval_response("x", "approved")
        with context.human_turn("?") as turn, context.pause():
            turn.set_response("!")
    asked = [
        each.request.action.properties["kind"]
        for each in records(guard)
        if each.request.action.name == "run.step" and each.kind is Kind.STARTED
    ]
    assert len(asked) == 17
    rest = ("resumed", "approval_request", "approval_response", "input", "pause")
    assert [kind for kind in rest if not told(guard, kind)] == []
    assert [kind for kind in asked if not told(guard, kind)] == []


def test_a_run_inside_a_run_of_ours_has_its_guard(guarded):
    program = guarded(GO, TOOLS)
    tenant = remit.Guard(program.ports.decider, ledger=remit.MemoryLedger())

    @waxell.tool
    def touch(what):
        return what

    with (
        remit.run("outer", agent="agent:a", guard=tenant),
        waxell.WaxellContext("b", enforce_policy=False),
    ):
        touch("x")
    assert kinds(tenant, "touch") == ["started", "returned"]
    assert records(program) == []
