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
