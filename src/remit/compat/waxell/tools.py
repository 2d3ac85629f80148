"""`tool`: a function whose every call is governed, in a run and outside of one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar, overload

from remit.binding import Opaque
from remit.call import Call, begin, foresee, govern
from remit.compat.waxell.running import here
from remit.compat.waxell.scrub import redacting, redactions, without
from remit.compat.waxell.verdicts import violation
from remit.default import recording_guard
from remit.driver import Ports
from remit.errors import Blocked
from remit.guard import Guard
from remit.model import Request, Resource
from remit.protection import Protection

F = TypeVar("F", bound=Callable[..., Any])


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    name: str | None = None, tool_type: str = "function", *, opaque: Collection[str | type] = ()
) -> Callable[[F], F]: ...


def tool(
    name: Any = None, tool_type: str = "function", *, opaque: Collection[str | type] = ()
) -> Any:
    """Decorate a tool, so that every call of it is governed.

    Args:
        name: the action policy knows it by; none means the function's own.
        tool_type: policy sees it as the resource, `tool:database`.
        opaque: names or types of arguments that are no data; others are refused.
    """

    def decorate(target: Any) -> Any:
        resource, action = Resource("tool", tool_type), None if callable(name) else name
        return Tool.of(
            target, recording_guard, action=action, resource=resource, opaque=Opaque.of(opaque)
        )

    return decorate(name) if callable(name) else decorate


def gate_tool(tool_name: str, tool_args: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Have a tool that is called elsewhere decided on; what is left of its arguments.

    It is recorded as started and ended: whoever calls the tool can call it now, and once.

    Raises:
        PolicyViolationError: it may not be called.
    """
    gated = tool(tool_name)(_passed)
    passed: dict[str, Any] = gated(**dict(tool_args or {}))
    return passed


def _passed(**given: Any) -> dict[str, Any]:
    return given


class Tool(Protection):
    """How a tool is governed: refused in the facade's words, redacted before it is decided on."""

    async def run(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """One governed call of the tool."""
        ran = False
        ports = _asking(ports)
        try:
            request, execute = await self.prepare(guard, ports, args, kwargs)

            def running() -> Any:
                nonlocal ran
                ran = True
                return execute()

            return await govern(request, running, redacting(ports, request.action.properties))
        except Blocked as error:
            if ran:
                raise
            raise violation(error, self.action) from error

    async def open(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Call, Any]:
        """Begin a governed call of a tool that generates."""
        ports = _asking(ports)
        try:
            request, execute = await self.prepare(guard, ports, args, kwargs)
            call = await begin(request, redacting(ports, request.action.properties))
        except Blocked as error:
            raise violation(error, self.action) from error
        return call, call.discharged(execute)()

    async def prepare(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Request, Callable[[], Any]]:
        """Freeze the arguments, without what policy wants taken out of them, however given."""
        request, execute = await super().prepare(guard, ports, args, kwargs)
        duties = redactions(await foresee(request, ports))
        if not duties:
            return request, execute
        owner, given = self.binding.gather(*args, **kwargs)
        cleaned = without(given, duties, self.binding.opaque | guard.opaque)
        arguments = self.binding.freeze(cleaned, guard.limits, guard.opaque)
        execute = partial(self.binding.spread, self.function, owner, arguments.values)
        return self.ask(arguments.frozen, ports), execute


def _asking(ports: Ports) -> Ports:
    """*ports*, with who is asked in the run under way."""
    context = here.get()
    return ports if context is None else context.running.ports(ports)
