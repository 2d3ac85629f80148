"""Generators whose every step is made somewhere: under a run, inside a call, in a span.

What holds there holds while the generator's own code runs, and not while its caller's does.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Here: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Makes what is entered for one step, and left after it."""


def stepping(generator: Generator[Any, Any, T], here: Here) -> Generator[Any, Any, T]:
    """The items of *generator*, each of which is made *here*."""
    try:
        with here():
            item = next(generator)
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                with here():
                    generator.close()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller, for the generator
                with here():
                    item = generator.throw(error)
            else:
                with here():
                    item = generator.send(sent)
    except StopIteration as end:
        value: T = end.value
        return value


async def astepping(generator: AsyncGenerator[Any, Any], here: Here) -> AsyncGenerator[Any, Any]:
    """The same, for an asynchronous generator."""
    try:
        with here():
            item = await anext(generator)
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                with here():
                    await generator.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller, for the generator
                with here():
                    item = await generator.athrow(error)
            else:
                with here():
                    item = await generator.asend(sent)
    except StopAsyncIteration:
        return
