"""Pydantic AI, driven by its own function and test models: no network, no key."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from pydantic import SecretStr
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, RunContext, ToolDenied
from pydantic_ai.capabilities import AbstractCapability, NativeTool
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.native_tools import WebSearchTool
from pydantic_ai.tools import ToolApproved
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.usage import UsageLimits

import remit
from remit import Guard, Inbox, MemoryLedger, Policy, Session, Subject
from remit.adapters.pydantic_ai import GovernedToolset, Remit

MARIA = Subject("user", "maria", {"roles": ["manager"]})
RULES = """
remit: 1
rules:
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: large, action: refund, when: args.amount > 100, effect: ask,
     approvers: ['role:manager'], reason: Refunds over $100 need a manager}
  - {id: never, action: delete, effect: deny, reason: Nobody deletes customers}
  - {id: rest, action: [look, fail, ask], effect: allow}
"""
OPEN = "remit: 1\nrules:\n  - {id: all, action: refund, effect: allow}\n"


def script(*turns: Any) -> FunctionModel:
    """Tool calls, one turn each, or a list of them for parallel calls; then a last word."""
    steps = iter(enumerate(turns))

    def say(messages: Any, info: Any) -> ModelResponse:
        place, turn = next(steps, (0, None))
        if turn is None:
            return ModelResponse(parts=[TextPart("done")])
        calls = turn if isinstance(turn, list) else [turn]
        return ModelResponse(
            parts=[
                ToolCallPart(name, args, tool_call_id=f"call-{place}-{index}")
                for index, (name, args) in enumerate(calls)
            ]
        )

    return FunctionModel(say)


def started(agent: Agent[Any, Any], *prompt: Any, **options: Any) -> Any:
    # `run_sync` leaves a loop behind that nobody closes.
    return asyncio.run(agent.run(*prompt, **options))


class Desk:
    """Tools, a note of what really happened, and an agent that can be started again."""

    def __init__(self, policy: str = RULES, *, inbox: bool = True, approver: Any = None) -> None:
        self.ledger = MemoryLedger()
        self.inbox = Inbox(self.ledger)
        self.approver = self.inbox if inbox else approver
        self.use(policy)
        self.done: list[Any] = []

        def refund(ctx: RunContext, order: str, amount: Decimal = Decimal(20)) -> str:
            self.done.append((order, amount))
            return f"refunded {amount}"

        async def delete(customer: str) -> str:
            return self.done.append(customer) or "deleted"

        self.tools: list[Any] = [refund, delete]

    def use(self, policy: str) -> None:
        self.guard = Guard(Policy.parse(policy), ledger=self.ledger, approver=self.approver)

    def agent(self, *turns: Any, more: Any = (), **options: Any) -> Agent[Any, Any]:
        return Agent(
            script(*turns), name="support", tools=self.tools,
            capabilities=[Remit(self.guard), *more],
            output_type=[str, DeferredToolRequests], **options,
        )  # fmt: skip

    def run(self, *turns: Any, **options: Any) -> Any:
        return started(self.agent(*turns, **options), "go")

    def go_on(self, result: Any, **answers: Any) -> Any:
        """The same run, as a new process would take it up from what was stored."""
        history = ModelMessagesTypeAdapter.validate_json(result.all_messages_json())
        approvals = {call.tool_call_id: True for call in result.output.approvals} | answers
        results = DeferredToolResults(approvals=approvals)
        return started(self.agent(), message_history=history, deferred_tool_results=results)

    @property
    def kinds(self) -> list[str]:
        return [record.kind.value for record in self.ledger.records]


def told(result: Any) -> list[tuple[str, str]]:
    parts = [part for message in result.all_messages() for part in message.parts]
    return [(part.outcome, part.content) for part in parts if part.part_kind == "tool-return"]


def waiting(result: Any) -> list[dict[str, Any]]:
    return [result.output.metadata[call.tool_call_id] for call in result.output.approvals]


SMALL = ("refund", {"order": "o-1", "amount": 20})
LARGE = ("refund", {"order": "o-2", "amount": 500})
OTHER = ("refund", {"order": "o-3", "amount": 900})


def test_what_policy_allows_runs_and_the_model_gets_its_value():
    desk = Desk()
    assert told(desk.run(SMALL)) == [("success", "refunded 20")]
    assert desk.kinds == ["started", "returned"]


def test_a_denial_reaches_the_model_with_its_rule_and_reason_and_takes_no_retry():
    desk = Desk()
    turns = [("delete", {"customer": "c-1"})] * 3
    outcome, text = told(desk.run(*turns, retries=0))[-1]
    assert outcome == "failed"
    assert text == (
        "delete was refused and did not run: Nobody deletes customers (rule never). "
        "Do not try this again."
    )
    assert (desk.done, desk.kinds) == ([], ["refused"] * 3)


def test_policy_sees_the_arguments_as_the_tool_gets_them():
    desk = Desk()
    got: list[Any] = []

    def look(since: date, tags: list[str], share: float = 0.5) -> str:
        return got.append((since, tags, share)) or "seen"

    desk.tools = [look]
    desk.run(("look", '{"since": "2026-01-02", "tags": ["a"]}'))
    seen = desk.ledger.records[0].request.action.properties
    assert seen == {"since": "2026-01-02", "tags": ("a",), "share": 0.5}
    assert got == [(date(2026, 1, 2), ["a"], 0.5)]


def test_the_agent_is_the_subject_and_the_block_says_for_whom():
    desk = Desk()
    with remit.acting_as("support", session=Session("s-1", user="ada")):
        desk.run(SMALL)
    request = desk.ledger.records[-1].request
    assert (request.subject, request.session) == (
        Subject("agent", "support"),
        Session("s-1", user="ada"),
    )


def test_what_other_capabilities_make_of_a_call_is_decided_on():
    class Tenfold(AbstractCapability):
        async def before_tool_execute(self, ctx, *, call, tool_def, args):
            return {**args, "amount": args["amount"] * 10}

    desk = Desk()
    assert waiting(desk.run(SMALL, more=[Tenfold()]))[0]["args"]["amount"] == 200
    assert desk.done == []


def test_one_toolset_can_be_governed_by_itself():
    desk = Desk()
    toolset = GovernedToolset(FunctionToolset(desk.tools), desk.guard)
    agent = Agent(script(SMALL), name="clerk", toolsets=[toolset])
    assert told(started(agent, "go")) == [("success", "refunded 20")]
    assert desk.ledger.records[0].request.subject.id == "clerk"


def test_every_tool_of_an_agent_is_governed_those_of_its_toolsets_too():
    desk = Desk("remit: 1\nrules: []\n")
    agent = Agent(
        TestModel(), toolsets=[FunctionToolset(desk.tools)], capabilities=[Remit(desk.guard)]
    )
    started(agent, "go", usage_limits=UsageLimits(request_limit=5))
    assert (desk.done, desk.kinds) == ([], ["refused", "refused"])


def test_arguments_that_are_no_data_are_refused_and_on_record():
    desk = Desk()

    def look(topic: SecretStr) -> str:
        return pytest.fail("ran")

    desk.tools = [look]
    [(outcome, text)] = told(desk.run(("look", {"topic": "cats"})))
    assert outcome == "failed"
    assert "topic" in text
    assert desk.kinds == ["refused"]


def test_what_a_tool_raises_goes_the_way_of_the_framework_and_on_record():
    desk = Desk()

    def fail() -> str:
        raise OSError("the bank is away")

    desk.tools = [fail]
    with pytest.raises(OSError, match="the bank is away"):
        desk.run(("fail", {}))
    assert desk.kinds == ["started", "raised"]


def test_a_refusal_that_a_tool_meets_inside_is_not_mistaken_for_its_own():
    desk = Desk()

    @desk.guard.protect
    def delete() -> None:
        pytest.fail("ran")

    def ask() -> None:
        delete()

    desk.tools = [ask]
    with pytest.raises(remit.Denied, match="may not delete"):
        desk.run(("ask", {}))
    assert desk.kinds == ["started", "refused", "raised"]


def test_a_function_that_is_protected_already_makes_no_tool():
    desk = Desk()
    desk.tools = [desk.guard.protect(action="look")(lambda: "seen")]
    desk.tools[0].__name__ = "look"
    with pytest.raises(TypeError, match="a guard protects already"):
        desk.run(("look", {}))


def test_a_tool_that_runs_at_the_provider_stops_the_run():
    desk = Desk()
    with pytest.raises(TypeError, match="a WebSearchTool runs at the model's provider"):
        desk.run(more=[NativeTool(WebSearchTool())])


def test_a_guard_is_asked_for():
    with pytest.raises(TypeError, match="is no guard"):
        Remit(None)


def test_a_call_that_waits_for_people_is_deferred_and_an_answer_releases_it_once():
    desk = Desk()
    result = desk.run(LARGE)
    [shown] = waiting(result)
    assert shown["args"] == {"order": "o-2", "amount": 500}
    assert shown["reason"] == "Refunds over $100 need a manager"
    again = desk.go_on(result)
    assert waiting(again) == [shown]
    desk.inbox.approve(shown["approval"], MARIA)
    assert told(desk.go_on(again)) == [("success", "refunded 500")]
    assert desk.kinds == ["asked", "answered", "started", "returned"]
    assert waiting(desk.go_on(again))[0]["approval"] != shown["approval"]
    assert desk.done == [("o-2", 500)]


def test_two_calls_wait_each_for_its_own_answer():
    desk = Desk()
    result = desk.run([LARGE, OTHER])
    first, second = waiting(result)
    desk.inbox.approve(first["approval"], MARIA)
    result = desk.go_on(result)
    assert waiting(result) == [second]
    desk.inbox.refuse(second["approval"], MARIA, reason="twice")
    assert "user:maria refused: twice" in told(desk.go_on(result))[-1][1]
    assert desk.done == [("o-2", 500)]


def test_a_rejection_holds_although_policy_no_longer_asks():
    desk = Desk()
    result = desk.run(LARGE)
    desk.inbox.refuse(waiting(result)[0]["approval"], MARIA, reason="no")
    desk.use(OPEN)
    assert "user:maria refused: no" in told(desk.go_on(result))[-1][1]
    assert desk.done == []


def test_what_the_run_goes_on_with_approves_nothing_by_itself():
    desk = Desk()
    result = desk.run(LARGE)
    changed = ToolApproved(override_args={"order": "o-2", "amount": 5000})
    assert waiting(desk.go_on(result, **{"call-0-0": changed}))[0]["args"]["amount"] == 5000
    assert told(desk.go_on(result, **{"call-0-0": ToolDenied("no")})) == [("denied", "no")]
    assert (desk.done, desk.kinds) == ([], ["asked", "asked"])


def test_what_a_person_gives_in_its_place_is_the_value():
    desk = Desk()
    result = desk.run(LARGE)
    desk.inbox.respond(waiting(result)[0]["approval"], MARIA, {"voucher": 5})
    assert told(desk.go_on(result)) == [("success", {"voucher": 5})]
    assert desk.done == []


def test_without_an_inbox_the_model_is_told_that_somebody_was_asked():
    desk = Desk(inbox=False, approver=remit.CallbackApprover(lambda question: None))
    [(outcome, text)] = told(desk.run(LARGE))
    assert outcome == "failed"
    assert "A person has been asked" in text


def test_without_pydantic_ai_the_adapter_says_how_to_get_it():
    program = "import sys; sys.modules['pydantic_ai'] = None; import remit.adapters.pydantic_ai"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "pip install 'remit[pydantic-ai]'" in done.stderr
