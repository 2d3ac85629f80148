"""Decorators that tell what a function did: `decision retrieval reasoning_dec retry_dec step_dec`.

Every call is told, with what it returned; the function itself is not governed by it (`tool`
is for that). What one raises passes through, and is told as nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from remit.compat.waxell import telling
from remit.errors import RemitError
from remit.runs.telling import current_run

F = TypeVar("F", bound=Callable[..., Any])
Told = Callable[[str, dict[str, Any], Any], None]

QUERIES = ("query", "q", "question", "search_query")


def decision(name: str | None = None, options: Sequence[Any] | None = None) -> Callable[[F], F]:
    """Tell what the function chose: what it returns, or of a mapping `chosen` or `choice`."""

    def told(function: str, _: dict[str, Any], value: Any) -> None:
        said = value if isinstance(value, Mapping) else {}
        chosen = said.get("chosen", said.get("choice", value))
        telling.decide(
            name or function,
            chosen,
            options,
            str(said.get("reasoning") or said.get("reason") or ""),
            said.get("confidence"),
        )

    return _decorator(told)


def retrieval(source: str = "", name: str | None = None) -> Callable[[F], F]:
    """Tell what the function found for its query, its first argument that is a text."""

    def told(function: str, given: dict[str, Any], value: Any) -> None:
        named = [given[each] for each in QUERIES if isinstance(given.get(each), str)]
        texts = named or [each for each in given.values() if isinstance(each, str)]
        documents, scores = _found(value)
        telling.note(
            "retrieval",
            name=name or function,
            query=texts[0] if texts else "",
            documents=documents,
            source=source,
            scores=scores,
            top_k=given.get("top_k", given.get("k")),
        )

    return _decorator(told)


def reasoning_dec(step: str | None = None) -> Callable[[F], F]:
    """Tell what the function thought: what it returns, or of a mapping `thought`."""

    def told(function: str, _: dict[str, Any], value: Any) -> None:
        said = value if isinstance(value, Mapping) else {}
        telling.reason(
            step or function,
            str(said.get("thought", value)),
            said.get("evidence") or (),
            str(said.get("conclusion") or ""),
        )

    return _decorator(told)


def step_dec(name: str | None = None) -> Callable[[F], F]:
    """Tell that a step is done. What it returned is told only where content is captured."""

    def told(function: str, _: dict[str, Any], value: Any) -> None:
        run = current_run()
        telling.step(name or function, value if run is not None and run.capture else None)

    return _decorator(told)


def retry_dec(
    max_attempts: int = 3, strategy: str = "retry", fallback_to: str = ""
) -> Callable[[F], F]:
    """Call the function again where it fails, and tell so. What policy refuses is not tried again.

    Raises:
        ValueError: it is not to be tried at all.
    """
    if max_attempts < 1:
        raise ValueError("max_attempts must be at least 1")
    return _Retrying(max_attempts, strategy, fallback_to).decorate


@dataclass(frozen=True, slots=True)
class _Retrying:
    attempts: int
    strategy: str
    fallback_to: str

    def decorate(self, function: Any) -> Any:
        @wraps(function)
        async def aretried(*args: Any, **kwargs: Any) -> Any:
            for attempt in itertools.count(1):
                try:
                    return await function(*args, **kwargs)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    await asyncio.sleep(self.wait(attempt, error))
            return None

        @wraps(function)
        def retried(*args: Any, **kwargs: Any) -> Any:
            for attempt in itertools.count(1):
                try:
                    return function(*args, **kwargs)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                    time.sleep(self.wait(attempt, error))
            return None

        return aretried if inspect.iscoroutinefunction(function) else retried

    def wait(self, attempt: int, error: Exception) -> float:
        """Seconds until the next attempt; *error* is raised again where there is none."""
        if isinstance(error, RemitError):
            raise error
        kind = type(error).__qualname__
        telling.retry(attempt, kind, self.strategy, str(error), self.fallback_to)
        if attempt >= self.attempts:
            raise error
        return 0.1 * attempt


def _found(value: Any) -> tuple[list[Any], list[Any]]:
    if isinstance(value, Mapping) and "documents" in value:
        return list(value["documents"]), list(value.get("scores") or ())
    documents = list(value) if isinstance(value, list | tuple) else [value]
    scored = [each for each in documents if isinstance(each, Mapping) and "score" in each]
    return documents, [each["score"] for each in scored]


def _decorator(told: Told) -> Callable[[F], F]:
    def decorate(function: Any) -> Any:
        name, signature = function.__name__, inspect.signature(function)

        @wraps(function)
        async def aobserved(*args: Any, **kwargs: Any) -> Any:
            value = await function(*args, **kwargs)
            told(name, dict(signature.bind(*args, **kwargs).arguments), value)
            return value

        @wraps(function)
        def observed(*args: Any, **kwargs: Any) -> Any:
            value = function(*args, **kwargs)
            told(name, dict(signature.bind(*args, **kwargs).arguments), value)
            return value

        return aobserved if inspect.iscoroutinefunction(function) else observed

    return decorate
