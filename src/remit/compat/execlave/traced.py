"""A function every execution of which is a trace, whatever its form.

A coroutine is traced until it ends, and a generator from its first item to its last, as part
of its trace while its body runs and not while its caller's does.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from remit.compat.execlave.control_plane import subject
from remit.compat.execlave.facts import SUCCESS, UNCHANGEABLE, Gather, arguments, ended_by, kept
from remit.compat.execlave.unseen import UnseenRun

if TYPE_CHECKING:
    from remit.compat.execlave.trace import Trace

F = TypeVar("F", bound=Callable[..., Any])
Told: TypeAlias = dict[str, Any]

ITEMS = 1000
"""Items of a generator that are recorded as its output."""


def traced(function: F, trace: Trace) -> F:
    """*function*, every execution of which is a run like that of *trace*."""
    executions = Executions(trace, _gathering(function))
    if inspect.isasyncgenfunction(function):
        form = _agenerating(function, executions)
    elif inspect.isgeneratorfunction(function):
        form = _generating(function, executions)
    elif inspect.iscoroutinefunction(function):
        form = _asynchronous(function, executions)
    else:
        form = _synchronous(function, executions)
    governed: Any = wraps(function)(form)
    return governed  # type: ignore[no-any-return]


class Executions:
    """Begins and ends those of one function. Between the two, each is a run and what is told."""

    def __init__(self, trace: Trace, gather: Gather) -> None:
        self._trace = trace
        self._gather = gather
        self._who = subject(trace.agent_id)

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[UnseenRun, Told]:
        """One that begins now.

        Raises:
            AgentPausedError: the agent is paused.
        """
        run = self._trace.execution(self._who)
        return run, arguments(self._gather, args, kwargs)

    def returned(self, run: UnseenRun, told: Told, value: Any) -> None:
        """It came to *value*."""
        told["output"] = kept(value)
        self._trace.over(run, told, SUCCESS)

    def raised(self, run: UnseenRun, told: Told, error: BaseException) -> None:
        """It did not come to its end."""
        self._trace.over(run, told, ended_by(error))


def _gathering(function: Any) -> Gather:
    """How the arguments of a call of *function* come to have names; a `TypeError` if they cannot.

    That is found out when it is decorated: to look at a signature takes longer than many a call.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return lambda _args, _kwargs: {}
    parameters = signature.parameters.values()
    names = tuple(signature.parameters)
    usual = all(each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)
    needed = frozenset(each.name for each in parameters if each.default is each.empty)

    def gather(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if usual and len(args) <= len(names) and not kwargs:
            given = dict(zip(names, args, strict=False))
            if needed <= given.keys():
                return given
        return dict(signature.bind(*args, **kwargs).arguments)

    return gather


def _synchronous(function: Any, executions: Executions) -> Any:
    begin, returned = executions.begin, executions.returned

    def execute(*args: Any, **kwargs: Any) -> Any:
        run, told = begin(args, kwargs)
        try:
            with run.active():
                value = function(*args, **kwargs)
        except BaseException as error:
            executions.raised(run, told, error)
            raise
        if type(value) not in UNCHANGEABLE and inspect.isawaitable(value):
            return _awaited(value, executions, run, told)
        returned(run, told, value)
        return value

    return execute


async def _awaited(value: Any, executions: Executions, run: UnseenRun, told: Told) -> Any:
    """What a function that does not look asynchronous gave, and its trace when that has ended."""
    try:
        with run.active():
            result = await value
    except BaseException as error:
        executions.raised(run, told, error)
        raise
    executions.returned(run, told, result)
    return result


def _asynchronous(function: Any, executions: Executions) -> Any:
    async def execute(*args: Any, **kwargs: Any) -> Any:
        run, told = executions.begin(args, kwargs)
        try:
            with run.active():
                value = await function(*args, **kwargs)
        except BaseException as error:
            executions.raised(run, told, error)
            raise
        executions.returned(run, told, value)
        return value

    return execute


def _generating(function: Any, executions: Executions) -> Any:
    def execute(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        (run, told), items = executions.begin(args, kwargs), list[Any]()
        generator = function(*args, **kwargs)
        advance: Callable[[], Any] = partial(next, generator)
        try:
            while True:
                with run.active():
                    try:
                        item = advance()
                    except StopIteration as end:
                        value = end.value
                        break
                _keep(items, item)
                try:
                    sent = yield item
                except GeneratorExit:
                    with run.active():
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in, for the generator
                    advance = partial(generator.throw, error)
                else:
                    advance = partial(generator.send, sent)
        except GeneratorExit:
            executions.returned(run, told, items)
            raise
        except BaseException as error:
            executions.raised(run, {**told, "output": kept(items)}, error)
            raise
        executions.returned(run, told, items)
        return value

    return execute


def _agenerating(function: Any, executions: Executions) -> Any:
    async def execute(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        (run, told), items = executions.begin(args, kwargs), list[Any]()
        generator = function(*args, **kwargs)
        advance: Callable[[], Any] = partial(anext, generator)
        try:
            while True:
                with run.active():
                    item = await advance()
                _keep(items, item)
                try:
                    sent = yield item
                except Exception as error:  # noqa: BLE001 - thrown in, for the generator
                    advance = partial(generator.athrow, error)
                else:
                    advance = partial(generator.asend, sent)
        except StopAsyncIteration:
            executions.returned(run, told, items)
        except GeneratorExit:
            with run.active():
                await generator.aclose()
            executions.returned(run, told, items)
            raise
        except BaseException as error:
            executions.raised(run, {**told, "output": kept(items)}, error)
            raise

    return execute


def _keep(items: list[Any], item: Any) -> None:
    if len(items) < ITEMS:
        items.append(item)
