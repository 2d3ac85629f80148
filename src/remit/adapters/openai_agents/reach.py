"""An agent and all it can reach: its tools, its MCP servers' tools, the agents it can hand to."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, ClassVar, TypeVar, overload

from agents import Agent, AgentBase, FunctionTool, Handoff, RunContextWrapper, Tool

from remit.adapters.openai_agents.current import take_turn
from remit.adapters.openai_agents.interruption import InterruptionApprover
from remit.adapters.openai_agents.tools import govern_tool
from remit.guard import Guard

A = TypeVar("A", bound=Agent[Any])

_LOCAL = {"ApplyPatchTool", "ComputerTool", "CustomTool", "LocalShellTool", "ShellTool"}


@overload
def govern(what: A, guard: Guard) -> A: ...


@overload
def govern(what: Iterable[Tool], guard: Guard) -> list[Tool]: ...


def govern(what: Any, guard: Guard) -> Any:
    """Govern an agent, or tools that already exist.

    An agent is changed in place and returned, and so is every agent it can hand
    to or use as a tool, unless that one is governed already. Tools that its MCP
    servers offer later, and tools given to it later, are governed before a turn begins.

    Raises:
        TypeError: a tool runs where Remit cannot stand in front of it, or another
            guard governs it.
    """
    if not isinstance(what, Agent):
        return [_govern_one(tool, guard) for tool in what]
    if isinstance(what, _Governed):
        if what.remit_guard is not guard:
            raise TypeError(f"agent {what.name!r} is governed by another guard already")
    else:
        # The class, not the object, carries the guard: it survives `agent.clone()`.
        kind = type(what)
        shared = {"remit_guard": guard, "__module__": kind.__module__, "__doc__": kind.__doc__}
        what.__class__ = type(kind.__name__, (_Governed, kind), shared)
    _attach(what, guard)
    return what


class _Governed(AgentBase[Any]):
    """What a governed agent does before each turn."""

    remit_guard: ClassVar[Guard]

    async def get_all_tools(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        guard = self.remit_guard
        take_turn(run_context, self.name)
        if isinstance(approver := guard.ports.approver, InterruptionApprover):
            await approver.turn(run_context, self.name, guard)
        _attach(self, guard)
        # What MCP servers offer, and what a kind of agent adds by itself, is known only now.
        return govern(await super().get_all_tools(run_context), guard)


def _attach(agent: AgentBase[Any], guard: Guard) -> None:
    tools = govern(agent.tools, guard)
    if any(new is not old for new, old in zip(tools, agent.tools, strict=True)):
        agent.tools = tools
    for tool in tools:
        # An agent used as a tool is known to the SDK by this name only.
        _reach(getattr(tool, "_agent_instance", None), guard)
    if isinstance(agent, Agent):
        handoffs = [_govern_handoff(handoff, guard) for handoff in agent.handoffs]
        if any(new is not old for new, old in zip(handoffs, agent.handoffs, strict=True)):
            agent.handoffs = handoffs


def _reach(agent: Any, guard: Guard) -> None:
    if isinstance(agent, Agent) and not isinstance(agent, _Governed):
        govern(agent, guard)


class _HandTo:
    """Hands over to an agent that is governed, whichever the application chooses."""

    def __init__(self, handoff: Handoff[Any, Any], guard: Guard) -> None:
        self.choose = handoff.on_invoke_handoff
        self.guard = guard

    async def __call__(self, context: RunContextWrapper[Any], arguments: str) -> Any:
        agent = await self.choose(context, arguments)
        _reach(agent, self.guard)
        return agent


def _govern_handoff(handoff: Any, guard: Guard) -> Any:
    if isinstance(handoff, Agent):
        _reach(handoff, guard)
        return handoff
    # A run that is resumed may begin with the target, so it is governed before anybody hands over.
    target = getattr(handoff, "_agent_ref", None)
    _reach(target() if target else None, guard)
    if isinstance(handoff.on_invoke_handoff, _HandTo):
        return handoff
    governed = copy(handoff)
    governed.on_invoke_handoff = _HandTo(handoff, guard)
    return governed


def _govern_one(tool: Tool, guard: Guard) -> Tool:
    if isinstance(tool, FunctionTool):
        return govern_tool(tool, guard)
    kind = type(tool).__name__
    if kind in _LOCAL:
        raise TypeError(
            f"Remit does not govern a {kind}: write what the agent needs of it as a function tool"
        )
    raise TypeError(
        f"a {kind} runs at the model's provider, where nothing can be decided before it acts: "
        "leave it out, or offer the same as a function tool or through a local MCP server"
    )
