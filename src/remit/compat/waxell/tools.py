"""`tool`: a function whose every call is governed, in a run and outside of one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, overload

from remit.compat.waxell.guarding import guard
from remit.compat.waxell.running import here
from remit.default import protect
from remit.guard import Guard
from remit.model import Resource

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
        governed = protect(action=action, resource=resource, opaque=opaque, guard=_guard_here)
        return governed(target)

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


def _guard_here() -> Guard:
    """The guard of the run under way, which asks whom the run asks."""
    context = here.get()
    return guard() if context is None else context.running.guard
