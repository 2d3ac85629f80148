"""A refusal as the result of a tool, where the SDK expects one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from agents import ToolGuardrailFunctionOutput, ToolOutputGuardrailData, tool_output_guardrail

from remit.guard import Guard
from remit.model import Request
from remit.ports import Execute
from remit.refusals import Refusal, attempt


async def tell(prepared: Awaitable[tuple[Request, Execute[Any]]], guard: Guard) -> Any:
    """The value of a governed call, or a text that tells the model why there is none."""
    value = await attempt(prepared, guard.async_ports)
    return _Text(value.text) if isinstance(value, Refusal) else value


class _Text(str):
    """What the model is told, to be told from any text that a tool returns."""

    __slots__ = ()


@tool_output_guardrail
def pass_on(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
    """Let a refusal by where the SDK expects what a tool's output schema promises."""
    if isinstance(data.output, _Text):
        return ToolGuardrailFunctionOutput.reject_content(str(data.output))
    return ToolGuardrailFunctionOutput.allow()
