"""The OpenAI Agents SDK, driven by its own scripted model: no network, no key."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("agents")

import agents
from agents import (
    Agent,
    FunctionTool,
    RunConfig,
    RunContextWrapper,
    Runner,
    RunState,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.tool_context import ToolContext

from remit.acting import acting_as
from remit.adapters.openai_agents import InterruptionApprover, explain, govern, tool
from remit.approvers import CallbackApprover, FixedApprover
from remit.errors import Denied, Pending, Unavailable
from remit.guard import Guard
from remit.ledgers.memory import MemoryLedger
from remit.model import Session, Subject
from remit.policy import Policy

CALLS = itertools.count(1)
QUIET = RunConfig(tracing_disabled=True)
MANAGER = Subject("user", "maria", {"roles": ["manager"]})
RULES = """
remit: 1
name: test
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: ask,
     approvers: ['role:manager'], reason: Refunds over $100 need a manager}
  - {id: never, action: delete, effect: deny, reason: Nobody deletes customers}
  - {id: mail, action: send, effect: allow}
  - {id: card, action: send, when: 'args.body.contains("4111")', effect: deny,
     reason: A card number leaves the house, advice: Leave the card number out}
  - {id: rest, action: [look, "ask_*", fail, nest], effect: allow}
"""


def guard(approver=None, decider=None, ledger=None) -> Guard:
    return Guard(decider or Policy.parse(RULES), ledger=ledger or MemoryLedger(), approver=approver)


@dataclass
class Found:
    amount: int


class Desk:
    """Three tools and a note of what really happened."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.done: list[Any] = []

        @tool(guard)
        def refund(order: str, amount: float) -> str:
            """Refund an order.

            Args:
                order: Its number.
                amount: In dollars.
            """
            self.done.append((order, amount))
            return f"refunded {amount}"

        @tool(guard)
        async def delete(customer: str) -> str:
            """Delete a customer."""
            self.done.append(customer)
            return "deleted"

        @tool(guard)
        async def send(to: str, body: str) -> str:
            """Send an e-mail."""
            self.done.append((to, body))
            return "sent"

        self.refund, self.delete, self.send = refund, delete, send
        self.tools = [refund, delete, send]

    def agent(self, *turns: Any, name: str = "support", **more: Any) -> Agent[Any]:
        return Agent(name=name, tools=[*self.tools], model=script(*turns), **more)

    @property
    def records(self):
        return self.guard.ports.ledger.records

    @property
    def kinds(self) -> list[str]:
        return [record.kind.value for record in self.records]


def script(*turns: Any) -> ScriptedModel:
    """Tool calls, one turn each, or a list of them for parallel calls; then a last word."""
    steps = [
        [
            function_call(name, given, call_id=f"call-{next(CALLS)}")
            for name, given in (turn if isinstance(turn, list) else [turn])
        ]
        for turn in turns
    ]
    return ScriptedModel([*steps, [assistant_message("done")]])


def told(agent: Agent[Any]) -> list[str]:
    """What the model was given as results of its calls, when it was asked last."""
    given = agent.model.last_call.input
    return [item["output"] for item in given if item.get("type") == "function_call_output"]


def run(agent: Agent[Any], prompt: Any = "go", **more: Any) -> Any:
    return asyncio.run(Runner.run(agent, prompt, run_config=QUIET, **more))


SMALL = ("refund", {"order": "o-1", "amount": 20})
LARGE = ("refund", {"order": "o-2", "amount": 500})


def test_what_policy_allows_runs_and_the_model_gets_its_value():
    desk = Desk(guard())
    agent = desk.agent(SMALL)
    assert run(agent).final_output == "done"
    assert desk.done == [("o-1", 20.0)]
    assert told(agent) == ["refunded 20.0"]
    assert desk.kinds == ["started", "returned"]


def test_a_denial_reaches_the_model_with_its_rule_and_reason():
    desk = Desk(guard())
    agent = desk.agent(("delete", {"customer": "c-1"}))
    run(agent)
    assert desk.done == []
    [text] = told(agent)
    assert text == (
        "delete was refused and did not run: Nobody deletes customers (rule never). "
        "Do not try this again."
    )
    assert desk.kinds == ["refused"]


def test_advice_tells_the_model_how_to_try_again():
    desk = Desk(guard())
    agent = desk.agent(
        ("send", {"to": "a@b.c", "body": "card 4111"}), ("send", {"to": "a@b.c", "body": "hello"})
    )
    run(agent)
    refusal, value = told(agent)
    assert value == "sent"
    assert refusal == (
        "send was refused and did not run: A card number leaves the house (rule card). "
        "You may try again: Leave the card number out."
    )
    assert desk.done == [("a@b.c", "hello")]


@pytest.mark.parametrize("approve", [True, False])
def test_an_approver_is_asked_and_its_answer_decides(approve):
    desk = Desk(guard(FixedApprover(approve=approve, approver=MANAGER, reason="as I said")))
    agent = desk.agent(LARGE)
    run(agent)
    assert bool(desk.done) is approve
    if not approve:
        assert "maria refused: as I said" in told(agent)[0]


def test_an_approver_may_be_asynchronous_for_a_function_that_is_not():
    async def later(question):
        await asyncio.sleep(0)
        return True

    desk = Desk(guard(CallbackApprover(later, approver=MANAGER)))
    run(desk.agent(LARGE))
    assert desk.done == [("o-2", 500.0)]


def test_a_person_who_has_not_answered_is_told_of_as_pending():
    desk = Desk(guard(CallbackApprover(lambda question: None)))
    agent = desk.agent(LARGE)
    run(agent)
    assert desk.done == []
    assert "A person has been asked (approval " in told(agent)[0]
    assert "did not run" in told(agent)[0]


class Broken:
    def decide(self, request):
        raise RuntimeError("password=hunter2")


def test_a_decider_that_crashes_lets_nothing_run_and_its_words_stay_here():
    desk = Desk(guard(decider=Broken()))
    agent = desk.agent(SMALL)
    run(agent)
    assert desk.done == []
    assert "did not run" in told(agent)[0]
    assert "try the same call again later" in told(agent)[0]
    assert "hunter2" not in told(agent)[0]


class Full(MemoryLedger):
    """Takes the start of a call and not its end."""

    def append(self, record, /):
        if record.kind.value in {"returned", "raised"}:
            raise OSError("disk full")
        return super().append(record)


def test_what_ran_and_is_not_on_record_does_not_look_like_a_refusal():
    desk = Desk(guard(ledger=Full()))
    agent = desk.agent(SMALL)
    run(agent)
    assert desk.done == [("o-1", 20.0)]
    assert told(agent)[0].startswith("This was not refused: refund ran")
    assert "do not run it again" in told(agent)[0]


def test_arguments_the_sdk_converts_are_decided_on_as_the_function_gets_them():
    desk = Desk(guard())
    run(desk.agent(("refund", {"order": "o-3", "amount": "90"})))
    assert desk.done == [("o-3", 90.0)]
    assert desk.records[0].request.action.properties == {"order": "o-3", "amount": 90.0}


def test_the_model_is_shown_the_schema_the_sdk_makes_of_the_function():
    def refund(order: str, amount: float) -> str:
        """Refund an order.

        Args:
            order: Its number.
            amount: In dollars.
        """

    ours, theirs = Desk(guard()).refund, function_tool(refund)
    assert isinstance(ours, FunctionTool)
    assert ours.name == theirs.name
    assert ours.description == theirs.description
    assert ours.params_json_schema == theirs.params_json_schema


def test_called_from_python_it_is_the_function_and_it_is_governed():
    desk = Desk(guard())
    with acting_as("script"):
        assert desk.refund("o-1", amount=5) == "refunded 5"
        assert asyncio.run(desk.send("a@b.c", "hello")) == "sent"
        with pytest.raises(Denied, match="script may not delete: Nobody deletes customers"):
            asyncio.run(desk.delete("c-1"))
    assert desk.kinds == ["started", "returned", "started", "returned", "refused"]


def test_a_governed_tool_can_be_planned_like_any_protected_function():
    desk = Desk(guard())
    plan = desk.guard.plan([desk.guard.request(desk.refund, "o-1", 5)])
    assert plan.allowed


@pytest.mark.parametrize("kind", [RunContextWrapper, ToolContext])
def test_the_context_of_the_sdk_passes_through_and_is_no_argument(kind):
    seen = []
    with_guard = guard()

    def look(context, what: str) -> str:
        seen.append(context)
        return what

    look.__annotations__["context"] = kind[Any]
    governed = tool(with_guard)(look)
    agent = Agent(name="support", tools=[governed], model=script(("look", {"what": "x"})))
    run(agent, context={"secret": 1})
    assert seen[0].context == {"secret": 1}
    assert "context" not in governed.params_json_schema["properties"]
    assert with_guard.ports.ledger.records[0].request.action.properties == {"what": "x"}


def test_the_calling_agent_is_the_subject_and_the_surrounding_block_says_for_whom():
    desk = Desk(guard())
    session = Session(id="s-1", user="user:alice", scopes=("refunds",), tenant="acme")
    with acting_as(Subject("agent", "support", {"tier": 2}), session=session, region="eu"):
        run(desk.agent(SMALL))
    request = desk.records[0].request
    assert request.subject == Subject("agent", "support", {"tier": 2})
    assert request.session == session
    assert request.context == {"region": "eu"}


def test_an_agent_cannot_name_itself_a_user():
    desk = Desk(guard())
    run(desk.agent(SMALL, name="user:maria"))
    assert desk.records[0].request.subject == Subject("agent", "user:maria")


def test_after_a_hand_off_the_agent_handed_to_is_the_subject_one_delegation_further():
    desk = Desk(guard())
    billing = desk.agent(SMALL, name="billing")
    triage = Agent(name="triage", handoffs=[billing], model=script(("transfer_to_billing", {})))
    with acting_as("triage", session=Session(user="user:alice")):
        run(triage)
    request = desk.records[0].request
    assert request.subject.id == "billing"
    assert (request.session.user, request.session.depth) == ("user:alice", 1)


def test_an_agent_used_as_a_tool_is_governed_and_so_is_what_it_calls():
    desk = Desk(guard())
    clerk = desk.agent(SMALL, ("delete", {"customer": "c-1"}), name="clerk")
    boss = Agent(
        name="boss",
        tools=[clerk.as_tool("ask_clerk", "Ask the clerk")],
        model=script(("ask_clerk", {"input": "refund o-1"})),
    )
    run(govern(boss, desk.guard))
    assert desk.done == [("o-1", 20.0)]
    assert [
        (str(r.request.subject), r.request.action.name, r.kind.value) for r in desk.records
    ] == [
        ("agent:boss", "ask_clerk", "started"),
        ("agent:clerk", "refund", "started"),
        ("agent:clerk", "refund", "returned"),
        ("agent:clerk", "delete", "refused"),
        ("agent:boss", "ask_clerk", "returned"),
    ]
    assert desk.records[1].request.session.depth == 1


def test_parallel_calls_are_decided_one_by_one():
    desk = Desk(guard())
    agent = desk.agent([SMALL, ("delete", {"customer": "c-1"}), ("send", {"to": "x", "body": "y"})])
    run(agent)
    assert set(desk.done) == {("o-1", 20.0), ("x", "y")}
    results = told(agent)
    assert (results[0], results[2]) == ("refunded 20.0", "sent")
    assert "refused" in results[1]


def test_a_streamed_run_is_governed_like_any_other():
    desk = Desk(guard())
    agent = desk.agent(SMALL, ("delete", {"customer": "c-1"}))

    async def stream():
        result = Runner.run_streamed(agent, "go", run_config=QUIET)
        async for _ in result.stream_events():
            pass
        return result.final_output

    assert asyncio.run(stream()) == "done"
    assert desk.done == [("o-1", 20.0)]
    assert "Nobody deletes customers" in told(agent)[1]


@pytest.mark.parametrize("how", ["made with tool", "made by the SDK, then governed"])
def test_what_a_tool_raises_goes_the_way_of_the_sdk_and_on_record(how):
    with_guard = guard()

    def fail() -> str:
        raise KeyError("no such order")

    made = tool(with_guard)(fail) if how == "made with tool" else function_tool(fail)
    plain = Agent(name="plain", tools=[function_tool(fail)], model=script(("fail", {})))
    governed = Agent(name="plain", tools=[made], model=script(("fail", {})))
    govern(governed, with_guard)
    run(plain)
    run(governed)
    assert told(governed) == told(plain)
    assert [r.kind.value for r in with_guard.ports.ledger.records] == ["started", "raised"]
    assert with_guard.ports.ledger.records[1].body["error"] == "KeyError"


def test_a_tool_keeps_its_own_way_to_report_failures():
    with_guard = guard()

    @function_tool(failure_error_function=lambda context, error: f"sorry: {error}")
    def fail() -> str:
        raise ValueError("broken")

    agent = govern(Agent(name="a", tools=[fail], model=script(("fail", {}))), with_guard)
    run(agent)
    assert told(agent) == ["sorry: broken"]


def test_a_tool_that_promises_json_may_still_be_refused_in_words():
    with_guard = guard()

    @tool(with_guard, allowed_callers=["direct", "programmatic"])
    def look(amount: int) -> Found:
        return Found(amount)

    @tool(with_guard, allowed_callers=["direct", "programmatic"])
    def erase(amount: int) -> Found:
        pytest.fail("it ran")

    turns = ("look", {"amount": 1}), ("erase", {"amount": 1})
    agent = Agent(name="a", tools=[look, erase], model=script(*turns))
    run(agent)
    value, refusal = told(agent)
    assert json.loads(value) == {"amount": 1}
    assert refusal.startswith("erase was refused")


def test_a_tool_that_takes_too_long_ends_the_way_of_the_sdk_and_on_record():
    with_guard = guard()

    @tool(with_guard, timeout=0.01)
    async def look() -> str:
        await asyncio.Event().wait()

    agent = Agent(name="a", tools=[look], model=script(("look", {})))
    run(agent)
    assert "timed out" in told(agent)[0]
    assert [r.kind.value for r in with_guard.ports.ledger.records] == ["started", "raised"]


def test_a_method_and_a_callable_object_make_tools_too():
    class Clerk:
        """Looks things up."""

        def look(self, what: str) -> str:
            return f"method {what}"

        async def __call__(self, what: str) -> str:
            return f"object {what}"

    with_guard = guard()
    tools = [
        tool(with_guard)(Clerk().look),
        tool(with_guard, name_override="ask_clerk")(Clerk()),
    ]
    turns = ("look", {"what": "x"}), ("ask_clerk", {"what": "y"})
    agent = Agent(name="a", tools=tools, model=script(*turns))
    run(agent)
    assert told(agent) == ["method x", "object y"]
    assert with_guard.ports.ledger.records[0].request.action.properties == {"what": "x"}


def test_a_tool_is_made_by_a_guard():
    with pytest.raises(TypeError, match=r"is no guard; write @tool\(guard\)"):
        tool(lambda: "look")


def test_a_refusal_that_a_tool_meets_inside_is_not_mistaken_for_its_own():
    desk = Desk(guard())

    @tool(desk.guard, failure_error_function=None)
    async def nest() -> str:
        desk.done.append("nested")
        return await desk.delete("c-1")

    agent = Agent(name="a", tools=[nest], model=script(("nest", {})))
    with pytest.raises(agents.UserError, match="a may not delete"):
        run(agent)
    assert desk.done == ["nested"]
    assert desk.kinds == ["started", "refused", "raised"]


def test_governing_twice_gives_one_decision():
    desk = Desk(guard())
    twice = tool(desk.guard)(desk.refund)
    assert twice is desk.refund
    agent = Agent(name="a", tools=[twice], model=script(SMALL))
    assert govern(govern(agent, desk.guard), desk.guard) is agent
    assert agent.tools == [twice]
    run(agent)
    assert desk.kinds == ["started", "returned"]


def test_a_function_that_is_protected_already_is_decided_on_once():
    with_guard = guard()

    @with_guard.protect(action="look")
    def search(what: str) -> str:
        return what

    agent = Agent(
        name="a", tools=[tool(with_guard)(search)], model=script(("search", {"what": "x"}))
    )
    run(agent)
    assert [r.request.action.name for r in with_guard.ports.ledger.records] == ["look", "look"]


def test_another_guard_may_not_take_over():
    desk = Desk(guard())
    with pytest.raises(TypeError, match="tool 'refund' is governed by another guard already"):
        govern(desk.tools, guard())
    agent = govern(desk.agent(), desk.guard)
    with pytest.raises(TypeError, match="agent 'support' is governed by another guard already"):
        govern(agent, guard())


HOSTED = {
    "WebSearchTool": WebSearchTool,
    "HostedMCPTool": lambda: agents.HostedMCPTool(
        tool_config={"type": "mcp", "server_label": "x", "server_url": "https://x.example"}
    ),
    "CodeInterpreterTool": lambda: agents.CodeInterpreterTool(
        tool_config={"type": "code_interpreter", "container": {"type": "auto"}}
    ),
    "FileSearchTool": lambda: agents.FileSearchTool(vector_store_ids=["v"]),
}


@pytest.mark.parametrize("kind", HOSTED)
def test_a_tool_that_runs_at_the_provider_is_refused_when_it_is_attached(kind):
    agent = Agent(name="a", tools=[HOSTED[kind]()])
    with pytest.raises(TypeError, match=f"a {kind} runs at the model's provider"):
        govern(agent, guard())


def test_a_tool_that_runs_here_and_is_no_function_tool_is_refused_too():
    shell = agents.ShellTool(executor=lambda request: "")
    with pytest.raises(TypeError, match="does not govern a ShellTool"):
        govern([shell], guard())


def test_a_tool_added_later_is_governed_or_stops_the_run():
    desk = Desk(guard())
    agent = govern(Agent(name="a", model=script(("late", {}))), desk.guard)
    ran = []
    agent.tools.append(function_tool(lambda: ran.append(1), name_override="late"))
    run(agent)
    assert not ran
    assert "late was refused" in told(agent)[0]
    agent.tools.append(WebSearchTool())
    agent.model.extend([[assistant_message("done")]])
    with pytest.raises(TypeError, match="runs at the model's provider"):
        run(agent)


def test_a_clone_of_a_governed_agent_is_governed():
    desk = Desk(guard())
    ran = []
    late = function_tool(lambda: ran.append(1), name_override="late")
    clone = govern(Agent(name="a"), desk.guard).clone(tools=[late], model=script(("late", {})))
    run(clone)
    assert not ran


def test_whoever_a_governed_agent_hands_to_is_governed():
    desk = Desk(guard())
    ran = []
    late = function_tool(lambda: ran.append(1), name_override="late")
    for hand_over in (lambda agent: agent, handoff):
        other = Agent(name="other", tools=[late], model=script(("late", {})))
        first = Agent(name="first", handoffs=[hand_over(other)])
        other.handoffs = [first]
        first.model = script(("transfer_to_other", {}))
        run(govern(first, desk.guard))
        assert not ran
        assert "late was refused" in told(other)[-1]


def test_whoever_it_can_hand_to_is_governed_before_anybody_hands_over():
    desk = Desk(guard())
    late = function_tool(lambda: pytest.fail("it ran"), name_override="late")
    other = Agent(name="other", tools=[late], model=script(("late", {})))
    first = govern(Agent(name="first", handoffs=[handoff(other)]), desk.guard)
    run(other)
    assert "late was refused" in told(other)[-1]
    assert first.handoffs[0].agent_name == "other"


def test_an_agent_that_a_hand_off_chooses_for_itself_is_governed():
    desk = Desk(guard())
    late = function_tool(lambda: pytest.fail("it ran"), name_override="late")
    other = Agent(name="other", tools=[late], model=script(("late", {})))

    async def choose(context, arguments):
        return other

    chosen = agents.Handoff("transfer", "", {}, choose, "whoever", strict_json_schema=False)
    first = Agent(name="first", handoffs=[chosen], model=script(("transfer", {})))
    run(govern(first, desk.guard))
    assert "late was refused" in told(other)[-1]


def test_a_hand_off_added_later_leads_to_an_agent_that_is_governed():
    desk = Desk(guard())
    late = function_tool(lambda: pytest.fail("it ran"), name_override="late")
    other = Agent(name="other", tools=[late], model=script(("late", {})))
    first = govern(Agent(name="first", model=script(("transfer_to_other", {}))), desk.guard)
    first.handoffs.append(other)
    run(first)
    assert "late was refused" in told(other)[-1]


def test_json_tools_are_given_the_values_that_were_decided_on():
    with_guard, got = guard(), []

    async def invoke(context: ToolContext[Any], text: str) -> str:
        got.append(text)
        return "ok"

    plain = FunctionTool(
        "look", "", {"type": "object", "properties": {}}, invoke, strict_json_schema=False
    )
    [governed] = govern([plain], with_guard)
    given = '{"a": 1, "a": 2, "b": [1.0, "x"]}'
    agent = Agent(name="a", tools=[governed], model=script(("look", given)))
    run(agent)
    assert got == ['{"a":2,"b":[1.0,"x"]}']
    assert with_guard.ports.ledger.records[0].request.action.properties == {"a": 2, "b": (1.0, "x")}


@pytest.mark.parametrize(
    "given",
    ["[1]", "{", '{"a": NaN}', '{"a": 9007199254740993000}'],
    ids=["list", "broken", "nan", "large"],
)
def test_json_that_cannot_be_decided_on_does_not_reach_the_tool(given):
    with_guard = guard()

    async def invoke(context: ToolContext[Any], text: str) -> str:
        pytest.fail("it ran")

    plain = FunctionTool("look", "", {}, invoke, strict_json_schema=False)
    agent = Agent(name="a", tools=govern([plain], with_guard), model=script(("look", given)))
    run(agent)
    assert "these arguments cannot be decided on" in told(agent)[0]
    assert [r.kind.value for r in with_guard.ports.ledger.records] == ["refused"]


def mcp_server():
    """A server of two tools, and a note of what was called."""
    from agents.mcp import MCPServer
    from mcp import types as mcp

    class Server(MCPServer):
        name = "files"

        def __init__(self):
            super().__init__()
            self.called: list[Any] = []

        async def connect(self): ...
        async def cleanup(self): ...
        async def list_tools(self, run_context=None, agent=None):
            schema = {"type": "object", "properties": {"amount": {"type": "integer"}}}
            return [mcp.Tool(name=name, inputSchema=schema) for name in ("refund", "erase")]

        async def call_tool(self, tool_name, arguments, meta=None):
            self.called.append((tool_name, arguments))
            return mcp.CallToolResult(content=[mcp.TextContent(type="text", text="done")])

        async def list_prompts(self):
            raise NotImplementedError

        async def get_prompt(self, name, arguments=None):
            raise NotImplementedError

    return Server()


def test_tools_that_an_mcp_server_offers_are_governed_when_they_are_discovered():
    server = mcp_server()
    turns = ("refund", {"amount": 5}), ("erase", {"amount": 5})
    agent = Agent(name="a", mcp_servers=[server], model=script(*turns))
    run(govern(agent, guard()))
    assert server.called == [("refund", {"amount": 5})]
    assert "erase was refused" in told(agent)[1]


def interrupting(**more: Any) -> tuple[Desk, InterruptionApprover]:
    approver = InterruptionApprover(approver=MANAGER, **more)
    return Desk(guard(approver)), approver


def test_a_denial_that_may_be_lifted_interrupts_the_run_and_approval_resumes_it():
    desk, _ = interrupting()
    agent = desk.agent([LARGE, SMALL])
    result = run(agent)
    assert [item.name for item in result.interruptions] == ["refund"]
    assert desk.done == [("o-1", 20.0)]
    state = result.to_state()
    state.approve(result.interruptions[0])
    assert run(agent, state).final_output == "done"
    assert desk.done == [("o-1", 20.0), ("o-2", 500.0)]
    assert desk.kinds[2:] == ["asked", "answered", "started", "returned"]
    assert desk.records[4].approvals[0].approver == MANAGER


def test_an_interrupted_run_can_be_written_down_and_read_again():
    desk, _ = interrupting()
    agent = desk.agent(LARGE)
    text = run(agent).to_state().to_string()

    async def resume():
        state = await RunState.from_string(agent, text)
        state.approve(state.get_interruptions()[0])
        return await Runner.run(agent, state, run_config=QUIET)

    assert asyncio.run(resume()).final_output == "done"
    assert desk.done == [("o-2", 500.0)]


def test_a_rejection_runs_nothing_tells_the_model_and_is_on_record():
    desk, _ = interrupting()
    agent = desk.agent(LARGE)
    result = run(agent)
    state = result.to_state()
    state.reject(result.interruptions[0], rejection_message="Too much")
    run(agent, state)
    assert desk.done == []
    assert told(agent) == ["Too much"]
    assert desk.kinds == ["refused"]
    assert "user:maria refused: Too much" in desk.records[0].decision.reason


def test_what_nobody_may_lift_does_not_interrupt():
    desk, _ = interrupting()
    agent = desk.agent(("delete", {"customer": "c-1"}))
    assert not run(agent).interruptions
    assert "Nobody deletes customers" in told(agent)[0]


def test_a_changed_state_runs_nothing_that_was_not_shown_to_anybody():
    desk, _ = interrupting()
    agent = desk.agent(LARGE)
    result = run(agent)
    state = result.to_state()
    state.approve(result.interruptions[0])
    honest = state.to_string()
    forged = forge(honest, "500", "900000")
    assert forged != honest

    async def resume():
        state = await RunState.from_string(agent, forged)
        return await Runner.run(agent, state, run_config=QUIET)

    asyncio.run(resume())
    assert desk.done == []
    assert "did not run" in told(agent)[0]


def forge(text: str, old: str, new: str) -> str:
    """The state with other arguments, and every fingerprint made to fit them."""
    from agents._tool_invocation import tool_invocation_identity_and_scope

    def call(amount: str) -> dict[str, str]:
        arguments = json.dumps({"order": "o-2", "amount": int(amount)}, separators=(",", ":"))
        kind = {"type": "function_call", "name": "refund", "call_id": "whichever"}
        return {**kind, "arguments": arguments}

    before, after = (tool_invocation_identity_and_scope(call(amount))[3] for amount in (old, new))
    assert before in text
    return text.replace(before, after).replace(f'\\"amount\\":{old}', f'\\"amount\\":{new}')


def test_the_forged_state_would_have_fooled_the_sdk_alone():
    ran = []

    @function_tool(needs_approval=True)
    def refund(order: str, amount: int) -> str:
        ran.append(amount)
        return "ok"

    agent = Agent(name="support", tools=[refund], model=script(LARGE))
    result = run(agent)
    state = result.to_state()
    state.approve(result.interruptions[0])
    text = forge(state.to_string(), "500", "900000")

    async def resume():
        state = await RunState.from_string(agent, text)
        return await Runner.run(agent, state, run_config=QUIET)

    asyncio.run(resume())
    assert ran == [900000]


def test_a_run_saved_under_a_key_resumes_elsewhere_and_no_other_text_does():
    here, approver = interrupting(key=b"k" * 32)
    saved = approver.save(run(here.agent(LARGE)).to_state())
    there, elsewhere = interrupting(key=b"k" * 32)
    agent = there.agent()

    async def resume(text: str, approver: InterruptionApprover):
        state = await approver.load(agent, text)
        state.approve(state.get_interruptions()[0])
        return await Runner.run(agent, state, run_config=QUIET)

    with pytest.raises(ValueError, match="not saved under this key, or was changed"):
        asyncio.run(resume(saved.replace("500", "900"), elsewhere))
    with pytest.raises(ValueError, match="not saved under this key"):
        asyncio.run(resume(saved, InterruptionApprover(key=b"another")))
    asyncio.run(resume(saved, elsewhere))
    assert there.done == [("o-2", 500.0)]


def test_a_run_cannot_be_saved_without_a_key():
    desk, approver = interrupting()
    with pytest.raises(ValueError, match="give InterruptionApprover a key="):
        approver.save(run(desk.agent(LARGE)).to_state())


def test_a_state_from_elsewhere_that_is_not_sealed_lifts_nothing():
    here, _ = interrupting()
    text = run(here.agent(LARGE)).to_state().to_string()
    there, _ = interrupting()
    agent = there.agent()

    async def resume():
        state = await RunState.from_string(agent, text)
        state.approve(state.get_interruptions()[0])
        return await Runner.run(agent, state, run_config=QUIET)

    asyncio.run(resume())
    assert there.done == []
    assert "did not run" in told(agent)[0]


def test_an_interruption_in_an_agent_used_as_a_tool_reaches_the_outer_run():
    desk, _ = interrupting()
    clerk = desk.agent(LARGE, name="clerk")
    boss = Agent(
        name="boss",
        tools=[clerk.as_tool("ask_clerk", "Ask the clerk")],
        model=script(("ask_clerk", {"input": "refund o-2"})),
    )
    govern(boss, desk.guard)
    result = run(boss)
    assert [item.name for item in result.interruptions] == ["refund"]
    state = result.to_state()
    state.approve(result.interruptions[0])
    assert run(boss, state).final_output == "done"
    assert desk.done == [("o-2", 500.0)]


def test_a_call_of_an_mcp_tool_interrupts_the_run_like_any_other():
    server = mcp_server()
    with_guard = guard(InterruptionApprover(approver=MANAGER))
    agent = Agent(name="a", mcp_servers=[server], model=script(("refund", {"amount": 500})))
    govern(agent, with_guard)
    result = run(agent)
    state = result.to_state()
    state.approve(result.interruptions[0])
    run(agent, state)
    assert server.called == [("refund", {"amount": 500})]


def test_a_streamed_run_is_interrupted_like_any_other():
    desk, _ = interrupting()
    agent = desk.agent(LARGE)

    async def stream(given):
        result = Runner.run_streamed(agent, given, run_config=QUIET)
        async for _ in result.stream_events():
            pass
        return result

    result = asyncio.run(stream("go"))
    state = result.to_state()
    state.approve(result.interruptions[0])
    asyncio.run(stream(state))
    assert desk.done == [("o-2", 500.0)]


def test_after_a_hand_off_the_interruption_is_about_the_agent_handed_to():
    desk, _ = interrupting()
    billing = desk.agent(LARGE, name="billing")
    triage = Agent(
        name="triage",
        tools=[desk.refund],
        handoffs=[billing],
        model=script(("transfer_to_billing", {})),
    )
    with acting_as("triage", session=Session(user="user:alice")):
        result = run(triage)
        state = result.to_state()
        state.approve(result.interruptions[0])
        run(billing, state)
    assert desk.done == [("o-2", 500.0)]
    assert desk.records[-1].request.subject.id == "billing"


def test_whoever_answers_may_be_named_when_they_have():
    at_the_desk = [Subject("user", "intern"), MANAGER]
    desk = Desk(guard(InterruptionApprover(approver=lambda: at_the_desk[0])))
    for person in list(at_the_desk):
        agent = desk.agent(LARGE)
        result = run(agent)
        state = result.to_state()
        state.approve(result.interruptions[0])
        run(agent, state)
        assert bool(desk.done) is (person == MANAGER)
        at_the_desk.pop(0)


def test_an_approval_for_ever_is_good_for_the_call_that_was_shown():
    desk, _ = interrupting()
    agent = desk.agent(LARGE, ("refund", {"order": "o-3", "amount": 900}))
    result = run(agent)
    state = result.to_state()
    state.approve(result.interruptions[0], always_approve=True)
    run(agent, state)
    assert desk.done == [("o-2", 500.0)]
    assert "did not run" in told(agent)[1]


def test_an_answer_is_good_for_one_run_of_the_call():
    desk, _ = interrupting()
    agent = desk.agent(LARGE)
    result = run(agent)
    state = result.to_state()
    state.approve(result.interruptions[0])
    text = state.to_string()

    async def resume():
        agent.model.extend([[assistant_message("done")]])
        await Runner.run(agent, await RunState.from_string(agent, text), run_config=QUIET)

    asyncio.run(resume())
    asyncio.run(resume())
    assert desk.done == [("o-2", 500.0)]


def test_questions_that_nobody_comes_back_to_are_forgotten_oldest_first(monkeypatch):
    monkeypatch.setattr("remit.adapters.openai_agents.interruption.MOST_SHOWN", 2)
    desk, approver = interrupting()
    waiting = [run(desk.agent(LARGE)).interruptions[0].call_id for _ in range(3)]
    assert list(approver.shown) == waiting[1:]


def test_a_call_that_was_shown_and_not_answered_does_not_run():
    desk, _ = interrupting()
    agent = desk.agent(LARGE)
    [item] = run(agent).interruptions
    context = ToolContext(
        context=None,
        tool_name="refund",
        tool_call_id=item.call_id,
        tool_arguments=item.arguments,
        tool_call=item.raw_item,
        agent=agent,
    )
    text = asyncio.run(desk.refund.on_invoke_tool(context, item.arguments))
    assert desk.done == []
    assert "did not run" in text


def test_outside_a_run_there_is_nothing_to_interrupt():
    desk, _ = interrupting()
    with pytest.raises(Unavailable):
        desk.refund("o-2", 500)


def test_an_approval_of_the_application_itself_is_asked_for_as_before():
    approver = InterruptionApprover(approver=MANAGER)
    with_guard = guard(approver)
    ran = []

    @tool(with_guard, needs_approval=True)
    def look() -> str:
        ran.append(1)
        return "seen"

    agent = Agent(name="a", tools=[look], model=script(("look", {})))
    result = run(agent)
    assert result.interruptions
    state = result.to_state()
    state.approve(result.interruptions[0])
    run(agent, state)
    assert ran == [1]


def test_nobody_is_asked_by_the_application_for_what_policy_denies():
    with_guard = guard(InterruptionApprover(approver=MANAGER))

    @tool(with_guard, needs_approval=True)
    def erase() -> str:
        pytest.fail("it ran")

    agent = Agent(name="a", tools=[erase], model=script(("erase", {})))
    assert not run(agent).interruptions
    assert "erase was refused" in told(agent)[0]


def test_a_function_that_is_not_asynchronous_does_not_hold_up_the_loop():
    threads = []

    @tool(guard())
    def look() -> str:
        threads.append(threading.get_ident())
        return "seen"

    run(Agent(name="a", tools=[look], model=script(("look", {}))))
    assert threads != [threading.get_ident()]


def test_what_a_model_is_told_names_what_and_what_next():
    desk = Desk(guard(CallbackApprover(lambda question: None)))
    with acting_as("support"), pytest.raises(Pending) as caught:
        desk.refund("o-2", 500)
    text = explain(caught.value)
    assert re.fullmatch(
        r"refund did not run: Refunds over \$100 need a manager \(rule large\)\. A person has been "
        r"asked \(approval .+\)\. You may make the same call again once they have answered\.",
        text,
    )


def test_without_the_sdk_the_adapter_says_how_to_get_it_and_remit_never_imports_it():
    program = (
        "import sys, remit\n"
        "assert 'agents' not in sys.modules\n"
        "sys.modules['agents'] = None\n"
        "import remit.adapters.openai_agents\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "ImportError: the OpenAI Agents SDK is not installed" in ended.stderr
    assert "pip install 'remit[openai-agents]'" in ended.stderr
