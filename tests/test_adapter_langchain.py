"""LangChain and LangGraph, driven by a scripted model: no network, no key."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest

pytest.importorskip("langchain.agents")

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime
from langgraph.types import Command, Send
from pydantic import AnyUrl, BaseModel, Field

import remit
from remit import Guard, Inbox, MemoryLedger, Policy, Session, Subject
from remit.adapters.langchain import RemitMiddleware
from remit.approvers.status import Status

MARIA = Subject("user", "maria", {"roles": ["manager"]})
BORIS = Subject("user", "boris", {"roles": ["manager"]})
RULES = """
remit: 1
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: ask,
     approvers: ['role:manager'], reason: Refunds over $100 need a manager}
  - {id: never, action: delete, effect: deny, reason: Nobody deletes customers}
  - {id: mail, action: send, effect: allow}
  - {id: card, action: send, when: 'args.body.contains("4111")', effect: deny,
     reason: A card number leaves the house, advice: Leave the card number out}
  - {id: rest, action: [look, fail], effect: allow}
"""
TWO = RULES.replace("approvers:", "quorum: 2, approvers:")
OPEN = "remit: 1\nrules:\n  - {id: all, action: refund, effect: allow}\n"


class Scripted(GenericFakeChatModel):
    """Says one message after the other, whatever it is given."""

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


def script(*turns: Any) -> Scripted:
    """Tool calls, one turn each, or a list of them for parallel calls; then a last word."""
    messages = [
        AIMessage(
            "",
            tool_calls=[
                {"name": name, "args": args, "id": f"call-{place}-{index}"}
                for index, (name, args) in enumerate(turn if isinstance(turn, list) else [turn])
            ],
        )
        for place, turn in enumerate(turns)
    ]
    return Scripted(messages=iter([*messages, AIMessage("done")]))


class Found(BaseModel):
    link: AnyUrl
    data: bytes
    until: datetime
    mark: UUID = Field(default_factory=uuid4)


class Desk:
    """Tools, a note of what really happened, and an agent that can be started again."""

    def __init__(self, policy: str = RULES, *, inbox: bool = False, **options: Any) -> None:
        self.ledger = MemoryLedger()
        self.inbox = Inbox(self.ledger)
        self.saver = InMemorySaver() if inbox else None
        self.use(policy, inbox=inbox, **options)
        self.done: list[Any] = []
        self.failing = False

        def refund(order: str, amount: Decimal = Decimal(20)) -> str:
            """Refund an order."""
            self.done.append((order, amount))
            if self.failing:
                raise OSError("the bank is away")
            return f"refunded {amount}"

        def delete(customer: str) -> str:
            """Delete a customer."""
            return self.done.append(customer) or "deleted"

        def send(to: str, body: str) -> str:
            """Send an e-mail."""
            return self.done.append((to, body)) or "sent"

        self.tools: list[Any] = [refund, delete, send]

    def use(self, policy: str, *, inbox: bool = True, **options: Any) -> None:
        approver = self.inbox if inbox else options.pop("asked", None)
        self.guard = Guard(Policy.parse(policy), ledger=self.ledger, approver=approver)
        self.middleware = RemitMiddleware(self.guard, **options)

    def agent(self, *turns: Any, around: Any = ()) -> Any:
        return create_agent(
            script(*turns), self.tools, middleware=[self.middleware, *around],
            name="support", checkpointer=self.saver,
        )  # fmt: skip

    def run(self, *turns: Any, around: Any = ()) -> dict[str, Any]:
        agent = self.agent(*turns, around=around)
        return agent.invoke({"messages": [("user", "go")]}, THREAD)

    def go_on(self, given: Any = None) -> dict[str, Any]:
        """The same graph, as a new process would make it."""
        return self.agent().invoke(given, THREAD)

    @property
    def kinds(self) -> list[str]:
        return [record.kind.value for record in self.ledger.records]


THREAD: Any = {"configurable": {"thread_id": "thread-1"}}


def told(result: dict[str, Any]) -> list[str]:
    return [str(m.content) for m in result["messages"] if isinstance(m, ToolMessage)]


def waiting(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [each.value for each in result.get("__interrupt__", ())]


SMALL = ("refund", {"order": "o-1", "amount": 20})
LARGE = ("refund", {"order": "o-2", "amount": 500})
OTHER = ("refund", {"order": "o-3", "amount": 900})


def test_what_policy_allows_runs_and_the_model_gets_its_value():
    desk = Desk()
    assert told(desk.run(SMALL)) == ["refunded 20"]
    assert desk.kinds == ["started", "returned"]


def test_a_denial_reaches_the_model_with_its_rule_and_reason():
    desk = Desk()
    result = desk.run(("delete", {"customer": "c-1"}))
    [text] = told(result)
    assert text == (
        "delete was refused and did not run: Nobody deletes customers (rule never). "
        "Do not try this again."
    )
    assert result["messages"][-2].status == "error"
    assert (desk.done, desk.kinds) == ([], ["refused"])


def test_on_a_loop_it_is_the_same():
    desk = Desk()
    agent = desk.agent(SMALL, ("send", {"to": "a@b.c", "body": "card 4111"}))
    result = asyncio.run(agent.ainvoke({"messages": [("user", "go")]}))
    value, refusal = told(result)
    assert value == "refunded 20"
    assert refusal.endswith("You may try again: Leave the card number out.")


def test_policy_sees_the_arguments_as_the_tool_gets_them():
    desk = Desk()
    desk.run(("refund", {"order": "o-1"}), ("refund", {"order": "o-2", "amount": "500"}))
    seen = [record.request.action.properties for record in desk.ledger.records]
    assert [dict(each) for each in seen] == [
        {"order": "o-1", "amount": 20}, {"order": "o-1", "amount": 20},
        {"order": "o-2", "amount": 500},
    ]  # fmt: skip


def test_what_is_decided_on_reads_as_the_same_whatever_the_types_are():
    desk = Desk()
    got: list[Any] = []

    def look(found: Found, share: Decimal) -> str:
        """Look."""
        return got.append((found, share)) or "seen"

    desk.tools = [look]
    given = {"link": "http://a.b", "data": "ab", "until": "2026-01-02T03:04:05Z"}
    desk.run(("look", {"found": given, "share": "0.1"}))
    [(found, share)] = got
    seen = desk.ledger.records[0].request.action.properties
    assert (found.data, share) == (b"ab", Decimal("0.1"))
    assert (seen["found"]["data"], seen["found"]["mark"]) == ("ab", str(found.mark))


def test_parallel_calls_are_decided_one_by_one():
    desk = Desk()
    assert sorted(told(desk.run([SMALL, ("delete", {"customer": "c"})])))[1] == "refunded 20"
    assert desk.done == [("o-1", 20)]


def test_the_agent_is_the_subject_the_thread_its_session_and_the_block_says_for_whom():
    desk = Desk(inbox=True)
    desk.run(SMALL)
    request = desk.ledger.records[-1].request
    assert (request.subject, request.session.id) == (Subject("agent", "support"), "thread-1")
    with remit.acting_as("support", session=Session("s", user="ada")):
        desk.agent(SMALL).invoke({"messages": []}, {"configurable": {"thread_id": "thread-2"}})
    assert desk.ledger.records[-1].request.session == Session("s", user="ada")
    with remit.acting_as("night-job"):
        desk.agent(SMALL).invoke({"messages": []}, {"configurable": {"thread_id": "thread-3"}})
    assert desk.ledger.records[-1].request.session == Session("thread-3", depth=1)


def test_what_other_middleware_makes_of_a_call_is_decided_on_wherever_it_stands():
    class Doubling(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            args = request.tool_call["args"]
            doubled = {**request.tool_call, "args": {**args, "amount": args["amount"] * 10}}
            return handler(request.override(tool_call=doubled))

    desk = Desk()
    assert "Refunds over $100 need a manager" in told(desk.run(SMALL, around=[Doubling()]))[0]
    assert desk.done == []


def test_a_tool_that_other_middleware_brings_is_governed_if_that_stands_before():
    class Bringing(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            return handler(request.override(tool=StructuredTool.from_function(look)))

    def look(topic: str) -> str:
        """Look."""
        return f"{topic} seen"

    desk = Desk()
    inside = [Bringing()]
    assert (
        "there is no tool 'look'" in told(desk.run(("look", {"topic": "cats"}), around=inside))[0]
    )
    outside = create_agent(
        script(("look", {"topic": "cats"})), desk.tools, middleware=[Bringing(), desk.middleware]
    )
    assert told(outside.invoke({"messages": [("user", "go")]})) == ["cats seen"]
    assert desk.kinds == ["refused", "started", "returned"]


def test_each_try_of_a_call_is_a_call():
    desk = Desk()
    desk.failing = True
    retry = ToolRetryMiddleware(max_retries=1, initial_delay=0, jitter=False)
    desk.run(SMALL, around=[retry])
    assert desk.kinds == ["started", "raised", "started", "raised"]


def test_what_the_graph_injects_is_no_argument_and_a_model_cannot_write_it():
    desk = Desk()

    def look(
        topic: str, state: Annotated[dict, InjectedState], runtime: ToolRuntime, secret: int = 1
    ) -> str:
        """Look."""
        return f"{topic} {len(state['messages'])} {runtime.tool_call_id} {secret}"

    def by_schema(runtime: Any = None, **given: Any) -> str:
        return f"{given} {runtime.tool_call_id if runtime else None}"

    schema = {"type": "object", "properties": {"topic": {"type": "string"}}}
    json_tool = StructuredTool.from_function(
        by_schema, name="fail", description="Fail.", args_schema=schema
    )
    desk.tools = [look, json_tool]
    forged = {"topic": "cats", "state": {"messages": []}, "runtime": 7, "other": 8}
    assert told(desk.run(("look", forged), ("fail", {"topic": "dogs", "runtime": "me"}))) == [
        "cats 2 call-0-0 1", "{'topic': 'dogs'} call-1-0",
    ]  # fmt: skip
    seen = [dict(record.request.action.properties) for record in desk.ledger.records]
    assert seen[0] == {"topic": "cats", "secret": 1}
    assert seen[2] == {"topic": "dogs"}


def test_a_tool_that_is_not_there_is_refused_and_on_record():
    desk = Desk()
    assert told(desk.run(("drop", {"all": True}))) == [
        "drop was refused and did not run: there is no tool 'drop'. Do not try this again."
    ]
    assert desk.ledger.records[0].request.action.properties == {"all": True}
    agent = desk.agent(("drop", {}))
    asyncio.run(agent.ainvoke({"messages": [("user", "go")]}))
    assert desk.kinds == ["refused", "refused"]


def test_arguments_that_are_no_data_are_refused_and_on_record():
    desk = Desk()
    [text] = told(desk.run(("send", {"to": "a@b.c", "body": "\ud800"})))
    assert "cannot be decided on" in text
    assert (desk.done, desk.kinds) == ([], ["refused"])


def test_what_a_tool_raises_goes_the_way_of_the_framework_and_on_record():
    desk = Desk()
    desk.failing = True
    with pytest.raises(OSError, match="the bank is away"):
        desk.run(SMALL)
    assert desk.kinds == ["started", "raised"]


def test_a_tool_made_of_a_protected_function_is_decided_on_once():
    desk = Desk()

    @desk.guard.protect(action="refund")
    def pay_back(order: str, amount: float) -> str:
        """Pay back."""
        return f"paid {amount}"

    desk.tools = [pay_back]
    assert told(desk.run(("pay_back", {"order": "o", "amount": 3}))) == ["paid 3.0"]
    assert desk.kinds == ["started", "returned"]
    other = Desk()
    other.tools = [pay_back]
    with pytest.raises(TypeError, match="governed by another guard"):
        other.run(("pay_back", {"order": "o", "amount": 3}))


def test_a_graph_of_ones_own_takes_the_same_hooks():
    desk = Desk()
    hooks = {
        "wrap_tool_call": desk.middleware.wrap_tool_call,
        "awrap_tool_call": desk.middleware.awrap_tool_call,
    }
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(desk.tools, **hooks))
    graph.add_edge(START, "tools")
    message = script(LARGE).invoke("")
    with remit.acting_as("agent:clerk"):
        result = graph.compile().invoke({"messages": [message]})
    assert "Refunds over $100 need a manager" in told(result)[0]
    assert desk.ledger.records[0].request.subject.id == "clerk"


def test_a_tool_that_runs_at_the_provider_stops_the_run():
    desk = Desk()
    desk.tools = [*desk.tools, {"type": "web_search"}]
    with pytest.raises(TypeError, match="a web_search runs at the model's provider"):
        desk.run()
    with pytest.raises(TypeError, match="a web_search runs at the model's provider"):
        asyncio.run(desk.agent().ainvoke({"messages": [("user", "go")]}))


def test_a_guard_is_asked_for():
    with pytest.raises(TypeError, match="is no guard"):
        RemitMiddleware(None)


def test_a_call_that_waits_for_people_interrupts_the_graph_and_an_answer_releases_it_once():
    desk = Desk(inbox=True)
    [shown] = waiting(desk.run(LARGE))
    assert (shown["name"], shown["args"]) == ("refund", {"order": "o-2", "amount": 500})
    assert shown["description"] == "Refunds over $100 need a manager"
    assert [case.id for case in desk.inbox.cases()] == [shown["approval"]]
    assert waiting(desk.go_on())[0]["approval"] == shown["approval"]
    desk.inbox.approve(shown["approval"], MARIA)
    assert told(desk.go_on()) == ["refunded 500"]
    assert desk.kinds == ["asked", "answered", "started", "returned"]


def test_two_calls_wait_each_for_its_own_answer():
    desk = Desk(inbox=True)
    assert len(waiting(desk.run([LARGE, OTHER]))) == 2
    of = {case.question.request.action.properties["order"]: case for case in desk.inbox.cases()}
    desk.inbox.approve(of["o-2"].id, MARIA)
    [left] = waiting(desk.go_on())
    assert (left["approval"], desk.done) == (of["o-3"].id, [("o-2", 500)])
    desk.inbox.refuse(of["o-3"].id, MARIA, reason="twice")
    first, second = told(desk.go_on())
    assert first == "refunded 500"
    assert "user:maria refused: twice" in second
    assert desk.done == [("o-2", 500)]


def test_a_rejection_holds_although_policy_no_longer_asks():
    desk = Desk(inbox=True)
    [shown] = waiting(desk.run(LARGE))
    desk.inbox.refuse(shown["approval"], MARIA, reason="no")
    desk.use(OPEN)
    assert "user:maria refused: no" in told(desk.go_on())[0]
    assert desk.done == []


def test_what_the_graph_is_resumed_with_answers_nothing_unless_it_is_said_in_whose_name():
    desk = Desk(inbox=True)
    [shown] = waiting(desk.run(LARGE))
    for given in (True, {"type": "approve", "ticket": shown["ticket"]}, [shown]):
        assert waiting(desk.go_on(Command(resume=given)))
    assert (desk.done, desk.kinds) == ([], ["asked"])


def test_an_answer_the_graph_is_resumed_with_goes_to_the_inbox_in_that_name():
    desk = Desk(inbox=True, approver=lambda: MARIA)
    [shown] = waiting(desk.run(LARGE))
    answer = {"type": "approve", "ticket": shown["ticket"], "message": "lost"}
    assert told(desk.go_on(Command(resume=answer))) == ["refunded 500"]
    [approval] = desk.ledger.records[1].approvals
    assert (approval.approver, approval.reason) == (MARIA, "lost")
    assert desk.kinds == ["asked", "answered", "started", "returned"]


@pytest.mark.parametrize("ticket", [None, "", "made-up", {"approval": 1}])
def test_an_answer_that_does_not_repeat_the_ticket_is_none(ticket):
    desk = Desk(inbox=True, approver=MARIA)
    desk.run(LARGE)
    assert waiting(desk.go_on(Command(resume={"type": "approve", "ticket": ticket})))
    assert waiting(desk.go_on(Command(resume={"type": "approve"})))
    assert desk.kinds == ["asked"]


def test_a_no_and_an_answer_in_its_place_come_back_the_same_way():
    for kind, expected in (("reject", "user:maria refused: voucher"), ("respond", "voucher")):
        desk = Desk(inbox=True, approver=MARIA)
        [shown] = waiting(desk.run(LARGE))
        answer = {"type": kind, "ticket": shown["ticket"], "message": "voucher"}
        [text] = told(desk.go_on(Command(resume=answer)))
        assert expected in text
        assert (desk.done, desk.kinds) == ([], ["asked", "answered", "refused"])


def test_who_may_not_answer_is_told_so_and_the_graph_waits_on():
    desk = Desk(inbox=True, approver=Subject("user", "dora"))
    [shown] = waiting(desk.run(LARGE))
    answer = {"type": "approve", "ticket": shown["ticket"]}
    [again] = waiting(desk.go_on(Command(resume=answer)))
    assert "user:dora may not answer" in again["problem"]
    desk.inbox.approve(shown["approval"], MARIA)
    assert told(desk.go_on()) == ["refunded 500"]


def test_an_answer_that_the_graph_replays_is_not_given_again():
    people = iter([MARIA, BORIS])
    desk = Desk(TWO, inbox=True, approver=lambda: next(people))
    [shown] = waiting(desk.run(LARGE))
    [second] = waiting(desk.go_on(Command(resume={"type": "approve", "ticket": shown["ticket"]})))
    assert second["ticket"] != shown["ticket"]
    desk.inbox.refuse(shown["approval"], MARIA, reason="I was wrong")
    assert "user:maria refused: I was wrong" in told(desk.go_on())[0]
    assert desk.done == []


def test_a_node_that_fails_after_it_ran_and_is_run_again_needs_another_approval():
    desk = Desk(inbox=True, approver=MARIA)
    [shown] = waiting(desk.run(LARGE))
    desk.failing = True
    with pytest.raises(OSError, match="the bank is away"):
        desk.go_on(Command(resume={"type": "approve", "ticket": shown["ticket"]}))
    [again] = waiting(desk.go_on())
    assert again["approval"] != shown["approval"]
    assert desk.done == [("o-2", 500)]
    assert desk.inbox.status(desk.inbox.case(shown["approval"])) is Status.USED


def test_on_a_loop_the_graph_waits_and_goes_on_the_same_way():
    desk = Desk(inbox=True, approver=MARIA)

    async def story() -> Any:
        result = await desk.agent(LARGE).ainvoke({"messages": [("user", "go")]}, THREAD)
        [shown] = waiting(result)
        resumed = Command(resume={"type": "approve", "ticket": shown["ticket"]})
        return await desk.agent().ainvoke(resumed, THREAD)

    assert told(asyncio.run(story())) == ["refunded 500"]


def test_a_graph_of_ones_own_waits_call_by_call():
    desk = Desk(inbox=True)

    def graph() -> Any:
        hooks = {"wrap_tool_call": desk.middleware.wrap_tool_call}
        made = StateGraph(MessagesState)
        made.add_node(
            "model", lambda state: {"messages": [script([SMALL, LARGE, OTHER]).invoke("")]}
        )
        made.add_node("tools", ToolNode(desk.tools, **hooks))
        made.add_edge(START, "model")
        made.add_conditional_edges(
            "model",
            lambda state: [Send("tools", [call]) for call in state["messages"][-1].tool_calls],
            ["tools"],
        )
        return made.compile(checkpointer=desk.saver)

    assert len(waiting(graph().invoke({"messages": []}, THREAD))) == 2
    for order in ("o-2", "o-3"):
        [case] = [
            case
            for case in desk.inbox.cases()
            if case.question.request.action.properties["order"] == order
        ]
        desk.inbox.approve(case.id, MARIA)
        result = graph().invoke(None, THREAD)
    assert told(result) == ["refunded 20", "refunded 500", "refunded 900"]
    assert [order for order, _ in desk.done] == ["o-1", "o-2", "o-3"]


def test_an_agent_used_as_a_tool_waits_as_itself_and_the_outer_graph_goes_on():
    desk = Desk(inbox=True)

    def boss(*turns: Any) -> Any:
        def look(question: str) -> str:
            """Ask the clerk."""
            # When it goes on, it does so from a checkpoint of its own.
            model = script(LARGE) if turns else script()
            clerk = create_agent(model, desk.tools, middleware=[desk.middleware], name="clerk")
            return clerk.invoke({"messages": [("user", question)]})["messages"][-1].content

        return create_agent(
            script(*turns), [look], middleware=[desk.middleware], name="boss",
            checkpointer=desk.saver,
        )  # fmt: skip

    asking = boss(("look", {"question": "refund o-2?"}))
    [shown] = waiting(asking.invoke({"messages": [("user", "go")]}, THREAD))
    desk.inbox.approve(shown["approval"], MARIA)
    assert told(boss().invoke(None, THREAD)) == ["done"]
    assert desk.done == [("o-2", 500)]
    asked = desk.inbox.case(shown["approval"]).question.request
    assert (asked.subject.id, asked.session) == ("clerk", Session("thread-1", depth=1))
    assert desk.kinds == [
        "started", "asked", "raised", "answered",
        "started", "started", "returned", "returned",
    ]  # fmt: skip


def test_where_nothing_could_be_resumed_the_model_is_told_that_somebody_was_asked():
    desk = Desk(inbox=True)
    desk.saver = None
    agent = desk.agent(LARGE)
    [text] = told(agent.invoke({"messages": [("user", "go")]}))
    assert "A person has been asked (approval " in text
    silent = Desk(asked=remit.CallbackApprover(lambda question: None))
    assert "A person has been asked" in told(silent.run(LARGE))[0]


def test_without_langchain_the_adapter_says_how_to_get_it():
    program = "import sys; sys.modules['langchain'] = None; import remit.adapters.langchain"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "pip install 'remit[langchain]'" in done.stderr
