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
Gather = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]

ITEMS = 1000
"""Items of a generator that are recorded as its output."""


def traced(function: F, make: Make) -> F:
    """*function*, with a trace of *make* around every execution."""
    name = getattr(function, "__name__", type(function).__name__)
    new = partial(_begun, _gathering(function), partial(make, name))
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


def _begun(gather: Gather, make: Callable[[], Trace], args: Any, kwargs: Any) -> Trace:
    trace = make().begin()
    try:
        given = gather(args, kwargs)
    except TypeError:
        return trace
    given.pop("self", None)
    return trace.set_input(given) if given else trace


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


def _synchronous(function: Any, new: Any) -> Any:
    def run(*args: Any, **kwargs: Any) -> Any:
        trace = new(args, kwargs)
        try:
            with trace.active():
                value = function(*args, **kwargs)
        except BaseException as error:
            trace.ended(error)
            raise
        if type(value) is not str and inspect.isawaitable(value):
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
                with trace.active():
                    try:
                        item = advance()
                    except StopIteration as end:
                        value = end.value
                        break
                _keep(items, item)
                try:
                    sent = yield item
                except GeneratorExit:
                    with trace.active():
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
                with trace.active():
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
            with trace.active():
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
