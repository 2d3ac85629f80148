"""A function every execution of which is a trace, whatever its form.

A coroutine is traced until it ends, and a generator from its first item to its last, as part
of its trace while its body runs and not while its caller's does.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from remit.compat.execlave.trace import Trace

F = TypeVar("F", bound=Callable[..., Any])
Make = Callable[[str], "Trace"]

ITEMS = 1000
"""Items of a generator that are recorded as its output."""


def traced(function: F, make: Make) -> F:
    """*function*, with a trace of *make* around every execution."""
    name = getattr(function, "__name__", type(function).__name__)
    new = partial(_begun, function, partial(make, name))
    if inspect.isasyncgenfunction(function):
        form = _agenerating(function, new)
    elif inspect.isgeneratorfunction(function):
        form = _generating(function, new)
    elif inspect.iscoroutinefunction(function):
        form = _asynchronous(function, new)
    else:
        form = _synchronous(function, new)
    governed: Any = wraps(function)(form)
    return governed  # type: ignore[no-any-return]


def _begun(function: Any, make: Callable[[], Trace], args: Any, kwargs: Any) -> Trace:
    trace = make().begin()
    try:
        given = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):
        return trace
    given.pop("self", None)
    return trace.set_input(given) if given else trace


def _synchronous(function: Any, new: Any) -> Any:
    def run(*args: Any, **kwargs: Any) -> Any:
        trace = new(args, kwargs)
        try:
            with trace.run.active():
                value = function(*args, **kwargs)
        except BaseException as error:
            trace.ended(error)
            raise
        if inspect.isawaitable(value):
            return _awaited(value, trace)
        trace.set_output(value).finish()
        return value

    return run


async def _awaited(value: Any, trace: Trace) -> Any:
    """What a function that does not look asynchronous gave, and its trace when that has ended."""
    with trace:
        result = await value
        trace.set_output(result)
    return result


def _asynchronous(function: Any, new: Any) -> Any:
    async def run(*args: Any, **kwargs: Any) -> Any:
        with new(args, kwargs) as trace:
            value = await function(*args, **kwargs)
            trace.set_output(value)
        return value

    return run


def _generating(function: Any, new: Any) -> Any:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        trace, items = new(args, kwargs), list[Any]()
        generator = function(*args, **kwargs)
        advance: Callable[[], Any] = partial(next, generator)
        try:
            while True:
                with trace.run.active():
                    try:
                        item = advance()
                    except StopIteration as end:
                        value = end.value
                        break
                _keep(items, item)
                try:
                    sent = yield item
                except GeneratorExit:
                    with trace.run.active():
                        generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in, for the generator
                    advance = partial(generator.throw, error)
                else:
                    advance = partial(generator.send, sent)
        except GeneratorExit:
            trace.set_output(items).finish()
            raise
        except BaseException as error:
            trace.set_output(items).ended(error)
            raise
        trace.set_output(items).finish()
        return value

    return run


def _agenerating(function: Any, new: Any) -> Any:
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        trace, items = new(args, kwargs), list[Any]()
        generator = function(*args, **kwargs)
        advance: Callable[[], Any] = partial(anext, generator)
        try:
            while True:
                with trace.run.active():
                    item = await advance()
                _keep(items, item)
                try:
                    sent = yield item
                except Exception as error:  # noqa: BLE001 - thrown in, for the generator
                    advance = partial(generator.athrow, error)
                else:
                    advance = partial(generator.asend, sent)
        except StopAsyncIteration:
            trace.set_output(items).finish()
        except GeneratorExit:
            with trace.run.active():
                await generator.aclose()
            trace.set_output(items).finish()
            raise
        except BaseException as error:
            trace.set_output(items).ended(error)
            raise

    return run


def _keep(items: list[Any], item: Any) -> None:
    if len(items) < ITEMS:
        items.append(item)
