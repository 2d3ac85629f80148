"""A function that is governed by a runtime: it always answers with a text, as Aegis' do."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeAlias

from remit import model
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.request import Asked
from remit.compat.aegis.core.result import ResultStatus
from remit.compat.aegis.runtime.engine import Runtime
from remit.compat.aegis.runtime.executing import Ended
from remit.default import protect
from remit.errors import Denied
from remit.guard import Guard

Told: TypeAlias = Callable[..., Awaitable[str]]


class GovernedFunction:
    """How a runtime governs a function.

    Raises:
        TypeError: it is a generator, whose end nobody would know, or cannot be called.
    """

    def __init__(  # noqa: PLR0917 - the parts of a governed function
        self,
        function: Any,
        runtime: Runtime,
        action: str,
        target: str,
        description: str | None,
        opaque: Collection[str | type],
    ) -> None:
        self.function = function
        self.runtime = runtime
        self._made: tuple[Guard, Guard] | None = None
        self.protected = protect(action=action, opaque=opaque, guard=self.guard)(function)
        code = _code(function)
        if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
            raise TypeError(f"{action!r} is a generator; a tool answers with one text")
        name = getattr(function, "__name__", type(function).__name__)
        told_as = description or inspect.getdoc(function) or name
        self.asked = Asked.of(Action(action, target, {}, told_as))
        self.asynchronous = inspect.iscoroutinefunction(code)

    def guard(self) -> Guard:
        """The guard of the runtime, which asks in its session."""
        guard = self.runtime.guard
        if self._made is None or self._made[0] is not guard:
            self._made = (guard, guard.replace(asks=self._asks))
        return self._made[1]

    def _asks(self, action: model.Action, _: model.Resource, at: int) -> model.Request:
        return self.runtime.request(self.asked, action, at)


def _in_place(execute: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """*execute*, without holding up the loop, and to its end."""

    async def run() -> Any:
        value = await asyncio.to_thread(execute)
        while inspect.isawaitable(value):
            value = await value
        return value

    return run


def plain(governed: GovernedFunction) -> Told:
    """A coroutine function that calls *governed*, and looks like what it is made from.

    What comes of a call it tells as text. It raises TypeError where the function cannot be
    called so.
    """

    async def call(*args: Any, **kwargs: Any) -> str:
        guard = governed.guard()
        ports = guard.async_ports
        try:
            request, execute = await guard.prepare(governed.protected, args, kwargs, ports)
        except Denied as error:
            return f"[AEGIS BLOCKED] {error.decision.reason}"
        try:
            run = execute if governed.asynchronous else _in_place(execute)
            ended = await governed.runtime.tool_call(request, run, guard)
        except Exception as error:  # noqa: BLE001 - whoever calls a tool is told in words
            return f"[AEGIS ERROR] {error}"
        return told(ended)

    made = functools.update_wrapper(call, _code(governed.function))
    made.__name__ = governed.protected.__name__
    made.__doc__ = getattr(governed.function, "__doc__", None)
    signature = inspect.signature(governed.function)
    vars(made).update(__signature__=signature, __remit__=governed.protected.__remit__)
    return made


def told(ended: Ended) -> str:
    """How it ended, as whoever called a tool is told of it."""
    status, error = ended.status, ended.error or ""
    if status is ResultStatus.SUCCESS:
        return str(ended.data)
    sign = "DENIED" if status is ResultStatus.DENIED else "BLOCKED"
    if error.startswith(("Blocked by ", "Denied by ")):
        return f"[AEGIS {sign}] Action {error[0].lower()}{error[1:]}"
    return f"[AEGIS {sign}] {error}"


def _code(function: Any) -> Any:
    """The function that says what *function* is like."""
    inner = function.func if isinstance(function, functools.partial) else function
    return inner if inspect.isroutine(inner) or inspect.isclass(inner) else type(inner).__call__


def is_method(function: Any) -> bool:
    """Whether *function* is defined in a class body and will be given its owner first."""
    if not inspect.isfunction(function):
        return False
    inside = function.__qualname__.rpartition("<locals>.")[2]
    first = next(iter(inspect.signature(function).parameters), "")
    return "." in inside and first in {"self", "cls"}
