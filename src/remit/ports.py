"""What Remit needs from the outside, one Protocol each.

A method may answer at once, return an awaitable, or, when it has to wait for a
thread or a disk, return a `concurrent.futures.Future`. So a port is written
once, in whichever style suits it, and serves synchronous and asynchronous
callers alike: the former wait for the future in place, the latter on their loop.

Whatever a port raises becomes `Unavailable`, and nothing runs.

`Ports` are those of a guard, for one kind of caller or the other. Whoever asks a port has
the value of its answer by `settle`; a coroutine whose every `await` is such an answer is
awaited on a loop, and elsewhere stepped by `finish`: it is written once as well.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import msgspec

from remit.amounts import Amounts
from remit.audit.case import Case
from remit.audit.record import Record
from remit.audit.stored import Stored
from remit.errors import Blocked
from remit.model import (
    Approval,
    ApprovalRequest,
    Claim,
    Decision,
    Exceeded,
    Obligation,
    Pause,
    Request,
    Reservation,
    Share,
    Subject,
)

T = TypeVar("T")

Maybe: TypeAlias = T | Awaitable[T] | Future[T]
Execute: TypeAlias = Callable[[], T | Awaitable[T]]
Conceal: TypeAlias = Callable[[Request], Request]
Refused: TypeAlias = Callable[[Blocked, str], Blocked]
Amend: TypeAlias = Callable[[Mapping[str, Any], Decision], Mapping[str, Any]]


class Decider(Protocol):
    """A policy decision point."""

    def decide(self, request: Request, /) -> Maybe[Decision]:
        """Answer *request*, with the approvals it carries taken into account."""
        ...


class Approver(Protocol):
    """Puts a question to people."""

    def ask(self, question: ApprovalRequest, /) -> Maybe[tuple[Approval, ...]]:
        """Their answers so far; none means nobody has answered yet."""
        ...


@runtime_checkable
class Inbox(Protocol):
    """Keeps questions until people have answered them, and records both. See `approvers.inbox`.

    The ledger it records in is the guard's: that makes sure that an answer is used once.
    """

    ledger: Any
    channel: Approver | None
    """Is asked as well; what it does not answer at once, people answer later."""

    wait: float
    """Seconds that a call waits for them."""

    def open(self, question: ApprovalRequest, /) -> Maybe[Case]:
        """The case of *question*: one that is open already, or a new one."""
        ...

    def take(self, case: Case, answers: Sequence[Approval], /) -> Maybe[Case]:
        """*case*, with what its channel answered."""
        ...

    def settled(self, case: Case, /) -> Maybe[Case]:
        """*case* once it is settled, or as it is when the time to wait is over."""
        ...

    def waits(self, case: Case, /) -> bool:
        """Whether *case* still needs people."""
        ...


class Ledger(Protocol):
    """An append-only log of records."""

    def append(self, record: Record, /) -> Maybe[int]:
        """Keep *record* and return its index; having answered, it survives a crash.

        A record with a `move` is kept in one step with what that does to a question, or
        `Conflict` is raised, or set on the future, and it is not kept.

        A call does not wait for a `Future` that is to hold the index of its end
        (`record.ENDS`). Whoever answers an end with one owes it: to write it within
        50 ms, to report it if that fails, and to take no other record before it.

        A ledger that has a method `note` as well is told by that, and not by this, what runs
        note (`Kind.NOTED`): nobody asks where such a record is, so nothing is returned. One that
        has `append_all` is given many that come together by that: it keeps all of them or none.
        """
        ...


class Meter(Protocol):
    """Counts what calls use of limits."""

    def reserve(self, call: str, claims: tuple[Claim, ...], /) -> Maybe[Reservation | Exceeded]:
        """Set aside what *claims* take, all of it or nothing, so that nobody else can have it.

        What does not bind is counted and never refused. What a process has set aside comes
        back by itself when the process is gone.
        """
        ...

    def settle(self, reservation: Reservation, used: tuple[Amounts, ...], /) -> Maybe[None]:
        """Count what was *used*, for each claim, in place of what was set aside.

        It is counted though it be more than was left. A call does not wait for a `Future`:
        whoever answers with one owes it, and sets nothing else aside before it is counted.
        """
        ...

    def release(self, reservation: Reservation, /) -> Maybe[None]:
        """Give back what was set aside for a call that did not start; owed like `settle`."""
        ...

    def used(self, share: Share, /) -> Maybe[Amounts]:
        """What counts against a share now, with what is set aside; a unit never used is missing."""
        ...


@runtime_checkable
class Readable(Protocol):
    """A ledger in which others may record, and that says what they have changed."""

    def changes(self, start: int, /) -> tuple[Sequence[Stored], int]:
        """The records of kind `changed` from *start* on, and where to start the next time."""
        ...


class Pausing(Protocol):
    """Knows who is paused: the kill switch. See `remit.pausing`."""

    def find(self, subject: Subject, /) -> Maybe[Pause | None]:
        """The pause that stops *subject*, if there is one."""
        ...


class Discharge(Protocol):
    """Carries out one type of obligation by wrapping the execution it is attached to."""

    def __call__(self, obligation: Obligation, execute: Execute[T], /) -> Execute[T]:
        """What to run instead of *execute*."""
        ...


@runtime_checkable
class Checking(Protocol):
    """A `Discharge` that says before a call starts whether it can do what it is to."""

    def check(self, obligation: Obligation, /) -> object:
        """Raise something if it cannot."""
        ...


class Reader(Protocol):
    """Is told what has been recorded, in the process that did it: telemetry, a log, a screen.

    It cannot stop anything any more: what it raises is logged, and goes no further.
    """

    def __call__(self, record: Record, /) -> object:
        """Take note of *record*."""
        ...


@runtime_checkable
class Scope(Protocol):
    """A `Reader` that holds something while code runs: telemetry its span, as the current one."""

    def inside(self, identity: str, /) -> AbstractContextManager[object]:
        """Entered before the code of the run or call *identity* runs, and left when it pauses."""
        ...


class Ports(msgspec.Struct, frozen=True):
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
    discharges: Mapping[str, Discharge] = {}
    clock: Callable[[], int] = time.time_ns
    """Unix time in nanoseconds."""
    pauses: Pausing | None = None
    """Who may do nothing at all, whatever policy says."""
    conceal: Conceal | None = None
    """Makes what is recorded in the place of a request, where not all of it may be kept."""
    amend: Amend | None = None
    """Takes out of arguments what a decision on them wants taken out."""


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
