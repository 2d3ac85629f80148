"""From a function to a tool that is governed, and from any function tool to the same.

A tool made from a Python function is decided on with the arguments the function
gets: checked, converted and with defaults, as the SDK read them from the model's
JSON. Other tools, such as those of MCP servers, get JSON; they are decided on
with its values, and given those values.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Collection
from copy import copy
from dataclasses import fields
from functools import partial, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

import msgspec
from agents import FunctionTool, function_tool
from agents.function_schema import FuncSchema, function_schema
from agents.tool_context import ToolContext

from remit.acting import who_acts
from remit.adapters.openai_agents.current import RequestOf, calling
from remit.adapters.openai_agents.interruption import InterruptionApprover
from remit.adapters.openai_agents.refusal import pass_on, tell
from remit.adapters.openai_agents.waiting import attach_inbox
from remit.call import refuse
from remit.canonical import Opaque, freeze
from remit.guard import Guard
from remit.model import Action, Request, Resource
from remit.ports import Execute
from remit.protection import Protection

P = ParamSpec("P")
T = TypeVar("T")

Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]


class GovernedTool(FunctionTool, Generic[P, T]):
    """A function tool that is also the function it was made from. Both are governed."""

    function: Callable[P, T]
    __remit__: Protection

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function.

        Raises:
            Blocked: nothing ran. Only a model is told in words.
        """
        return self.function(*args, **kwargs)


def tool(
    guard: Guard,
    *,
    action: str | None = None,
    resource: Resource | str | None = None,
    opaque: Collection[str | type] = (),
    **options: Any,
) -> Callable[[Callable[P, T]], GovernedTool[P, T]]:
    """Decorate a function: an agent can be given it as a tool, and it can still be called.

    A first parameter that is a `RunContextWrapper` or `ToolContext` is the SDK's
    business: it passes through, and neither model nor policy sees it.

    Args:
        guard: decides every call, from a run or from Python.
        action: the name policy knows the tool by; none means the tool's own.
        resource: what it acts on, as for `Guard.protect`.
        opaque: arguments that are no data, as for `Guard.protect`.
        options: what the SDK's `function_tool` takes.

    Raises:
        TypeError: there is no guard, or another one governs the function.
    """
    if not isinstance(guard, Guard):
        raise TypeError(f"{guard!r} is no guard; write @tool(guard)")

    def decorate(function: Callable[P, T]) -> GovernedTool[P, T]:
        made = (
            function if isinstance(function, FunctionTool) else function_tool(function, **options)
        )
        governed = govern_tool(made, guard, action, resource, opaque)
        if not isinstance(governed, GovernedTool):
            raise TypeError(f"tool {made.name!r} was not made from a function; use govern()")
        return governed

    return decorate


def govern_tool(
    tool: FunctionTool,
    guard: Guard,
    action: str | None = None,
    resource: Resource | str | None = None,
    opaque: Collection[str | type] = (),
) -> FunctionTool:
    """*tool*, governed; the same object if *guard* governs it already.

    Raises:
        TypeError: another guard governs it.
    """
    invoke = tool.on_invoke_tool
    if isinstance(invoke, _Invoke):
        _same(invoke.guard, guard, tool.name)
        return tool
    name = action or tool.qualified_name
    function = getattr(tool, "__wrapped__", None)
    if function is None:
        return _of_json(tool, guard, name)
    return _of_function(
        tool, function, guard, action=name, resource=resource, opaque=Opaque.of(opaque)
    )


class _Invoke:
    """What the SDK calls in place of the tool."""

    def __init__(self, invoke: Invoke, guard: Guard, request_of: RequestOf) -> None:
        self.invoke = invoke
        self.guard = guard
        self.request_of = request_of

    async def __call__(self, context: ToolContext[Any], arguments: str) -> Any:
        approver = self.guard.ports.approver
        try:
            with calling(context):
                return await self.invoke(context, arguments)
        finally:
            if isinstance(approver, InterruptionApprover):
                approver.forget(context.tool_call_id)


def _of_function(
    tool: FunctionTool,
    function: Any,
    guard: Guard,
    *,
    action: str,
    resource: Resource | str | None,
    opaque: Opaque,
) -> FunctionTool:
    code = (
        function if inspect.isroutine(function) or inspect.isclass(function) else function.__call__
    )
    schema = function_schema(code, strict_json_schema=False)
    protection = getattr(code, "__remit__", None)
    direct = code
    if isinstance(protection, Protection):
        _same(protection.guard_of(), guard, tool.name)
    else:
        # The SDK's context takes the place of a method's owner: passed through, and no argument.
        protection = Protection(
            code,
            lambda: guard,
            action=action,
            resource=resource,
            opaque=opaque,
            method=schema.takes_context,
        )
        direct = update_wrapper(protection.governed(), code)
    # The SDK reads the model's JSON as it would for the function itself, and calls this.
    read = function_tool(
        update_wrapper(_for_the_model(protection, guard), code),
        name_override=tool.name,
        strict_mode=False,
    )
    parts = {field.name: getattr(tool, field.name) for field in fields(tool) if field.init}
    # Making the tool binds the SDK's handling of the function's exceptions to its options.
    governed: GovernedTool[..., Any] = GovernedTool(
        **{**parts, "on_invoke_tool": read.on_invoke_tool}
    )
    governed.function, governed.__remit__ = direct, protection
    return _finish(governed, governed.on_invoke_tool, guard, _request_of(protection, schema))


def _for_the_model(protection: Protection, guard: Guard) -> Callable[..., Awaitable[Any]]:
    asynchronous = inspect.iscoroutinefunction(protection.function)

    async def prepare(args: Any, kwargs: Any) -> tuple[Request, Execute[Any]]:
        request, execute = await protection.prepare(guard, guard.async_ports, args, kwargs)
        return request, execute if asynchronous else partial(asyncio.to_thread, execute)

    async def called(*args: Any, **kwargs: Any) -> Any:
        return await tell(prepare(args, kwargs), guard)

    return called


def _request_of(protection: Protection, schema: FuncSchema) -> RequestOf:
    def request_of(given: dict[str, Any]) -> Request:
        args, kwargs = schema.to_call_args(schema.params_pydantic_model(**given))
        return protection.request(*args, **kwargs)

    return request_of


def _of_json(tool: FunctionTool, guard: Guard, action: str) -> FunctionTool:
    invoke = tool.on_invoke_tool

    def request_of(given: dict[str, Any]) -> Request:
        return guard.stamp(who_acts().request(Action(action, freeze(given, guard.limits))))

    async def prepare(context: ToolContext[Any], text: str) -> tuple[Request, Execute[Any]]:
        try:
            request = request_of(_read_object(text))
        except ValueError as error:
            reason = f"these arguments cannot be decided on: {error}"
            raise await refuse(request_of({}), reason, guard.async_ports) from error
        # What was decided is what runs, however the model wrote it.
        decided = msgspec.json.encode(request.action.properties).decode()
        return request, partial(invoke, context, decided)

    async def called(context: ToolContext[Any], text: str) -> Any:
        return await tell(prepare(context, text), guard)

    # A copy keeps what the SDK knows of the tool: its MCP server, or the agent behind it.
    return _finish(copy(tool), called, guard, request_of)


def _finish(
    tool: FunctionTool, invoke: Invoke, guard: Guard, request_of: RequestOf
) -> FunctionTool:
    tool.on_invoke_tool = _Invoke(invoke, guard, request_of)
    if tool.output_json_schema is not None:
        tool.tool_output_guardrails = [pass_on, *(tool.tool_output_guardrails or ())]
    if isinstance(guard.ports.approver, InterruptionApprover):
        guard.ports.approver.attach(tool, guard, request_of)
    if guard.ports.inbox is not None:
        attach_inbox(tool, guard, request_of)
    return tool


def _read_object(text: str) -> dict[str, Any]:
    given = json.loads(text) if text else {}
    if not isinstance(given, dict):
        raise ValueError(f"they are a {type(given).__name__}, not an object")  # noqa: TRY004 - JSON
    return given


def _same(one: Guard, other: Guard, name: str) -> None:
    if one is not other:
        raise TypeError(f"tool {name!r} is governed by another guard already")
