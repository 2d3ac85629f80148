"""The programs in Waxell's documents run with another import, and do what these say."""

from __future__ import annotations

import asyncio
import sys

import pytest
from model_server import model
from waxell_calls import GO, TOOLS, Terminal, guarded, kinds, records, told
from waxell_seeds import run, seed

from remit.compat import waxell
from remit.compat.waxell import PolicyViolationError, WaxellObserveClient

__all__ = ["guarded", "model"]

ASK_DELETE = (
    "{id: approval.delete, action: run.start, when: 'run.name == \"delete\"', effect: ask,"
    " reason: Deletion requires approval}"
)


def test_the_governed_agent_of_the_document_asks_the_model_twice(guarded, model):
    guard = guarded(GO)
    run(seed("governed"))
    assert len(model.asked) == 2
    assert [step["name"] for step in told(guard, "step")] == ["analyze", "respond"]
    assert told(guard, "score")[0]["value"] == 0.9
    assert kinds(guard, "run.start") == ["started", "returned"]
    assert kinds(guard, "run.end") == ["started", "returned"]


def test_a_block_in_the_middle_lands_before_the_second_call_and_says_why(guarded, model, capsys):
    stop = (
        "{id: s, action: run.step, effect: deny, when: 'args.name == \"analyze\"', reason: enough}"
    )
    guard = guarded(GO, stop)
    run(seed("governed"))
    assert len(model.asked) == 1
    assert capsys.readouterr().out == (
        "Execution blocked by policy: governed-agent may not run.step: enough\n"
        "Action: block\n"
        "Reason: enough\n"
    )
    assert kinds(guard, "run.start") == ["started", "returned"]


def test_the_check_in_the_middle_of_the_document_leads_to_its_branch(guarded, model):
    late = "{id: kill.switch, action: run.step, when: 'args.kind == \"check\"', effect: deny}"
    guard = guarded(GO, late)
    run(seed("governed"))
    assert len(model.asked) == 1
    assert told(guard, "tag") == [{"key": "policy_outcome", "value": "blocked"}]


def test_a_warning_in_the_middle_of_the_document_is_marked(guarded, model):
    rule = "{id: w, action: run.step, effect: deny, mode: monitor}"
    guard = guarded(GO, rule)
    run(seed("governed"))
    assert len(model.asked) == 2
    assert told(guard, "tag") == [{"key": "policy_warning", "value": "would apply: w: deny"}]


def test_the_governed_agent_of_the_document_that_may_not_start_calls_no_model(guarded, model):
    guard = guarded("{id: no, action: run.start, effect: deny, reason: closed}")
    with pytest.raises(PolicyViolationError, match="closed") as caught:
        run(seed("governed"))
    assert caught.value.policy_result.action == "block"
    assert model.asked == []
    assert kinds(guard) == ["refused"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (GO, "Agent is allowed to run\n"),
        ("{id: no, action: run.start, effect: deny, reason: closed}", "Blocked: closed\n"),
    ],
)
def test_the_check_of_the_document_prints_what_policy_says(
    guarded, monkeypatch, capsys, rule, said
):
    guard = guarded(rule)
    monkeypatch.setenv("WAXELL_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WAXELL_API_KEY", "none")
    run(seed("check"))
    assert capsys.readouterr().out == said
    assert [each["moment"] for each in told(guard, "check")] == ["start"]


@pytest.mark.parametrize(
    ("typed", "said", "ran"),
    [
        ("delete users\ny\n", "Done: {'table': 'users', 'deleted': 500", 1),
        ("delete users\nn\n", "Blocked or denied: data-manager may not run.start", 0),
        ("delete users\n", "Blocked or denied: data-manager may not run.start", 0),
    ],
)
def test_the_approval_of_the_document_asks_at_the_terminal(
    guarded, monkeypatch, capsys, *, typed, said, ran
):
    guard = guarded(GO, TOOLS, ASK_DELETE)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    run(seed("approval"))
    shown = capsys.readouterr()
    assert said in shown.out
    assert "Deletion requires approval" in shown.err
    assert kinds(guard, "delete_records").count("started") == ran
    asked = kinds(guard, "run.start")
    assert asked == ["asked", "answered", *(["started", "returned"] if ran else ["refused"])]
    assert told(guard, "input")[0]["answer"] == "delete users"


@pytest.mark.parametrize(("handler", "ran"), [("auto_approve", 1), ("auto_deny", 0)])
def test_the_handlers_of_the_document_for_tests_answer_by_themselves(
    guarded, monkeypatch, capsys, handler, ran
):
    guard = guarded(GO, TOOLS, ASK_DELETE)
    monkeypatch.setattr(sys, "stdin", Terminal("delete users\n"))
    run(seed("approval").replace("prompt_approval", handler))
    assert kinds(guard, "delete_records").count("started") == ran


def test_all_evaluations_of_the_document_are_on_record_also_those_that_allow(guarded):
    guard = guarded(GO)
    program = run(f"import remit.compat.waxell as waxell\n{seed('evaluations')}")
    asyncio.run(program["run_pre_execution"]("trade", object()))
    assert [(each["category"], each["action"]) for each in told(guard, "policy_check")] == [
        ("budget", "allow"),
        ("rate-limit", "allow"),
        ("safety", "warn"),
        ("kill", "allow"),
    ]


TOOLS_OF_THE_DOCUMENT = """
import remit.compat.waxell as waxell

@waxell.tool(name="risk_analysis")
def risk_analysis(domain, level): return {"risk_score": 0.8}

@waxell.tool
def compliance_check(policy, domain): return {"compliant": True}

@waxell.decision(name="route", options=["continue", "escalate_to_human", "abort"])
def make_execution_decision(risk): return {"chosen": "escalate_to_human", "reasoning": str(risk)}
"""


def test_the_agent_of_the_document_checks_between_its_tools(guarded):
    guard = guarded(GO, TOOLS)
    program = run(f"{TOOLS_OF_THE_DOCUMENT}\n{seed('mid')}")
    asyncio.run(program["run_mid_execution"]("trade"))
    assert kinds(guard, "risk_analysis") == ["started", "returned"]
    assert kinds(guard, "compliance_check") == ["started", "returned"]
    assert told(guard, "decision")[0]["chosen"] == "escalate_to_human"
    assert [each["moment"] for each in told(guard, "check")] == ["step"]


POLITE = (
    "{id: quality.polite, action: run.end, when: 'args.output.text.contains(\"damn\")',"
    " effect: deny, reason: Rude, advice: Say it politely}"
)


def test_a_run_by_hand_is_retried_with_feedback_until_it_is_good(guarded):
    guard = guarded(GO, POLITE)
    client = WaxellObserveClient()
    info = client.start_run_sync(agent_name="writer", workflow_name="letters")
    first = client.complete_run_sync(run_id=info.run_id, result={"text": "damn"})
    assert first.should_retry
    assert (first.governance_reason, first.retry_feedback) == ("Rude", "Say it politely")
    second = client.complete_run_sync(run_id=info.run_id, result={"text": "please"})
    assert (second.governance_action, second.should_retry) == ("allow", False)
    assert second.duration >= 0
    assert told(guard, "retry")[0]["feedback"] == "Rude: Say it politely"
    with pytest.raises(waxell.ObserveError, match="no run"):
        client.complete_run_sync(run_id=info.run_id)


def test_events_are_on_record_in_their_run_and_beside_all_runs(guarded):
    guard = guarded(GO)
    client = WaxellObserveClient()
    info = client.start_run_sync(agent_name="writer")
    events = [
        {"event": "escalated", "agent_name": "writer", "workflow_id": info.workflow_id},
        {"event": "paused", "agent_name": "reader", "metadata": {"why": "night"}},
    ]
    client.record_events_sync(events=events)
    assert [each["name"] for each in told(guard, "event")] == ["escalated", "paused"]
    calls = [each.call for each in records(guard) if each.request.action.name == "run.event"]
    assert calls[0] == info.run_id
    assert calls[1] != info.run_id


@waxell.step_dec(name="evaluate")
def evaluate(context):
    for name, category in (("Budget", "budget"), ("Kill Switch", "kill"), ("Scope", "scope")):
        context.record_policy_check(policy_name=name, action="allow", category=category)


@waxell.observe(agent_name="governance-evaluator", workflow_name="policy-evaluation")
async def evaluating(query, ask, *, waxell_ctx=None):
    evaluate(waxell_ctx)
    return ask(waxell_ctx, query)


@waxell.tool(tool_type="api")
def risk_analysis(domain):
    return {"risk_score": 0.8}


@waxell.decision(name="route", options=["continue", "escalate_to_human", "abort"])
def route(risk):
    return {"chosen": "escalate_to_human" if risk > 0.5 else "continue", "confidence": 0.9}


@waxell.observe(agent_name="governance-mid-execution", mid_execution_governance=True)
async def between_steps(query, ask, *, waxell_ctx=None):
    risk = risk_analysis("trading")
    if not (await waxell_ctx.check_policy()).allowed:
        return "stopped"
    return route(risk["risk_score"])["chosen"], ask(waxell_ctx, query)


def retrying(client):
    info = client.start_run_sync(agent_name="governance-retry", workflow_name="retry")
    result = client.complete_run_sync(run_id=info.run_id, result={"text": "damn"})
    while result.should_retry:
        better = {"text": f"please, because: {result.retry_feedback}"}
        result = client.complete_run_sync(run_id=info.run_id, result=better)
    return result


def dry_run(ask):
    """The four phases that the document tells of, in our words; *ask* stands for the model."""
    client = WaxellObserveClient()
    done = [
        asyncio.run(evaluating("trade", ask)),
        asyncio.run(between_steps("trade", ask)),
        retrying(client),
    ]
    names = ("governance.started", "governance.ended")
    events = [{"event": name, "agent_name": "governance", "metadata": {}} for name in names]
    client.record_events_sync(events=events)
    return done


def test_the_four_phases_of_the_governance_agent_run_dry(guarded):
    polite = (
        "{id: quality.polite, action: run.end, effect: deny, reason: Rude, advice: Be polite,"
        ' when: \'run.name == "retry" && args.output.text == "damn"\'}'
    )
    guard = guarded(GO, TOOLS, polite)

    def ask(context, query):
        context.record_llm_call(model="gpt-4o", tokens_in=10, tokens_out=5, cost=0.01)
        return f"about {query}"

    first, second, third = dry_run(ask)
    assert (first, second) == ("about trade", ("escalate_to_human", "about trade"))
    assert (third.governance_action, third.should_retry) == ("allow", False)
    assert [each["action"] for each in told(guard, "policy_check")] == ["allow"] * 3
    assert [each["name"] for each in told(guard, "step")] == ["evaluate"]
    assert kinds(guard, "risk_analysis") == ["started", "returned"]
    assert len(told(guard, "model")) == 2
    assert told(guard, "retry")[0]["feedback"] == "Rude: Be polite"
    assert len(told(guard, "event")) == 2


def test_the_four_phases_stop_where_policy_says_so(guarded):
    guard = guarded(GO, TOOLS, "{id: kill.x, action: run.step, effect: deny, reason: stopped}")
    first, second, _ = dry_run(lambda context, query: "said")
    assert (first, second) == ("said", "stopped")
    assert told(guard, "decision") == []
