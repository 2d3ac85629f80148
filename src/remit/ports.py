"""What Remit needs from the outside, one Protocol each.

A method may answer at once, return an awaitable, or, when it has to wait for a
thread or a disk, return a `concurrent.futures.Future`. So a port is written
once, in whichever style suits it, and serves synchronous and asynchronous
callers alike: the former wait for the future in place, the latter on their loop.

Whatever a port raises becomes `Unavailable`, and nothing runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Protocol, TypeAlias, TypeVar

from remit.audit.record import Record
from remit.model import Approval, ApprovalRequest, Decision, Obligation, Request

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


class Ledger(Protocol):
    """An append-only log of records."""

    def append(self, record: Record, /) -> Maybe[int]:
        """Keep *record* and return its index; having answered, it survives a crash.

        A call does not wait for a `Future` that is to hold the index of its end
        (`record.ENDS`). Whoever answers an end with one owes it: to write it within
        50 ms, to report it if that fails, and to take no other record before it.
        """
        ...


class Discharge(Protocol):
    """Carries out one type of obligation by wrapping the execution it is attached to."""

    def __call__(self, obligation: Obligation, execute: Execute[T], /) -> Execute[T]:
        """What to run instead of *execute*."""
        ...
