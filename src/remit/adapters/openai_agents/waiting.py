"""Runs that wait for an inbox: the question is in the ledger, and so is the answer.

The SDK keeps a call that waits in its `RunState`, and does not authenticate it. So the
state says no more than that a call is to be made again. Whether somebody has approved
it, and whether a call has used that up, is looked up in the ledger when it is made.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from agents import Agent, AgentsException, FunctionTool, RunContextWrapper, RunState
from agents.items import ToolApprovalItem

from remit.acting import acting_for
from remit.adapters.openai_agents.current import (
    RequestOf,
    application_says,
    take_turn,
    whose_turn,
)
from remit.call import consult
from remit.errors import Blocked, Pending
from remit.guard import Guard
from remit.model import ApprovalRequest


def attach_inbox(tool: FunctionTool, guard: Guard, request_of: RequestOf) -> None:
    """Have *tool* interrupt the run while a call waits for people in the guard's inbox."""
    needs_approval, is_enabled = tool.needs_approval, tool.is_enabled

    async def needs(context: RunContextWrapper[Any], given: dict[str, Any], call: str) -> bool:
        with acting_for(whose_turn(context)):
            try:
                decision = await consult(request_of(given), guard.async_ports)
            except Pending:
                return True
            except (Blocked, ValueError, AgentsException):
                # The call itself will meet the same trouble, and say so.
                return await application_says(needs_approval, context, given, call)
        return decision.allowed and await application_says(needs_approval, context, given, call)

    async def enabled(context: RunContextWrapper[Any], agent: Any) -> bool:
        # The SDK names the agent here, and not when it asks whether a call needs approval.
        take_turn(context, agent.name)
        return await application_says(is_enabled, context, agent)

    tool.needs_approval, tool.is_enabled = needs, enabled


async def go_on(state: RunState[Any, Any], guard: Guard) -> tuple[ApprovalRequest, ...]:
    """Let the calls that wait for nobody any more be made when *state* is run.

    Call it inside the same `acting_as` as the run. What the application has said to the
    state itself stays said.

    Returns:
        The questions that still wait, to be answered at a `Desk`.

    Raises:
        TypeError: the guard has no inbox, or does not govern a tool that waits.
    """
    if guard.ports.inbox is None:
        raise TypeError("this guard has no inbox in which a call could wait")
    questions: list[ApprovalRequest] = []
    for item in state.get_interruptions():
        request_of = await _request_of(item, state, guard)
        if request_of is None:
            continue
        question = await _question(item, request_of, state, guard)
        if question is not None:
            questions.append(question)
        elif _unanswered(item, state):
            state.approve(item)
    return tuple(questions)


async def _request_of(
    item: ToolApprovalItem, state: RunState[Any, Any], guard: Guard
) -> RequestOf | None:
    """How the call that waits becomes a request; none for a tool that nobody governs."""
    agent = item.agent
    assert isinstance(agent, Agent)
    for tool in await agent.get_all_tools(_context(state)):
        if not isinstance(tool, FunctionTool) or tool.qualified_name != item.qualified_name:
            continue
        governor = getattr(tool.on_invoke_tool, "guard", None)
        if governor is None:
            return None
        if governor is guard:
            request_of: RequestOf = tool.on_invoke_tool.request_of  # type: ignore[attr-defined]
            return request_of
    called = f"{agent.name!r} has no tool {item.qualified_name!r}"
    raise TypeError(f"agent {called} that this guard governs")


async def _question(
    item: ToolApprovalItem, request_of: RequestOf, state: RunState[Any, Any], guard: Guard
) -> ApprovalRequest | None:
    """What a call waits for; none if it would be decided on now, either way."""
    path = _path(state._current_agent, item.agent) or [item.agent.name]  # noqa: SLF001 - the SDK shows it nowhere else
    with ExitStack() as acting:
        for name in path:
            acting.enter_context(acting_for(name))
        try:
            await consult(request_of(json.loads(item.arguments or "{}")), guard.async_ports)
        except Pending as pending:
            return pending.approval_request
        except (Blocked, ValueError, AgentsException):
            return None
    return None


def _path(start: Any, target: Any) -> list[str]:
    """The agents from *start* to *target*, each used as a tool by the one before."""
    if start is target:
        return [target.name]
    for tool in getattr(start, "tools", ()):
        below = _path(getattr(tool, "_agent_instance", None), target)
        if below:
            return [start.name, *below]
    return []


def _context(state: RunState[Any, Any]) -> RunContextWrapper[Any]:
    context = state._context  # noqa: SLF001 - the SDK shows it nowhere else
    return RunContextWrapper(None) if context is None else context


def _unanswered(item: ToolApprovalItem, state: RunState[Any, Any]) -> bool:
    """Whether the application has said nothing of this call to the state."""
    status = _context(state).get_approval_status(
        item.tool_name or "",
        item.call_id or "",
        tool_namespace=item.tool_namespace,
        existing_pending=item,
        current_invocation=item,
    )
    return status is None
