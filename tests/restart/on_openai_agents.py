"""The OpenAI Agents SDK: what is kept is the text of its `RunState`."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import Agent, RunConfig, Runner, RunState, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call
from story import AMOUNT, Process

from remit.adapters.openai_agents import go_on, govern

QUIET = RunConfig(tracing_disabled=True)


def agent(process: Process, *turns: Any) -> Agent[Any]:
    model = ScriptedModel([*turns, [assistant_message("done")]])
    made = Agent(name="support", tools=[function_tool(process.refund)], model=model)
    return govern(made, process.guard)


def ask(process: Process, orders: list[str]) -> None:
    calls = [
        function_call("refund", {"order": order, "amount": AMOUNT}, call_id=f"call-{order}")
        for order in orders
    ]
    result = asyncio.run(Runner.run(agent(process, calls), "go", run_config=QUIET))
    assert len(result.interruptions) == len(orders)
    process.kept.write_text(result.to_state().to_string())


def resume(process: Process, orders: list[str]) -> None:
    async def once() -> None:
        resumed = agent(process)
        state = await RunState.from_string(resumed, process.kept.read_text())
        await go_on(state, process.guard)
        await Runner.run(resumed, state, run_config=QUIET)

    async def forged() -> None:
        resumed = agent(process)
        state = await RunState.from_string(resumed, process.kept.read_text())
        for item in state.get_interruptions():
            state.approve(item)
        await Runner.run(resumed, state, run_config=QUIET)

    for way in (once, once, forged) if process.times > 1 else (once,):
        asyncio.run(way())
