"""The hook that LangChain and LangGraph have around a tool call.

It puts a stand-in in the place of the tool, so that the decision is made where the tool
would run: after whatever other middleware has made of the arguments, and once for each
time that one runs the tool, wherever in the list of middleware this one is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeAlias

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import ToolMessage
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command, TracePolicy

from remit.adapters.langchain.pausing import Pause
from remit.adapters.langchain.tools import StandIn, refuse_unknown
from remit.guard import Guard
from remit.model import Subject
from remit.ports import finish

Result: TypeAlias = ToolMessage | Command[Any]
Said: TypeAlias = ModelResponse[Any]


class RemitMiddleware(AgentMiddleware[Any, Any, Any]):
    """Has a guard decide every tool call of an agent.

    Args:
        guard: decides. With an `Inbox` as its approver, a call that waits for people
            interrupts the graph.
        approver: in whose name a run is resumed, so that `Command(resume=...)` may carry their
            answer; or a function that says so at that moment. With none, only answers count that
            were given to the inbox.

    Raises:
        TypeError: there is no guard.
    """

    # What a tool is called with belongs to the ledger, which knows what to leave out.
    trace_policy: ClassVar[TracePolicy | None] = TracePolicy(process_inputs=lambda _: {})  # type: ignore[misc]

    def __init__(
        self, guard: Guard, *, approver: Subject | Callable[[], Subject] | None = None
    ) -> None:
        super().__init__()
        if not isinstance(guard, Guard):
            raise TypeError(f"{guard!r} is no guard; write RemitMiddleware(guard)")
        self.guard = guard
        self.pause = Pause(approver)

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]
    ) -> Result:
        """Govern one call."""
        if request.tool is None:
            return finish(refuse_unknown(request, self.guard, self.guard.ports))
        return handler(request.override(tool=self._stand_in(request)))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """Govern one call, on an event loop."""
        if request.tool is None:
            return await refuse_unknown(request, self.guard, self.guard.async_ports)
        return await handler(request.override(tool=self._stand_in(request)))

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Said]
    ) -> Said:
        """Let no model have a tool that nobody can stand in front of."""
        return handler(_without_provider_tools(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[Said]]
    ) -> Said:
        """The same, on an event loop."""
        return await handler(_without_provider_tools(request))

    def _stand_in(self, request: ToolCallRequest) -> Any:
        return StandIn(request, self.guard, self.pause)


def _without_provider_tools(request: ModelRequest[Any]) -> ModelRequest[Any]:
    for tool in request.tools:
        if isinstance(tool, dict):
            name = tool.get("type") or tool.get("name")
            raise TypeError(
                f"a {name} runs at the model's provider, where nothing can be decided before it "
                "acts: leave it out, or offer the same as a function"
            )
    return request
