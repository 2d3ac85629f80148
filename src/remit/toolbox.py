"""Tools by name, for loops that get names and JSON from a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar, overload

import msgspec

from remit.canonical import freeze
from remit.errors import NotData
from remit.guard import Guard
from remit.model import Action, Resource
from remit.parameters import Parameters
from remit.ports import Ports, finish
from remit.protection import protection_of

F = TypeVar("F", bound=Callable[..., Any])


class Toolbox:
    """Governed functions that can be called by name with JSON arguments.

    A name nobody registered is refused and recorded like any other denial.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.tools: dict[str, _Tool] = {}

    @overload
    def register(self, function: F, /) -> F: ...

    @overload
    def register(
        self,
        /,
        *,
        name: str | None = None,
        resource: Resource | str | None = None,
        opaque: Collection[str | type] = (),
    ) -> Callable[[F], F]: ...

    def register(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        resource: Resource | str | None = None,
        opaque: Collection[str | type] = (),
    ) -> Any:
        """Protect a function with the toolbox's guard and offer it by name.

        Raises:
            ValueError: the name is taken.
            TypeError: as `Guard.protect`.
        """

        def decorate(target: Any) -> Any:
            governed = self.guard.protect(action=name, resource=resource, opaque=opaque)(target)
            tool = _Tool(governed)
            if tool.name in self.tools:
                raise ValueError(f"a tool named {tool.name!r} is registered already")
            self.tools[tool.name] = tool
            return governed

        return decorate if function is None else decorate(function)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools, in the order in which they were registered."""
        return tuple(self.tools)

    def schemas(self) -> list[dict[str, Any]]:
        """What a model is told: name, description and JSON Schema (2020-12) of the arguments."""
        return [tool.describe() for tool in self.tools.values()]

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run the tool *name*, with JSON arguments converted to the types it declares.

        Raises:
            Denied: no such tool, arguments that do not fit, or policy says no.
            Blocked: as `Guard.call`.
        """
        return finish(self.run(name, arguments, self.guard.ports))

    async def acall(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Like `call`, for tools of either kind, on an event loop."""
        return await self.run(name, arguments, self.guard.async_ports)

    async def run(self, name: str, arguments: Mapping[str, Any], ports: Ports) -> Any:
        """One call by name, however it is driven."""
        tool = self.tools.get(name)
        if tool is None:
            raise await self.refuse(name, arguments, f"there is no tool {name!r}", ports)
        try:
            values = tool.convert(arguments)
        except (msgspec.ValidationError, ValueError, TypeError) as error:
            raise await self.refuse(tool.name, arguments, str(error), ports) from error
        if tool.lazy:
            return tool.governed(**values)
        return await tool.protection.run(self.guard, ports, (), values)

    async def refuse(
        self, name: str, arguments: Mapping[str, Any], reason: str, ports: Ports
    ) -> Exception:
        """Record that a call by name cannot even be put to policy."""
        try:
            frozen = freeze(dict(arguments), self.guard.limits)
        except NotData:
            frozen = {}
        asked = self.guard.stamp(self.guard.request(name))
        request = msgspec.structs.replace(asked, action=Action(name, frozen))
        return await self.guard.refuse(request, reason, ports)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tools)

    def __len__(self) -> int:
        return len(self.tools)


class _Tool:
    """A governed function, and what a model must know to call it."""

    def __init__(self, governed: Callable[..., Any]) -> None:
        self.governed = governed
        self.protection = protection_of(governed)
        self.lazy = self.protection.lazy
        """Whether calling it only makes a generator, which is decided on when it is advanced."""
        self.name = self.protection.action
        self.description = inspect.getdoc(self.protection.function) or ""
        self.parameters = Parameters.of(self.protection.function, self.protection.binding)
        known = self.parameters.named.items()
        self.required = tuple(name for name, each in known if each.default is each.empty)
        self.atoms = {
            name: kind for name, each in known for kind in _ATOMS if each.annotation is kind
        }

    def describe(self) -> dict[str, Any]:
        parameters = self.parameters.schema()
        return {"name": self.name, "description": self.description, "parameters": parameters}

    def convert(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """JSON arguments as values of the declared types; unknown and missing ones are refused."""
        named = self.parameters.named
        if arguments.keys() != named.keys():
            self.compare(arguments)
        atoms = self.atoms
        return {
            name: value
            if type(value) is atoms.get(name)
            else _convert(name, value, named[name].annotation if name in named else Any)
            for name, value in arguments.items()
        }

    def compare(self, arguments: Mapping[str, Any]) -> None:
        """See that *arguments* are those that the function takes.

        Raises:
            ValueError: one is unknown or missing.
        """
        named = self.parameters.named
        extra = arguments.keys() - named.keys()
        unknown = [] if self.parameters.open else [name for name in arguments if name in extra]
        missing = [name for name in self.required if name not in arguments]
        if unknown or missing:
            raise ValueError(_mismatch(self.name, unknown, missing, named))


_ATOMS = frozenset({str, int, float, bool})
"""Types of values that are what they are, and need no looking into."""


def _mismatch(
    tool: str, unknown: Collection[str], missing: Collection[str], named: Collection[str]
) -> str:
    faults = [f"has no argument {name!r}" for name in unknown]
    faults += [f"needs {name!r}" for name in missing]
    takes = ", ".join(repr(name) for name in named) or "none"
    return f"{tool} {' and '.join(faults)}; its arguments are {takes}"


def _convert(name: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, dec_hook=_pydantic_value)
    except msgspec.ValidationError as error:
        raise ValueError(f"argument {name!r}: {error}") from error


def _pydantic_value(kind: Any, value: Any) -> Any:
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    raise NotImplementedError
