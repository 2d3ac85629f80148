"""What an application tells about the run it is in, without having to carry the run around.

Each of these does something while a run is under way and nothing otherwise, and none of
them raises because of what it is told. `step`, `decision`, `reasoning` and `retrieval` also
decorate a function: every call of it is told, with what it returned.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from msgspec import UNSET

from remit.acting import current
from remit.runs.run import Run

F = TypeVar("F", bound=Callable[..., Any])
Told = Callable[[str, tuple[Any, ...], dict[str, Any], Any, float], None]


def current_run() -> Run | None:
    """The run that is under way here."""
    run = current().run
    return run if isinstance(run, Run) else None


def tell(what: str, /, **facts: Any) -> None:
    """Record that *what* happened in the run under way."""
    if (run := current_run()) is not None:
        run.tell(what, **facts)


def step(name: Any, /, output: Any = UNSET, **facts: Any) -> Any:
    """Record that a step is done; or decorate a function whose every call is one.

    Raises:
        Denied: the run's steps are checked, and policy says that it stops here.
    """
    if callable(name):
        return _decorated(name, _step)
    if (run := current_run()) is not None:
        run.step(str(name), output, **facts)
    return None


def decision(name: Any, /, chosen: Any = UNSET, **facts: Any) -> Any:
    """Record a choice, with `options`, `reasoning` and `confidence` where there are any.

    Or decorate a function that chooses: what it returns is the choice, or a mapping with these.
    """
    if callable(name):
        return _decorated(name, _decision)
    return tell("decision", name=name, chosen=chosen, **facts)


def reasoning(thought: Any, /, **facts: Any) -> Any:
    """Record a thought, with `evidence` and `conclusion`; or decorate a function that thinks."""
    if callable(thought):
        return _decorated(thought, _reasoning)
    return tell("reasoning", thought=thought, **facts)


def retrieval(query: Any, /, documents: Sequence[Any] = (), **facts: Any) -> Any:
    """Record what was found for *query*, with `source` and `scores`; or decorate what finds it."""
    if callable(query):
        return _decorated(query, _retrieval)
    return tell("retrieval", query=query, documents=list(documents), **facts)


def retry(reason: str, /, **facts: Any) -> None:
    """Record that something is tried again, and why; `attempt`, `strategy`, `error`."""
    tell("again", reason=reason, **facts)


def tag(key: str, value: object) -> None:
    """Mark the run: it can be found by that, and conditions read it as `run.tags`."""
    if (run := current_run()) is not None:
        run.tag(key, value)


def metadata(key: str, value: Any) -> None:
    """Record a fact about the run."""
    tell("metadata", key=key, value=value)


def score(name: str, value: float | str | bool, /, **facts: Any) -> None:  # noqa: FBT001 - a verdict
    """Record how good something was: a number, a word, or whether; with a `comment`."""
    tell("score", name=name, value=value, **facts)


def message(role: str, content: Any, /, **facts: Any) -> None:
    """Record what was said: by `user`, `agent`, or whoever else."""
    tell("message", role=role, content=content, **facts)


class Turn:
    """A person's turn; `answer` is what they say."""

    def __init__(self) -> None:
        self.answer: Any = None


@contextmanager
def human_turn(prompt: str = "", /, **facts: Any) -> Iterator[Turn]:
    """Record how long a person took, and what they answered."""
    turn, began = Turn(), time.monotonic()
    try:
        yield turn
    finally:
        took = time.monotonic() - began
        tell("input", prompt=prompt, answer=turn.answer, seconds=took, **facts)


@contextmanager
def pause(reason: str = "", /, **facts: Any) -> Iterator[None]:
    """Record that the run waits, and for how long."""
    began = time.monotonic()
    try:
        yield
    finally:
        tell("pause", reason=reason, seconds=time.monotonic() - began, **facts)


@contextmanager
def phase(name: str, /, **facts: Any) -> Iterator[None]:
    """Record a part of the run, and how long it took."""
    began = time.monotonic()
    tell("phase", name=name, **facts)
    try:
        yield
    finally:
        tell("phase_end", name=name, seconds=time.monotonic() - began)


def _decorated(function: Any, told: Told) -> Any:
    """*function*, whose calls are told by *told*."""
    name = getattr(function, "__name__", type(function).__name__)
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def atold(*args: Any, **kwargs: Any) -> Any:
            began = time.monotonic()
            value = await function(*args, **kwargs)
            told(name, args, kwargs, value, time.monotonic() - began)
            return value

        return atold

    @wraps(function)
    def stold(*args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        value = function(*args, **kwargs)
        told(name, args, kwargs, value, time.monotonic() - began)
        return value

    return stold


def _step(name: str, _: tuple[Any, ...], __: dict[str, Any], value: Any, seconds: float) -> None:
    if (run := current_run()) is not None:
        run.step(name, value if run.capture else UNSET, seconds=seconds)


def _decision(
    name: str, _: tuple[Any, ...], __: dict[str, Any], value: Any, seconds: float
) -> None:
    facts = dict(value) if isinstance(value, dict) and "chosen" in value else {"chosen": value}
    tell("decision", **{**facts, "name": name, "seconds": seconds})


def _reasoning(
    name: str, _: tuple[Any, ...], __: dict[str, Any], value: Any, seconds: float
) -> None:
    facts = dict(value) if isinstance(value, dict) and "thought" in value else {"thought": value}
    tell("reasoning", **{**facts, "name": name, "seconds": seconds})


def _retrieval(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], value: Any, seconds: float
) -> None:
    texts = [each for each in (*args, *kwargs.values()) if isinstance(each, str)]
    documents = value if isinstance(value, list | tuple) else [value]
    tell(
        "retrieval",
        query=texts[0] if texts else "",
        documents=list(documents),
        name=name,
        seconds=seconds,
    )
