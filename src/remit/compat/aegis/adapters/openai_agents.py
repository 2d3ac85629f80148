"""`governed_tool`: a function that an agent of the OpenAI Agents SDK can be given as it is.

    @governed_tool(runtime=runtime, action_type="search", action_target="web")
    async def web_search(query: str) -> str: ...

    Agent(tools=[web_search])           or, from Python:           await web_search("news")

Where the SDK is not installed, it is a coroutine function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from remit import acting_for
from remit.compat.aegis.adapters.governed import GovernedFunction, is_method, plain
from remit.compat.aegis.runtime.engine import Runtime

try:
    from agents import FunctionTool, RunContextWrapper, UserError, function_tool
    from agents.tool_context import ToolContext
except ImportError:  # the SDK is an extra, and the decorator does without it
    _CONTEXTS: tuple[type, ...] = ()
else:
    _CONTEXTS = (RunContextWrapper,)

    from dataclasses import fields

    class AegisTool(FunctionTool):
        """A function tool that is also a coroutine function. Both are governed, and tell a text.

        It looks like a function to `inspect`, so that `function_tool` can be put around it.
        """

        governed: Callable[..., Any]

        async def __call__(self, *args: Any, **kwargs: Any) -> str:
            """Call the function."""
            text: str = await self.governed(*args, **kwargs)
            return text

        def __get__(self, owner: Any, kind: type | None = None) -> Any:
            """As of a function: a method, where it is looked up in an object."""
            return self if owner is None else partial(self, owner)


_LIKE_A_FUNCTION = (
    "__name__", "__qualname__", "__doc__", "__module__", "__annotations__",
    "__code__", "__defaults__", "__kwdefaults__",
)  # fmt: skip


def governed_tool(
    *,
    runtime: Runtime,
    action_type: str,
    action_target: str = "default",
    description: str | None = None,
    opaque: Collection[str | type] = (),
) -> Callable[[Any], Any]:
    """Decorate a function: a runtime governs every call of it.

    What the function is given are the arguments that were decided on. What it returns is told
    as text; so is that it did not run, and why, and what it raises.

    Args:
        runtime: governs it.
        action_type: how policies know it.
        action_target: what it acts on.
        description: what it does; none means the function's own documentation.
        opaque: names or types of arguments that are no data; policy sees their type.

    Raises:
        TypeError: it is no function, or a generator.
    """

    def decorate(function: Any) -> Any:
        hidden = (*opaque, *_CONTEXTS)
        governed = GovernedFunction(
            function, runtime, action_type, action_target, description, hidden
        )
        call = plain(governed)
        # A method is bound to its owner, which a tool of the SDK is not.
        if not _CONTEXTS or is_method(function):
            return call
        return _tool(call, governed)

    return decorate


def _tool(call: Callable[..., Any], governed: GovernedFunction) -> Any:
    made = _made(call)
    invoke = made.on_invoke_tool

    async def invoked(context: ToolContext[Any], arguments: str) -> Any:
        agent = getattr(context, "agent", None)
        with acting_for(agent.name if agent else None):
            return await invoke(context, arguments)

    parts = {each.name: getattr(made, each.name) for each in fields(made) if each.init}
    tool = AegisTool(**{**parts, "on_invoke_tool": invoked})
    tool.governed = call
    vars(tool).update({name: getattr(call, name) for name in _LIKE_A_FUNCTION})
    vars(tool).update(
        __signature__=inspect.signature(governed.function),
        __wrapped__=governed.function,
        __remit__=governed.protected.__remit__,
    )
    return tool


def _made(call: Callable[..., Any]) -> FunctionTool:
    """*call* as a tool, with a strict schema if its parameters have one."""
    try:
        return function_tool(call)
    except UserError:
        return function_tool(call, strict_mode=False)
