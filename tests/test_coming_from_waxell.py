"""The programs of Waxell's documents, written with our own names: what they do is the same."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext

import pytest
from model_server import model
from waxell_calls import GO, TOOLS, Terminal, guarded, kinds, records, told

import remit
from remit import Denied, FixedApprover, TerminalApprover
from remit.audit.record import Kind

__all__ = ["guarded", "model"]

MARIA = remit.Subject("user", "maria")
ASK_DELETE = (
    "{id: deletes, action: run.start, when: 'run.name == \"delete\"', effect: ask,"
    " reason: Deletion requires approval}"
)
STOP_AFTER_ANALYZE = (
    "{id: s, action: run.step, when: 'args.name == \"analyze\"', effect: deny, reason: enough}"
)
CHECKS = [
    ("Budget Limit", "allow"),
    ("Rate Limit", "allow"),
    ("Content Safety", "warn"),
    ("Kill Switch", "allow"),
]


def governed_agent(query):
    """Two calls of a model, with a check between them."""
    openai = pytest.importorskip("openai")
    client = openai.OpenAI()

    def ask(*messages):
        answer = client.chat.completions.create(model="gpt-4o", messages=list(messages))
        used = answer.usage
        remit.current_run().model(
            answer.model, input_tokens=used.prompt_tokens, output_tokens=used.completion_tokens
        )
        return answer.choices[0].message.content

    @remit.observe(agent="governed-agent", check=True)
    async def agent(query):
        try:
            ask({"role": "user", "content": query})
            remit.step("analyze", output={"model": "gpt-4o"})
            decision = remit.current_run().check(name="go on")
            if not decision.allowed:
                remit.tag("policy_outcome", "blocked")
                return None
            if decision.monitored:
                remit.tag("policy_warning", ", ".join(decision.monitored))
            system = {"role": "system", "content": "Provide a helpful response."}
            result = ask(system, {"role": "user", "content": query})
            remit.step("respond", output={"length": len(result)})
            remit.score("response_quality", 0.9, comment="auto-scored")
        except Denied as denied:
            return f"{denied.decision.effect.value}: {denied.decision.reason}"
        return result

    return asyncio.run(agent(query))


def test_a_governed_agent(guarded, model):
    guard = guarded(GO)
    assert governed_agent("How do I optimize my cloud costs?") == "Use smaller machines"
    assert len(model.asked) == 2
    assert [each["name"] for each in told(guard, "step")] == ["analyze", "respond"]
    assert [each["input_tokens"] for each in told(guard, "model")] == [21, 21]
    assert told(guard, "score") == [
        {"name": "response_quality", "value": 0.9, "comment": "auto-scored"}
    ]
    assert [each["moment"] for each in told(guard, "check")] == ["step"]


def test_a_block_in_the_middle(guarded, model):
    guarded(GO, STOP_AFTER_ANALYZE)
    assert governed_agent("How?") == "deny: enough"
    assert len(model.asked) == 1


def test_a_warning_in_the_middle(guarded, model):
    guard = guarded(GO, "{id: w, action: run.step, effect: deny, mode: monitor}")
    governed_agent("How?")
    assert told(guard, "tag") == [{"key": "policy_warning", "value": "w: deny"}]


def test_a_block_at_the_start(guarded, model):
    guarded("{id: no, action: run.start, effect: deny, reason: closed}")
    with pytest.raises(Denied, match="closed"):
        governed_agent("How?")
    assert model.asked == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [(GO, True), ("{id: no, action: run.start, effect: deny, reason: closed}", False)],
)
def test_a_check_before_anything_runs(guarded, rule, said):
    guard = guarded(rule)
    with remit.acting_as("agent:my-agent"):
        decision = guard.decide(guard.request("run.start"))
    assert decision.allowed is said


@pytest.mark.parametrize(("typed", "ran"), [("delete users\ny\n", 1), ("delete users\nn\n", 0)])
def test_an_approval_at_the_terminal(guarded, monkeypatch, capsys, typed, ran):
    guard = guarded(GO, TOOLS, ASK_DELETE)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    @remit.protect(resource="tool:database")
    def delete_records(table: str) -> dict:
        return {"table": table, "deleted": 500}

    @remit.observe(agent="data-manager", workflow="delete", check=True, on_block=TerminalApprover())
    async def guarded_delete(table):
        return delete_records(table=table)

    remit.input("> ")
    if ran:
        assert asyncio.run(guarded_delete("users"))["deleted"] == 500
    else:
        with pytest.raises(Denied, match="Deletion requires approval"):
            asyncio.run(guarded_delete("users"))
    assert "Deletion requires approval" in capsys.readouterr().err
    assert kinds(guard, "delete_records").count("started") == ran
    assert told(guard, "input")[0]["answer"] == "delete users"


@pytest.mark.parametrize(
    ("approver", "approved"),
    [
        (TerminalApprover(MARIA), True),
        (FixedApprover(approve=True, approver=MARIA), True),
        (FixedApprover(approve=False, approver=MARIA), False),
    ],
    ids=["prompt", "auto", "deny"],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_approval_has_its_question_answer_and_timing_on_record(
    guarded, monkeypatch, *, asynchronous, approver, approved
):
    guard = guarded(GO, ASK_DELETE)
    monkeypatch.setattr(sys, "stdin", Terminal("delete users\ny\n"))
    observe = remit.observe(agent="data-manager", workflow="delete", check=True, on_block=approver)

    @observe
    def delete():
        return "deleted"

    @observe
    async def adelete():
        return "deleted"

    remit.input("What is to be deleted? ")
    with nullcontext() if approved else pytest.raises(Denied):
        assert (asyncio.run(adelete()) if asynchronous else delete()) == "deleted"

    (typed,) = told(guard, "input")
    assert (typed["prompt"], typed["answer"]) == ("What is to be deleted? ", "delete users")
    assert typed["seconds"] >= 0
    asked, answered = (
        next(each for each in records(guard) if each.kind is kind)
        for kind in (Kind.ASKED, Kind.ANSWERED)
    )
    assert asked.decision.reason == "Deletion requires approval"
    assert asked.request.run["name"] == "delete"
    (answer,) = answered.approvals
    assert (answer.approver, answer.approved) == (MARIA, approved)
    assert asked.request.at <= asked.at <= answered.at


def test_the_phases_of_the_governance_agent(guarded):
    polite = (
        "{id: polite, action: run.end, when: 'args.output == \"damn\"', effect: deny,"
        " reason: Rude, advice: Say it politely}"
    )
    guard = guarded(GO, TOOLS, polite)

    @remit.protect(resource="tool:function")
    def risk_analysis(domain: str) -> float:
        return 0.8

    @remit.decision
    def route(risk: float) -> dict:
        return {"chosen": "escalate_to_human", "options": ["continue", "abort"]}

    @remit.observe(agent="governance", check=True, retries=1)
    async def agent(feedback=""):
        run = remit.current_run()
        for name, action in CHECKS:
            run.record_check(name, action)
        risk = risk_analysis("trading")
        assert run.check(name="between").allowed
        route(risk)
        return "please" if feedback else "damn"

    assert asyncio.run(agent()) == "please"
    with remit.run("events", agent="governance") as run:
        run.tell("event", name="escalated")
    checks = [(each["policy"], each["effect"]) for each in told(guard, "policy_check")]
    assert checks == CHECKS * 2  # in both attempts
    assert told(guard, "decision")[0]["chosen"] == "escalate_to_human"
    assert told(guard, "retry")[0]["feedback"] == "Rude: Say it politely"
    assert told(guard, "event") == [{"name": "escalated"}]
    assert {str(each.request.subject) for each in records(guard)} == {"agent:governance"}
