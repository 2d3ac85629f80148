"""What an application tells about the run it is in, without having to carry the run around.

Each of these does something while a run is under way and nothing otherwise, and none of
them raises because of what it is told. `step`, `decision`, `reasoning` and `retrieval` also
decorate a function: every call of it is told, with what it returned or raised.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import UNSET

from remit.runs.decorating import decorated
from remit.runs.run import Run, plain, under_way


def current_run() -> Run | None:
    """The run that is under way here."""
    return under_way()


def tell(what: str, /, **facts: Any) -> None:
    """Record that *what* happened in the run under way."""
    if (run := current_run()) is not None:
        run.tell(what, **facts)


def _tell(what: str, facts: Mapping[str, Any], /, **known: Any) -> None:
    """The same; what is known by its place goes before *facts* of the same name."""
    tell(what, **{**facts, **known})


def step(name: Any, /, output: Any = UNSET, **facts: Any) -> Any:
    """Record that a step is done; or decorate a function whose every call is one.

    Raises:
        Denied: the run's steps are checked, and policy says that it stops here.
    """
    if callable(name):
        return decorated(name, "step")
    if (run := current_run()) is not None:
        run.step(plain(name), output, **facts)
    return None


def decision(name: Any, /, chosen: Any = UNSET, **facts: Any) -> Any:
    """Record a choice, with `options`, `reasoning` and `confidence` where there are any.

    Or decorate a function that chooses: what it returns is the choice, or a mapping with these.
    """
    if callable(name):
        return decorated(name, "decision")
    choice = {} if chosen is UNSET else {"chosen": chosen}
    return _tell("decision", facts, name=name, **choice)


def reasoning(thought: Any, /, **facts: Any) -> Any:
    """Record a thought, with `evidence` and `conclusion`; or decorate a function that thinks."""
    if callable(thought):
        return decorated(thought, "reasoning")
    return _tell("reasoning", facts, thought=thought)


def retrieval(query: Any, /, documents: Sequence[Any] = (), **facts: Any) -> Any:
    """Record what was found for *query*, with `source` and `scores`; or decorate what finds it."""
    if callable(query):
        return decorated(query, "retrieval")
    return _tell("retrieval", facts, query=query, documents=documents)


def retry(reason: str, /, **facts: Any) -> None:
    """Record that something is tried again, and why; `attempt`, `strategy`, `error`."""
    _tell("again", facts, reason=reason)


def tag(key: str, value: object) -> None:
    """Mark the run: it can be found by that, and conditions read it as `run.tags`."""
    if (run := current_run()) is not None:
        run.tag(key, value)


def metadata(key: str, value: Any) -> None:
    """Record a fact about the run."""
    tell("metadata", key=key, value=value)


def score(name: str, value: float | str | bool, /, **facts: Any) -> None:  # noqa: FBT001 - a verdict
    """Record how good something was: a number, a word, or whether; with a `comment`."""
    _tell("score", facts, name=name, value=value)


def message(role: str, content: Any, /, **facts: Any) -> None:
    """Record what was said: by `user`, `agent`, or whoever else."""
    _tell("message", facts, role=role, content=content)


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
        _tell("input", facts, prompt=prompt, answer=turn.answer, seconds=took)


@contextmanager
def pause(reason: str = "", /, **facts: Any) -> Iterator[None]:
    """Record that the run waits, and for how long."""
    began = time.monotonic()
    try:
        yield
    finally:
        _tell("pause", facts, reason=reason, seconds=time.monotonic() - began)


@contextmanager
def phase(name: str, /, **facts: Any) -> Iterator[None]:
    """Record a part of the run, and how long it took."""
    began = time.monotonic()
    _tell("phase", facts, name=name)
    try:
        yield
    finally:
        tell("phase_end", name=name, seconds=time.monotonic() - began)
