"""Pydantic AI: what is kept is its messages."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from story import AMOUNT, Process

from remit.adapters.pydantic_ai import Remit


def agent(process: Process, *turns: Any) -> Agent[Any, Any]:
    steps = iter(turns)

    def say(messages: Any, info: Any) -> ModelResponse:
        return ModelResponse(parts=next(steps, [TextPart("done")]))

    return Agent(
        FunctionModel(say), name="support", tools=[process.refund],
        capabilities=[Remit(process.guard)], output_type=[str, DeferredToolRequests],
    )  # fmt: skip


def ask(process: Process, orders: list[str]) -> None:
    calls = [
        ToolCallPart("refund", {"order": order, "amount": AMOUNT}, tool_call_id=f"call-{order}")
        for order in orders
    ]
    result = asyncio.run(agent(process, calls).run("go"))
    assert len(result.output.approvals) == len(orders)
    process.kept.write_bytes(result.all_messages_json())


def resume(process: Process, orders: list[str]) -> None:
    for _ in range(process.times):
        history = ModelMessagesTypeAdapter.validate_json(process.kept.read_bytes())
        waiting = orders
        while waiting:
            results = DeferredToolResults(approvals={f"call-{order}": True for order in waiting})
            going_on = agent(process).run(message_history=history, deferred_tool_results=results)
            result = asyncio.run(going_on)
            before, history = waiting, result.all_messages()
            deferred = isinstance(result.output, DeferredToolRequests)
            calls = result.output.approvals if deferred else []
            waiting = [call.tool_call_id.removeprefix("call-") for call in calls]
            if waiting == before:
                break
