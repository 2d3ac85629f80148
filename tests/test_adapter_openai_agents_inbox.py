"""The OpenAI Agents SDK with questions that wait in the ledger."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest

pytest.importorskip("agents")

from agents import Agent, RunConfig, Runner, RunState, function_tool
from agents._tool_invocation import tool_invocation_identity_and_scope
from agents.testing import ScriptedModel, assistant_message, function_call

import remit
from remit import Guard, Inbox, MemoryLedger, Policy, Session, Subject
from remit.adapters.openai_agents import go_on, govern, tool

CALLS = itertools.count(1)
QUIET = RunConfig(tracing_disabled=True)
MARIA = Subject("user", "maria", {"roles": ["manager"]})
RULES = """
remit: 1
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: ask,
     approvers: ['role:manager'], reason: Refunds over $100 need a manager}
  - {id: rest, action: ["ask_*", look], effect: allow}
"""
OPEN = "remit: 1\nrules:\n  - {id: all, action: refund, effect: allow}\n"


class Desk:
    """One process after the other, with one ledger and a note of what really happened."""

    def __init__(self, policy: str = RULES) -> None:
        self.ledger = MemoryLedger()
        self.inbox = Inbox(self.ledger)
        self.done: list[Any] = []
        self.use(policy)

    def use(self, policy: str) -> None:
        self.guard = Guard(Policy.parse(policy), ledger=self.ledger, approver=self.inbox)

        @tool(self.guard)
        def refund(order: str, amount: float) -> str:
            """Refund an order."""
            self.done.append((order, amount))
            return f"refunded {amount}"

        self.refund = refund

    def agent(self, *turns: Any, name: str = "support", **more: Any) -> Agent[Any]:
        return Agent(name=name, tools=[self.refund], model=script(*turns), **more)

    def start(self, agent: Agent[Any]) -> str:
        """What is kept of a run that was interrupted."""
        result = asyncio.run(Runner.run(agent, "go", run_config=QUIET))
        assert result.interruptions
        return result.to_state().to_string()

    def resume(self, agent: Agent[Any], kept: str, *, say: Any = lambda state: None) -> Any:
        """Go on in another process; the questions that still wait, and the result."""

        async def resumed() -> Any:
            state = await RunState.from_string(agent, kept)
            say(state)
            questions = await go_on(state, self.guard)
            return questions, await Runner.run(agent, state, run_config=QUIET)

        return asyncio.run(resumed())

    @property
    def kinds(self) -> list[str]:
        return [record.kind.value for record in self.ledger.records]


def script(*turns: Any) -> ScriptedModel:
    steps = [
        [
            function_call(name, args, call_id=f"call-{next(CALLS)}")
            for name, args in (turn if isinstance(turn, list) else [turn])
        ]
        for turn in turns
    ]
    return ScriptedModel([*steps, [assistant_message("done")]])


def told(agent: Agent[Any]) -> list[str]:
    given = agent.model.last_call.input
    return [item["output"] for item in given if item.get("type") == "function_call_output"]


def approve_all(state: Any) -> None:
    for item in state.get_interruptions():
        state.approve(item)


def forge(kept: str, old: int, new: int) -> str:
    """The state with other arguments, and every fingerprint made to fit them."""

    def fingerprint(amount: int) -> str:
        args = json.dumps({"order": "o-2", "amount": amount}, separators=(",", ":"))
        kind = {"type": "function_call", "name": "refund", "call_id": "any", "arguments": args}
        return tool_invocation_identity_and_scope(kind)[3]

    assert fingerprint(old) in kept
    kept = kept.replace(fingerprint(old), fingerprint(new))
    return kept.replace(f'\\"amount\\":{old}', f'\\"amount\\":{new}')


LARGE = ("refund", {"order": "o-2", "amount": 500})
OTHER = ("refund", {"order": "o-3", "amount": 900})


def test_a_call_that_waits_interrupts_the_run_and_an_answer_releases_it_once():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    [question], result = desk.resume(desk.agent(), kept)
    assert [item.name for item in result.interruptions] == ["refund"]
    assert [case.id for case in desk.inbox.cases()] == [question.id]
    desk.inbox.approve(question.id, MARIA)
    agent = desk.agent()
    questions, result = desk.resume(agent, kept)
    assert (questions, result.final_output, told(agent)) == ((), "done", ["refunded 500.0"])
    assert desk.kinds == ["asked", "answered", "started", "returned"]


def test_a_state_that_is_loaded_twice_runs_the_call_once():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    desk.inbox.approve(desk.inbox.cases()[0].id, MARIA)
    desk.resume(desk.agent(), kept)
    [question], _ = desk.resume(desk.agent(), kept)
    assert desk.inbox.case(question.id).answers == ()
    desk.resume(desk.agent(), kept, say=approve_all)
    assert desk.done == [("o-2", 500.0)]


def test_two_calls_wait_each_for_its_own_answer():
    desk = Desk()
    kept = desk.start(desk.agent([LARGE, OTHER]))
    first, second = (case.id for case in desk.inbox.cases())
    desk.inbox.approve(first, MARIA)
    [question], result = desk.resume(desk.agent(), kept)
    assert question.id == second
    desk.inbox.refuse(second, MARIA, reason="twice")
    agent = desk.agent()
    desk.resume(agent, result.to_state().to_string())
    assert "user:maria refused: twice" in told(agent)[1]
    assert len(desk.done) == 1


def test_what_the_state_says_approves_nothing():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    agent = desk.agent()
    desk.resume(agent, kept, say=approve_all)
    assert "A person has been asked (approval " in told(agent)[0]
    assert (desk.done, desk.kinds) == ([], ["asked"])


def test_a_changed_state_is_another_question():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    desk.inbox.approve(desk.inbox.cases()[0].id, MARIA)
    forged = forge(kept, 500, 5000)
    [question], _ = desk.resume(desk.agent(), forged)
    assert question.request.action.properties["amount"] == 5000
    assert desk.done == []


def test_a_rejection_holds_although_policy_no_longer_asks():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    desk.inbox.refuse(desk.inbox.cases()[0].id, MARIA, reason="no")
    desk.use(OPEN)
    agent = desk.agent()
    desk.resume(agent, kept)
    assert "user:maria refused: no" in told(agent)[0]
    assert desk.done == []


def test_a_rejection_to_the_state_stays_one_though_the_inbox_approves():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    desk.inbox.approve(desk.inbox.cases()[0].id, MARIA)

    def reject(state: Any) -> None:
        state.reject(state.get_interruptions()[0], rejection_message="stop")

    agent = desk.agent()
    desk.resume(agent, kept, say=reject)
    assert (told(agent), desk.done) == (["stop"], [])


def test_a_call_that_was_approved_before_does_not_interrupt():
    desk = Desk()
    desk.start(desk.agent(LARGE))
    desk.inbox.approve(desk.inbox.cases()[0].id, MARIA)
    result = asyncio.run(Runner.run(desk.agent(LARGE), "go", run_config=QUIET))
    assert (result.interruptions, desk.done) == ([], [("o-2", 500.0)])


def test_an_agent_used_as_a_tool_and_one_handed_to_wait_as_themselves():
    desk = Desk()

    def boss(*turns: Any) -> Agent[Any]:
        clerk = desk.agent(*turns, name="clerk")
        inside = clerk.as_tool("ask_clerk", "Ask the clerk")
        asking = [("ask_clerk", {"input": "go"})] if turns else []
        agent = Agent(name="boss", tools=[inside], model=script(*asking))
        return govern(agent, desk.guard)

    kept = desk.start(boss(LARGE))
    desk.inbox.approve(desk.inbox.cases()[0].id, MARIA)
    desk.resume(boss(), kept)
    assert desk.done == [("o-2", 500.0)]

    def triage(*turns: Any) -> Agent[Any]:
        billing = desk.agent(*turns, name="billing")
        handing = [("transfer_to_billing", {})] if turns else []
        return Agent(name="triage", handoffs=[billing], model=script(*handing))

    with remit.acting_as("triage", session=Session("s-1", user="alice")):
        kept = desk.start(triage(OTHER))
        [case] = desk.inbox.cases()
        desk.inbox.approve(case.id, MARIA)
        desk.resume(triage(), kept)
    assert (str(case.question.request.subject), desk.done[1:]) == (
        "agent:billing",
        [("o-3", 900.0)],
    )


def test_an_approval_of_the_application_itself_is_asked_for_as_before():
    desk = Desk()

    @function_tool(needs_approval=True)
    def look() -> str:
        """Look."""
        return desk.done.append("looked") or "seen"

    def agent(*turns: Any) -> Agent[Any]:
        return Agent(name="a", tools=govern([look], desk.guard), model=script(*turns))

    kept = desk.start(agent(("look", {})))
    assert desk.kinds == []
    desk.resume(agent(), kept, say=approve_all)
    assert (desk.done, desk.kinds) == (["looked"], ["started", "returned"])


def test_a_call_that_nobody_governs_is_left_to_the_application():
    desk = Desk()

    @function_tool(needs_approval=True)
    def look() -> str:
        """Look."""
        return desk.done.append("looked") or "seen"

    def agent(*turns: Any) -> Agent[Any]:
        return Agent(name="a", tools=[look, desk.refund], model=script(*turns))

    kept = desk.start(agent([("look", {}), LARGE]))
    desk.inbox.approve(desk.inbox.cases()[0].id, MARIA)
    questions, result = desk.resume(agent(), kept)
    assert (questions, [item.name for item in result.interruptions]) == ((), ["look"])
    assert desk.done == [("o-2", 500.0)]


def test_where_nothing_can_wait_nothing_can_go_on():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    other = Guard(Policy.parse(RULES), ledger=MemoryLedger())

    async def with_guard(guard: Guard) -> Any:
        return await go_on(await RunState.from_string(desk.agent(), kept), guard)

    with pytest.raises(TypeError, match="no inbox"):
        asyncio.run(with_guard(other))
    with pytest.raises(TypeError, match="'refund' that this guard governs"):
        asyncio.run(with_guard(Desk().guard))


def test_the_state_says_nothing_of_the_question():
    desk = Desk()
    kept = desk.start(desk.agent(LARGE))
    [case] = desk.inbox.cases()
    assert case.id not in json.dumps(json.loads(kept))
