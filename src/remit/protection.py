"""What `protect` makes of a function: the same function, governed."""

from __future__ import annotations

import inspect
import string
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar

from remit.binding import Binding
from remit.call import Call, begin, govern, refuse
from remit.canonical import NOTHING, Frozen, Opaque
from remit.deciding import amended, foresee
from remit.errors import Blocked, NotData
from remit.model import NO_RESOURCE, Action, Request, Resource
from remit.ports import Ports, Refused, finish

if TYPE_CHECKING:
    from remit.guard import Guard
    from remit.policy.tools import Tools

T = TypeVar("T")

Prepared: TypeAlias = tuple[Request, Callable[[], Any]]
"""What is decided on, and what then runs."""


class Protection:
    """How one function is governed."""

    def __init__(
        self,
        function: Callable[..., Any],
        guard_of: Callable[[], Guard],
        *,
        action: str | None,
        resource: Resource | str | None,
        opaque: Opaque,
        method: bool,
    ) -> None:
        self.function = function
        self.guard_of = guard_of
        self.action = action or _name(function)
        self.binding = Binding(function, opaque, method=method)
        self.resource_of = _resource_of(resource, self.binding)

    @classmethod
    def of(
        cls,
        target: Any,
        guard_of: Callable[[], Guard],
        *,
        action: str | None = None,
        resource: Resource | str | None = None,
        opaque: Opaque,
    ) -> Any:
        """*target*, governed, in the form in which it was given."""
        if isinstance(target, classmethod | staticmethod):
            inner = cls.of(
                target.__func__, guard_of, action=action, resource=resource, opaque=opaque
            )
            return type(target)(inner)
        if not callable(target):
            raise TypeError(f"{target!r} cannot be called, so there is nothing to protect")
        protection = cls(
            target,
            guard_of,
            action=action,
            resource=resource,
            opaque=opaque,
            method=_is_method(target),
        )
        governed = protection.governed()
        update_wrapper(governed, target)
        governed.__name__ = getattr(target, "__name__", protection.action)
        governed.__remit__ = protection
        return governed

    @property
    def tools(self) -> Tools:
        """The function as policies know it: the name of its action, and what that takes."""
        from remit.parameters import frozen_schema
        from remit.policy.tools import Tools

        return Tools.of({self.action: frozen_schema(self.function, self.binding)})

    @property
    def lazy(self) -> bool:
        """Whether calling the function only makes a generator."""
        code = _code(self.function)
        return inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code)

    def governed(self) -> Any:
        """The function to be called in place of the one protected."""
        code = _code(self.function)
        if inspect.isasyncgenfunction(code):
            return self.agenerating()
        if inspect.isgeneratorfunction(code):
            return self.generating()
        if inspect.iscoroutinefunction(code):
            return self.agoverned()

        def governed(*args: Any, **kwargs: Any) -> Any:
            guard = self.guard_of()
            return finish(self.run(guard, guard.ports, args, kwargs))

        return governed

    def agoverned(self) -> Any:
        """The same, for a coroutine function."""

        async def governed(*args: Any, **kwargs: Any) -> Any:
            guard = self.guard_of()
            return await self.run(guard, guard.async_ports, args, kwargs)

        return governed

    async def run(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """One governed call of the function."""
        made = self.prepared(guard, ports, args, kwargs)
        request, execute = made if isinstance(made, tuple) else await made
        return await govern(request, execute, ports, guard.refused)

    async def open(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Call, Any]:
        """Begin a governed call whose end somebody else records, and what it runs."""
        made = self.prepared(guard, ports, args, kwargs)
        request, execute = made if isinstance(made, tuple) else await made
        call = await begin(request, ports, refused=guard.refused)
        return call, call.discharged(execute)()

    def prepared(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Prepared | Coroutine[Any, Any, Prepared]:
        """What `bound` does; a refusal is told as the guard tells them."""
        made = self.bound(guard, ports, args, kwargs)
        if isinstance(made, tuple) or guard.refused is None:
            return made
        return self.told(made, guard.refused)

    async def told(self, made: Coroutine[Any, Any, T], refused: Refused) -> T:
        """*made*; a refusal is told by *refused*."""
        try:
            return await made
        except Blocked as refusal:
            raise refused(refusal, self.action) from refusal

    async def prepare(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Prepared:
        """The request that a call is, and what then runs."""
        made = self.bound(guard, ports, args, kwargs)
        return made if isinstance(made, tuple) else await made

    def bound(
        self, guard: Guard, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Prepared | Coroutine[Any, Any, Prepared]:
        """Freeze the arguments, once, for policy and for the function.

        At once, unless something has to be taken out of them, or they have to be refused.
        """
        owner, given = self.binding.gather(*args, **kwargs)
        try:
            made = self.made(guard, owner, given)
        except NotData as error:
            return self.no_data(guard, ports, error)
        return made if ports.amend is None else self.amended(guard, ports, made[0], owner, given)

    def made(self, guard: Guard, owner: Any, given: dict[str, Any]) -> Prepared:
        """The request of a call with the arguments *given*, and what then runs."""
        binding = self.binding
        frozen, values = binding.freeze(given, guard.limits, guard.opaque)
        return self.ask(guard, frozen), partial(binding.spread, self.function, owner, values)

    async def amended(
        self, guard: Guard, ports: Ports, request: Request, owner: Any, given: dict[str, Any]
    ) -> Prepared:
        """The same, without what a decision on *request* would want taken out of them."""
        decision = await foresee(request, ports)
        hidden = self.binding.hidden(given, guard.opaque)
        data = {name: value for name, value in given.items() if name not in hidden}
        try:
            return self.made(guard, owner, {**given, **amended(data, decision, ports)})
        except NotData as error:
            return await self.no_data(guard, ports, error)

    async def no_data(self, guard: Guard, ports: Ports, error: NotData) -> NoReturn:
        """Refuse a call with an argument that is no data, on record."""
        refusal = await refuse(self.ask(guard, NOTHING), f"argument {error}", ports)
        raise refusal from error

    def ask(self, guard: Guard, arguments: Frozen) -> Request:
        """The question whether this may be done."""
        action = Action(self.action, arguments)
        return guard.asks(action, self.resource_of(arguments), guard.clock())

    def request(self, *args: Any, **kwargs: Any) -> Request:
        """The request that a call with these arguments would make."""
        owner = () if self.binding.owner is None else (None,)
        _, given = self.binding.gather(*owner, *args, **kwargs)
        guard = self.guard_of()
        return self.ask(guard, self.binding.freeze(given, guard.limits, guard.opaque)[0])

    def generating(self) -> Any:
        """The same, for a generator function: the call lasts from the first item to the end."""

        def governed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            guard = self.guard_of()
            call, generator = finish(self.open(guard, guard.ports, args, kwargs))
            generator = call.steps(generator)
            try:
                value = yield from generator
            except GeneratorExit:
                finish(call.returned())
                raise
            except BaseException as error:
                finish(call.raised(error))
                raise
            finish(call.returned(value))
            return value

        return governed

    def agenerating(self) -> Any:
        """The same, for an asynchronous generator function."""

        async def governed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            guard = self.guard_of()
            call, generator = await self.open(guard, guard.async_ports, args, kwargs)
            generator = call.asteps(generator)
            try:
                item = await anext(generator)
                while True:
                    try:
                        sent = yield item
                    except Exception as error:  # noqa: BLE001 - thrown in by the caller, for the generator
                        item = await generator.athrow(error)
                    else:
                        item = await generator.asend(sent)
            except StopAsyncIteration:
                await call.returned()
            except GeneratorExit:
                await generator.aclose()
                await call.returned()
                raise
            except BaseException as error:
                await call.raised(error)
                raise

        return governed


def protection_of(function: Any) -> Protection:
    """How *function* is governed.

    Raises:
        TypeError: no guard protects it.
    """
    protection = getattr(function, "__remit__", None)
    if not isinstance(protection, Protection):
        raise TypeError(f"{function!r} is not protected by a guard")
    return protection


def _name(function: Any) -> str:
    inner = function.func if isinstance(function, partial) else function
    return getattr(inner, "__name__", None) or type(inner).__name__


def _code(function: Any) -> Any:
    """The function that says whether calling *function* gives a coroutine or a generator."""
    inner = function.func if isinstance(function, partial) else function
    if inspect.isroutine(inner) or isinstance(inner, type):
        return inner
    return type(inner).__call__


def _is_method(function: Any) -> bool:
    """Whether *function* is defined in a class body and will be given its owner first."""
    if (
        not inspect.isfunction(function)
        or "." not in function.__qualname__.rpartition("<locals>.")[2]
    ):
        return False
    first = next(iter(inspect.signature(function).parameters), "")
    return first in {"self", "cls"}


def _resource_of(
    resource: Resource | str | None, binding: Binding
) -> Callable[[Mapping[str, Any]], Resource]:
    if not isinstance(resource, str):
        fixed = resource or NO_RESOURCE
        return lambda _: fixed
    wanted = {name for _, name, _, _ in string.Formatter().parse(resource) if name is not None}
    known = {parameter.name for parameter in binding.parameters}
    if unknown := wanted - known:
        raise TypeError(f"resource names {sorted(unknown)}, but the parameters are {sorted(known)}")
    if not wanted:
        constant = Resource.parse(resource)
        return lambda _: constant
    kind, _, identity = resource.partition(":")
    return lambda arguments: Resource(kind, identity.format_map(arguments) if arguments else "")
