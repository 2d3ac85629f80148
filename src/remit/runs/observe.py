"""A function whose every execution is a run.

    @remit.observe(agent="support", check=True, retries=2)
    def answer(question: str, feedback: str = "") -> str: ...

With `check`, policy is asked at the start, after each step, and at the end. Denied at the
start, nothing runs; denied after a step, the run stops there; denied at the end, the result
is withheld, or, where the denial says how to do better (`advice`), the function runs again
with that as its `feedback`, as often as `retries` says.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Collection, Generator
from functools import partial, wraps
from inspect import Parameter
from typing import Any, TypeVar, overload

from remit.canonical import Frozen
from remit.errors import Denied
from remit.guard import Guard
from remit.model import Session, Subject
from remit.ports import Approver, Inbox, Ports, finish
from remit.runs.observation import Given, Observation, Watch
from remit.runs.run import Moment, Run, frozen, told

F = TypeVar("F", bound=Callable[..., Any])


@overload
def observe(function: F, /) -> F: ...


@overload
def observe(
    *,
    agent: Subject | str | None = None,
    workflow: str = "",
    guard: Guard | None = None,
    check: bool | Collection[Moment] = False,
    capture: bool = False,
    retries: int = 0,
    on_block: Approver | Inbox | None = None,
    session: Session | None = None,
) -> Callable[[F], F]: ...


def observe(function: Any = None, /, **options: Any) -> Any:
    """Decorate a function so that every execution of it is a run.

    Args:
        function: what to observe, where the decorator is used without arguments. It may be
            asynchronous, a generator, or both.
        options: those of `run`; and `retries`, how often the function may run again with
            the `feedback` of a denied end.

    Raises:
        TypeError: a generator is to be retried, or there is no such option.
    """
    observation = Observation(**options)

    def decorate(target: Any) -> Any:
        return _Observed(target, observation).governed()

    return decorate if function is None else decorate(function)


class _Observed:
    """A function, and the forms in which it can be called."""

    def __init__(self, function: Any, observation: Observation) -> None:
        if not callable(function):
            raise TypeError(f"{function!r} cannot be called, so there is nothing to observe")
        self.function = function
        self.observation = observation
        self.name = getattr(function, "__name__", type(function).__name__)
        self.signature = inspect.signature(function)
        self.takes_feedback = "feedback" in self.signature.parameters
        if observation.retries and self.generates():
            raise TypeError(f"{self.name} is a generator, and what it gave cannot be taken back")

    def generates(self) -> bool:
        function = self.function
        return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

    def governed(self) -> Any:
        if inspect.isasyncgenfunction(self.function):
            return wraps(self.function)(self._agenerating())
        if inspect.isgeneratorfunction(self.function):
            return wraps(self.function)(self._generating())
        if inspect.iscoroutinefunction(self.function):
            return wraps(self.function)(self._asynchronous())
        return wraps(self.function)(self._synchronous())

    def _synchronous(self) -> Any:
        def observed(*args: Any, **kwargs: Any) -> Any:
            run = self.observation.run(self.name)
            return finish(self.drive(run, run.guard.ports, args, kwargs))

        return observed

    def _asynchronous(self) -> Any:
        async def observed(*args: Any, **kwargs: Any) -> Any:
            run = self.observation.run(self.name)
            return await self.drive(run, run.guard.async_ports, args, kwargs)

        return observed

    def given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Given:
        """What goes in, by the names of the parameters."""
        return lambda: {"input": self.arguments(args, kwargs)}

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frozen:
        """The same as data: one that is none hides itself, and not those beside it."""
        given = self.signature.bind(*args, **kwargs).arguments
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is Parameter.VAR_KEYWORD and name in given:
                given[name] = told(given[name])
            if parameter.kind is Parameter.VAR_POSITIONAL and name in given:
                given[name] = [frozen(each) for each in given[name]]
        return told(given)

    async def drive(
        self, run: Run, ports: Ports, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """One run of the function, with as many attempts as it takes."""
        with run.active():
            ports = self.observation.checking(ports)
            watch = await Watch.start(run, ports, self.given(args, kwargs))
            try:
                with run.inside(), watch.spending():
                    value = await self.attempts(run, watch, args, kwargs)
            except BaseException as error:
                await watch.raised(error)
                raise
            await watch.returned(value)
        return value

    async def attempts(
        self, run: Run, watch: Watch, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        while True:
            more = {"feedback": run.feedback} if self.takes_feedback and run.feedback else {}
            value = self.function(*args, **{**kwargs, **more})
            if hasattr(value, "__await__"):
                value = await value
            try:
                await watch.end({"output": value})
            except Denied as denied:
                if not denied.decision.advice or run.attempt > self.observation.retries:
                    raise
                run.again(f"{denied.decision.reason}: {denied.decision.advice}")
            else:
                return value

    def _generating(self) -> Any:
        def observed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            run = self.observation.run(self.name)
            ports = self.observation.checking(run.guard.ports)
            with run.active():
                watch = finish(Watch.start(run, ports, self.given(args, kwargs)))
            try:
                value = yield from run.steps(self.function(*args, **kwargs))
                with run.active():
                    finish(watch.end({"output": value}))
            except GeneratorExit:
                finish(watch.returned())
                raise
            except BaseException as error:
                finish(watch.raised(error))
                raise
            finish(watch.returned(value))
            return value

        return observed

    def _agenerating(self) -> Any:
        async def observed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            run = self.observation.run(self.name)
            ports = self.observation.checking(run.guard.async_ports)
            with run.active():
                watch = await Watch.start(run, ports, self.given(args, kwargs))
            generator = self.function(*args, **kwargs)
            advance = partial(anext, generator)
            try:
                while True:
                    with run.active():
                        item = await advance()
                    try:
                        sent = yield item
                    except Exception as error:  # noqa: BLE001 - thrown in, for the generator
                        advance = partial(generator.athrow, error)
                    else:
                        advance = partial(generator.asend, sent)
            except StopAsyncIteration:
                with run.active():
                    await watch.last({})
            except GeneratorExit:
                with run.active():
                    await generator.aclose()
                await watch.returned()
                raise
            except BaseException as error:
                await watch.raised(error)
                raise

        return observed
