"""A toolset whose tools run only if a guard lets them."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired, ToolFailed
from pydantic_ai.tools import AgentDepsT
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset

from remit.acting import acting_for, who_acts
from remit.call import refuse
from remit.canonical import freeze_with_rebuild
from remit.errors import NotData
from remit.guard import Guard
from remit.model import Action, ApprovalRequest, Request
from remit.ports import Execute
from remit.refusals import Refusal, attempt


@dataclass
class GovernedToolset(WrapperToolset[AgentDepsT]):
    """*wrapped*, with a guard in front of each call.

    Policy sees the arguments as the tool gets them: checked, converted, with defaults.
    """

    guard: Guard

    async def get_tools(self, ctx: RunContext[AgentDepsT]) -> dict[str, ToolsetTool[AgentDepsT]]:
        """The tools that *wrapped* offers.

        Raises:
            TypeError: a guard protects the function of one, so that it would be decided on twice.
        """
        tools = await super().get_tools(ctx)
        for name, tool in tools.items():
            if hasattr(_function(tool), "__remit__"):
                raise TypeError(
                    f"tool {name!r} is made of a function that a guard protects already; "
                    "make it of the function itself"
                )
        return tools

    async def call_tool(
        self,
        name: str,
        tool_args: dict[str, Any],
        ctx: RunContext[AgentDepsT],
        tool: ToolsetTool[AgentDepsT],
    ) -> Any:
        """The value of the tool.

        Raises:
            ToolFailed: it did not run; the model is told why.
            ApprovalRequired: somebody has been asked, and the run waits for them.
        """
        call = super().call_tool

        def run(values: dict[str, Any]) -> Awaitable[Any]:
            return call(name, values, ctx, tool)

        async def prepare() -> tuple[Request, Execute[Any]]:
            try:
                frozen, rebuild = freeze_with_rebuild(tool_args, self.guard.limits)
            except NotData as error:
                reason = f"argument {error}"
                raise await refuse(self._ask(name, {}), reason, self.guard.async_ports) from error
            values = dict(frozen if rebuild is None else rebuild(frozen))
            return self._ask(name, frozen), lambda: run(values)

        with acting_for(ctx.agent.name if ctx.agent else None):
            value = await attempt(prepare(), self.guard.async_ports)
        if not isinstance(value, Refusal):
            return value
        if value.pending is not None and self.guard.ports.inbox is not None:
            raise ApprovalRequired(_shown(value.pending.approval_request)) from value.error
        raise ToolFailed(value.text) from value.error

    def _ask(self, name: str, args: Mapping[str, Any]) -> Request:
        return self.guard.stamp(who_acts().request(Action(name, args)))


def _function(tool: Any) -> Any:
    """The Python function that a tool was made of, if it was."""
    while (inner := getattr(tool, "source_tool", None)) is not None:
        tool = inner
    schema = getattr(getattr(tool, "call_func", None), "__self__", None)
    return getattr(schema, "function", None)


def _shown(question: ApprovalRequest) -> dict[str, Any]:
    """What whoever asked for the run sees of the question."""
    return {
        "approval": question.id,
        "reason": question.decision.reason,
        "rules": list(question.decision.rules),
        "approvers": list(question.terms.approvers),
        "args": msgspec.json.decode(msgspec.json.encode(question.request.action.properties)),
    }
