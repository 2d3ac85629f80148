"""What Remit needs from the outside, one Protocol each.

A method may answer at once, return an awaitable, or, when it has to wait for a
thread or a disk, return a `concurrent.futures.Future`. So a port is written
once, in whichever style suits it, and serves synchronous and asynchronous
callers alike: the former wait for the future in place, the latter on their loop.

Whatever a port raises becomes `Unavailable`, and nothing runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from remit.amounts import Amounts
from remit.audit.case import Case
from remit.audit.record import Record
from remit.audit.stored import Stored
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
        note (`Kind.NOTED`): nobody asks where such a record is, so nothing is returned.
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
