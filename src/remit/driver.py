"""How a coroutine whose every `await` is a port is driven: on a loop, or in place.

`settle` is the one place where what a port answers becomes its value. A port may answer
at once, with an awaitable, or with a `Future`; `Ports.wait` says how a future is waited for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from remit.audit.record import Record
from remit.ports import (
    Approver,
    Decider,
    Discharge,
    Execute,
    Inbox,
    Ledger,
    Maybe,
    Meter,
    Pausing,
    Reader,
    Scope,
)
from remit.stepping import Here

T = TypeVar("T")

_log = logging.getLogger("remit.readers")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a call goes with its questions."""

    decider: Decider
    ledger: Ledger
    wait: Callable[[Future[Any]], Any]
    """Turns a future into its result or into an awaitable: see `remit.waiting`."""
    approver: Approver | None = None
    inbox: Inbox | None = None
    """Keeps what people are asked; without one only an approver that answers now is any use."""
    readers: tuple[Reader, ...] = ()
    """Told of every record that was kept."""
    meter: Meter | None = None
    """Counts what calls use of limits; without one, what a limit is about is denied."""
    scopes: tuple[Scope, ...] = ()
    """Those readers that hold something while code runs."""
    discharges: Mapping[str, Discharge] = field(default_factory=dict)
    clock: Callable[[], int] = time.time_ns
    """Unix time in nanoseconds."""
    pauses: Pausing | None = None
    """Who may do nothing at all, whatever policy says."""


def tell(readers: Iterable[Reader], record: Record) -> None:
    """Have *readers* take note of what was recorded."""
    for read in readers:
        try:
            read(record)
        except Exception:  # noqa: BLE001 - a reader's mistake is nobody else's
            _log.exception("a reader failed on a record of kind %s", record.kind.value)


@contextmanager
def inside(scopes: Iterable[Scope], identity: str) -> Iterator[None]:
    """Have *scopes* hold what they hold while the code of the run or call *identity* runs."""
    held = ExitStack()
    for scope in scopes:
        try:
            held.enter_context(scope.inside(identity))
        except Exception:  # noqa: BLE001 - a reader's mistake is nobody else's
            _log.exception("a reader failed before %s ran", identity)
    try:
        yield
    finally:
        try:
            held.close()
        except Exception:  # noqa: BLE001 - nor now
            _log.exception("a reader failed after %s ran", identity)


def surrounded(execute: Execute[T], here: Here) -> Execute[T]:
    """*execute*, which runs *here*."""

    def execute_here() -> T | Awaitable[T]:
        with here():
            value = execute()
        return awaited(value) if hasattr(value, "__await__") else value

    async def awaited(value: Awaitable[T]) -> T:
        with here():
            return await value

    return execute_here


async def settle(answer: Maybe[T], ports: Ports) -> T:
    """What a port answered, however it did."""
    waited: T | Awaitable[T] = ports.wait(answer) if isinstance(answer, Future) else answer
    if hasattr(waited, "__await__"):
        return await waited
    return waited


def finish(flow: Coroutine[Any, Any, T]) -> T:
    """Run *flow* to its end without an event loop, or inside somebody else's.

    Whoever suspends has to wait for a loop that is not here; they are told so
    at the place where they do, and the call ends as it does for any other error.
    """
    try:
        flow.send(None)
        while True:
            flow.throw(RuntimeError("this needs an event loop; use the guard's asynchronous form"))
    except StopIteration as end:
        value: T = end.value
        return value
