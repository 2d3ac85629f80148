"""`observe`: a function whose every execution is a run."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Mapping
from contextlib import AbstractContextManager
from functools import partial, wraps
from typing import Any, TypeVar

from remit.canonical import Opaque
from remit.compat.waxell.approval import Handler
from remit.compat.waxell.context import WaxellContext
from remit.ports import Ports, finish

F = TypeVar("F", bound=Callable[..., Any])

INJECTED = "waxell_ctx"
"""The parameter that is given the context."""

NO_INPUT = {INJECTED, "self", "cls"}

WHO = frozenset({"session_id", "user_id", "user_group", "end_user_id"})
STRICTER = frozenset({"enforce_policy", "mid_execution_governance"})
OVERRIDES = WHO | STRICTER | {"on_policy_block", "workflow_name", "metadata"}
"""What a call may say of its run, if the function takes no argument of that name."""


def observe(
    agent_name: str | None = None,
    workflow_name: str = "default",
    enforce_policy: bool = True,
    capture_io: bool = True,
    session_id: str = "",
    user_id: str = "",
    user_group: str = "",
    end_user_id: str = "",
    client: object = None,
    mid_execution_governance: bool = False,
    auto_grounding: bool = False,
    on_policy_block: Handler | None = None,
    *,
    retries: int = 0,
    opaque: Collection[str | type] = (),
) -> Callable[[F], F]:
    """Decorate a function so that every execution of it is a run.

    Args:
        agent_name: who acts; none means the name of the function.
        workflow_name: what it is at.
        enforce_policy: whether policy is asked at the start and the end.
        capture_io: False: what goes in and comes out is never recorded. True: if `init` says so.
        session_id: the session, and
        user_id: the person, and
        user_group: their group, and
        end_user_id: the customer's customer: as in `WaxellContext`.
        client: not needed.
        mid_execution_governance: whether policy is asked at everything that is told.
        auto_grounding: not here.
        on_policy_block: who is asked where a check may be lifted.
        retries: how often the function may run again when its end is denied with advice, with
            that as its `feedback`, if it has a parameter of that name.
        opaque: names or types of arguments that are no data, and never redacted.

    Raises:
        TypeError: a generator is to be retried.
    """
    options = {
        "workflow_name": workflow_name,
        "enforce_policy": enforce_policy,
        "session_id": session_id,
        "user_id": user_id,
        "user_group": user_group,
        "end_user_id": end_user_id,
        "client": client,
        "mid_execution_governance": mid_execution_governance,
        "auto_grounding": auto_grounding,
        "on_policy_block": on_policy_block,
        "retries": retries,
        "capture": None if capture_io else False,
    }

    def decorate(function: Any) -> Any:
        agent = agent_name or function.__name__
        return _Observed(function, agent, options, Opaque.of(opaque)).governed()

    return decorate


waxell_agent = observe


class _Observed:
    """A function, and the forms in which it can be called."""

    def __init__(
        self, function: Any, agent: str, options: Mapping[str, Any], opaque: Opaque
    ) -> None:
        self.function = function
        self.opaque = opaque
        self.agent = agent
        self.options = dict(options)
        self.signature = inspect.signature(function)
        parameters = self.signature.parameters
        greedy = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        # A function that takes anything by name is not robbed of what it takes.
        self.overrides = frozenset() if greedy else OVERRIDES - set(parameters)
        if options["retries"] and self.generates():
            name = function.__name__
            raise TypeError(f"{name} is a generator, and what it gave cannot be taken back")

    def generates(self) -> bool:
        function = self.function
        return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

    def governed(self) -> Any:
        function = self.function
        if inspect.isasyncgenfunction(function):
            return wraps(function)(self._agenerating())
        if inspect.isgeneratorfunction(function):
            return wraps(function)(self._generating())
        if not inspect.iscoroutinefunction(function):

            @wraps(function)
            def observed(*args: Any, **kwargs: Any) -> Any:
                call = _Call(self, args, kwargs)
                with call.active():
                    return finish(call.drive(call.running.run.guard.ports))

            return observed

        @wraps(function)
        async def aobserved(*args: Any, **kwargs: Any) -> Any:
            call = _Call(self, args, kwargs)
            with call.active():
                return await call.drive(call.running.run.guard.async_ports)

        return aobserved

    def _generating(self) -> Any:
        def observed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = _Call(self, args, kwargs)
            running, ports = call.running, call.running.run.guard.ports
            with call.active():
                finish(call.context.begin(ports))
            try:
                value = yield from running.run.steps(call.function(), call.active)
                with call.active():
                    finish(running.again(value, ports))
            except GeneratorExit:
                finish(running.ended())
                raise
            except BaseException as error:
                finish(running.failed(error))
                raise
            finish(running.ended(value))
            return value

        return observed

    def _agenerating(self) -> Any:
        async def observed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            call = _Call(self, args, kwargs)
            running, ports = call.running, call.running.run.guard.async_ports
            with call.active():
                await call.context.begin(ports)
            generator = call.function()
            advance = partial(anext, generator)
            try:
                while True:
                    try:
                        with call.active():
                            item = await advance()
                    except StopAsyncIteration:
                        break
                    try:
                        sent = yield item
                    except Exception as error:  # noqa: BLE001 - thrown in, for the generator
                        advance = partial(generator.athrow, error)
                    else:
                        advance = partial(generator.asend, sent)
                with call.active():
                    await running.again(None, ports)
            except GeneratorExit:
                with call.active():
                    await generator.aclose()
                await running.ended()
                raise
            except BaseException as error:
                await running.failed(error)
                raise
            await running.ended()

        return observed


class _Call:
    """One call of an observed function: its run, and what goes in."""

    def __init__(self, observed: _Observed, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.observed = observed
        said = {name: kwargs.pop(name) for name in observed.overrides & set(kwargs)}
        _refuse_looser(said, observed.options)
        self.bound = observed.signature.bind(*args, **kwargs)
        self.bound.apply_defaults()
        inputs = {
            name: given for name, given in self.bound.arguments.items() if name not in NO_INPUT
        }
        options = {**observed.options, **said}
        self.context = WaxellContext(observed.agent, inputs=inputs, **options)
        self.running = self.context.open(observed.opaque)

    def active(self) -> AbstractContextManager[None]:
        return self.running.active(self.context)

    def function(self) -> Any:
        """Call the function with what policy has left of its arguments."""
        given, inputs = self.bound.arguments, self.running.inputs
        given.update(inputs)
        parameters, feedback = self.observed.signature.parameters, self.running.run.feedback
        if INJECTED in parameters:
            given[INJECTED] = self.context
        if "feedback" in parameters and feedback:
            given["feedback"] = feedback
        return self.observed.function(*self.bound.args, **self.bound.kwargs)

    async def drive(self, ports: Ports) -> Any:
        """One run of the function, with as many attempts as it takes."""
        await self.context.begin(ports)
        try:
            with self.running.run.inside():
                value = await self.attempts(ports)
        except BaseException as error:
            await self.running.failed(error)
            raise
        await self.running.ended(value)
        return value

    async def attempts(self, ports: Ports) -> Any:
        while True:
            value = self.function()
            if hasattr(value, "__await__"):
                value = await value
            if not await self.running.again(value, ports):
                return value


def _refuse_looser(said: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Whoever calls may ask for more checks than the decorator, and not for fewer."""
    for name in STRICTER & set(said):
        if options[name] and not said[name]:
            raise TypeError(f"a call cannot say {name}=False where the decorator says True")
