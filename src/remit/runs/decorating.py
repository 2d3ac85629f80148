"""Functions whose every call is told, in the run that is under way when it ends.

A call that raises is told with its error. A generator is told once it is exhausted or
closed; what it has found is what it gave.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial, wraps
from typing import Any, TypeAlias

from msgspec import UNSET

from remit.runs.run import Run, plain, under_way

Facts: TypeAlias = dict[str, Any]


def decorated(function: Any, what: str) -> Any:
    """*function*, every call of which is told as *what*.

    Raises:
        TypeError: it cannot be called.
    """
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called, so there is nothing to tell of")
    if inspect.isasyncgenfunction(function):
        return wraps(function)(_agenerating(function, what))
    if inspect.isgeneratorfunction(function):
        return wraps(function)(_generating(function, what))
    if inspect.iscoroutinefunction(function):
        return wraps(function)(_asynchronous(function, what))
    return wraps(function)(_synchronous(function, what))


class _Telling:
    """One call of a decorated function, from its beginning on."""

    def __init__(self, function: Any, what: str, args: tuple[Any, ...], kwargs: Facts) -> None:
        self.name = getattr(function, "__name__", type(function).__name__)
        self.what = what
        self.args = (*args, *kwargs.values())
        self.began = time.monotonic()
        self.items: list[Any] = []
        """What a generator gave, where that is told."""

    def gave(self, item: Any) -> None:
        """Note an item of a generator."""
        if self.what == "retrieval":
            self.items.append(item)

    def returned(self, value: Any) -> None:
        """Tell what it came to.

        Raises:
            Denied: it was a step, and policy says that the run stops here.
        """
        if (run := under_way()) is None:
            return
        if self.what == "step":
            run.step(self.name, value if run.capture else UNSET, seconds=self._seconds())
            return
        self._tell(run, self._found(value) if self.what == "retrieval" else self._said(value))

    def closed(self) -> None:
        """Tell of a generator that nobody wants to the end. Policy is not asked any more."""
        if (run := under_way()) is not None:
            self._tell(run, self._found(None) if self.what == "retrieval" else {})

    def raised(self, error: BaseException) -> None:
        """Tell that it did not come to its end. Policy is not asked: it goes no further."""
        if (run := under_way()) is not None:
            self._tell(run, {"error": type(error).__qualname__})

    def _tell(self, run: Run, facts: Facts) -> None:
        run.tell(self.what, **{**facts, "name": self.name, "seconds": self._seconds()})

    def _seconds(self) -> float:
        return time.monotonic() - self.began

    def _said(self, value: Any) -> Facts:
        """A choice or a thought, alone or in a mapping with what belongs to it."""
        key = "chosen" if self.what == "decision" else "thought"
        if isinstance(value, dict) and key in value:
            return {plain(name): each for name, each in value.items()}
        return {key: value}

    def _found(self, value: Any) -> Facts:
        """What was found for the first text that was given."""
        texts = [each for each in self.args if isinstance(each, str)]
        whole = self.items or value
        documents = list(whole) if isinstance(whole, list | tuple) else [whole]
        return {"query": texts[0] if texts else "", "documents": documents}


def _synchronous(function: Any, what: str) -> Callable[..., Any]:
    def told(*args: Any, **kwargs: Any) -> Any:
        telling = _Telling(function, what, args, kwargs)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            telling.raised(error)
            raise
        telling.returned(value)
        return value

    return told


def _asynchronous(function: Any, what: str) -> Callable[..., Any]:
    async def told(*args: Any, **kwargs: Any) -> Any:
        telling = _Telling(function, what, args, kwargs)
        try:
            value = await function(*args, **kwargs)
        except BaseException as error:
            telling.raised(error)
            raise
        telling.returned(value)
        return value

    return told


def _generating(function: Any, what: str) -> Callable[..., Any]:
    def told(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        telling = _Telling(function, what, args, kwargs)
        generator = function(*args, **kwargs)
        advance = partial(next, generator)
        try:
            while True:
                item = advance()
                telling.gave(item)
                try:
                    sent = yield item
                except Exception as error:  # noqa: BLE001 - thrown in, for the generator
                    advance = partial(generator.throw, error)
                else:
                    advance = partial(generator.send, sent)
        except StopIteration as end:
            telling.returned(end.value)
            return end.value
        except GeneratorExit:
            generator.close()
            telling.closed()
            raise
        except BaseException as error:
            telling.raised(error)
            raise

    return told


def _agenerating(function: Any, what: str) -> Callable[..., Any]:
    async def told(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        telling = _Telling(function, what, args, kwargs)
        generator = function(*args, **kwargs)
        advance = partial(anext, generator)
        try:
            while True:
                item = await advance()
                telling.gave(item)
                try:
                    sent = yield item
                except Exception as error:  # noqa: BLE001 - thrown in, for the generator
                    advance = partial(generator.athrow, error)
                else:
                    advance = partial(generator.asend, sent)
        except StopAsyncIteration:
            telling.returned(None)
        except GeneratorExit:
            await generator.aclose()
            telling.closed()
            raise
        except BaseException as error:
            telling.raised(error)
            raise

    return told
