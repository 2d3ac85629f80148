"""A function that is governed by a runtime: it always answers with a text, as Aegis' do."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from remit.binding import Opaque
from remit.call import Ports
from remit.canonical import Frozen
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.result import Result, ResultStatus
from remit.compat.aegis.runtime.engine import Runtime
from remit.errors import Denied
from remit.model import Request
from remit.protection import Protection

Told: TypeAlias = Callable[..., Awaitable[str]]


class GovernedFunction(Protection):
    """How a runtime governs a function."""

    runtime: Runtime
    target: str
    description: str

    def ask(self, arguments: Frozen, ports: Ports) -> Request:
        """The question whether it may be called so, in the session of the runtime."""
        action = Action(
            self.action,
            self.target,
            arguments,
            self.description,
            self.runtime.agent_id,
        )
        return self.runtime.request(action, arguments, ports.clock())

    async def call(self, *args: Any, **kwargs: Any) -> str:
        """One governed call, and what comes of it, as text.

        Raises:
            TypeError: the function cannot be called so.
        """
        guard = self.runtime.guard
        try:
            request, execute = await self.prepare(guard, guard.async_ports, args, kwargs)
        except Denied as error:
            return f"[AEGIS BLOCKED] {error.decision.reason}"
        try:
            result = await self.runtime.tool_call(request, self._in_place(execute))
        except Exception as error:  # noqa: BLE001 - whoever calls a tool is told in words
            return f"[AEGIS ERROR] {error}"
        return told(result)

    def _in_place(self, execute: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
        """*execute*, without holding up the loop, and to its end."""

        async def run() -> Any:
            if _is_asynchronous(self.function):
                return await execute()
            value = await asyncio.to_thread(execute)
            while inspect.isawaitable(value):
                value = await value
            return value

        return run


def govern(  # noqa: PLR0917 - the parts of a governed function
    function: Any,
    runtime: Runtime,
    action: str,
    target: str,
    description: str | None,
    opaque: Opaque,
) -> GovernedFunction:
    """*function*, governed by *runtime*.

    Raises:
        TypeError: it is a generator, whose end nobody would know, or cannot be called.
    """
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called, so there is nothing to govern")
    made = GovernedFunction(
        function,
        lambda: runtime.guard,
        action=action,
        resource=None,
        opaque=opaque,
        method=_is_method(function),
    )
    if made.lazy:
        raise TypeError(f"{action!r} is a generator; a tool answers with one text")
    made.runtime, made.target = runtime, target
    name = getattr(function, "__name__", type(function).__name__)
    made.description = description or inspect.getdoc(function) or name
    return made


def plain(governed: GovernedFunction) -> Told:
    """A coroutine function that calls *governed*, and looks like what it is made from."""

    async def call(*args: Any, **kwargs: Any) -> str:
        return await governed.call(*args, **kwargs)

    function = governed.function
    code: Any = function.func if isinstance(function, functools.partial) else function
    if not (inspect.isroutine(code) or inspect.isclass(code)):
        code = code.__call__
    made = functools.update_wrapper(call, code)
    made.__name__ = getattr(function, "__name__", governed.action)
    made.__doc__ = getattr(function, "__doc__", None)
    vars(made).update(__signature__=governed.binding.signature, __remit__=governed)
    return made


def told(result: Result) -> str:
    """A result as whoever called a tool is told of it."""
    if result.ok:
        return str(result.data)
    sign = "DENIED" if result.status is ResultStatus.DENIED else "BLOCKED"
    error = result.error or ""
    known = error.startswith(("Blocked by ", "Denied by "))
    return f"[AEGIS {sign}] {f'Action {error[0].lower()}{error[1:]}' if known else error}"


def _is_asynchronous(function: Any) -> bool:
    inner = function.func if isinstance(function, functools.partial) else function
    if inspect.isroutine(inner) or isinstance(inner, type):
        return inspect.iscoroutinefunction(inner)
    return inspect.iscoroutinefunction(type(inner).__call__)


def _is_method(function: Any) -> bool:
    if not inspect.isfunction(function):
        return False
    inside = function.__qualname__.rpartition("<locals>.")[2]
    first = next(iter(inspect.signature(function).parameters), "")
    return "." in inside and first in {"self", "cls"}
