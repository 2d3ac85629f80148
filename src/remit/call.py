"""One governed call, from question to record, written once.

    decide ─► [ask ─► decide again] ─► record "started" ─► execute ─► record the end
    └──────── any failure up to here is Blocked, and nothing ran ───┘

The call is a coroutine whose every `await` is a port. An asynchronous guard
awaits it; a synchronous one steps it with `finish`, inside a running loop or
without one. There is no second copy to drift.

What the order of the lines guarantees:

- no record, no action;
- an approval goes into the request and policy is asked again, so it lifts a
  denial and grants nothing by itself, and policy tightened meanwhile wins;
- what the action itself raises passes through unchanged;
- once it has run, nothing says it was blocked: at worst it is `Unrecorded`.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from remit.audit.record import ENDS, Kind, Record
from remit.canonical import NOTHING, Frozen, freeze
from remit.errors import Denied, NotData, Pending, Unavailable, Unrecorded
from remit.model import Approval, ApprovalRequest, Decision, Effect, Obligation, Request
from remit.ports import Approver, Decider, Discharge, Execute, Ledger, Maybe

T = TypeVar("T")

MOST_QUESTIONS = 16
"""Denials with different terms that one call may have lifted one after the other."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a call goes with its questions."""

    decider: Decider
    ledger: Ledger
    wait: Callable[[Future[Any]], Any]
    """Turns a future into its result (`wait_here`) or into an awaitable (`wait_on_loop`)."""
    approver: Approver | None = None
    discharges: Mapping[str, Discharge] = field(default_factory=dict)
    clock: Callable[[], int] = time.time_ns
    """Unix time in nanoseconds."""


async def govern(request: Request, execute: Execute[T], ports: Ports) -> T:
    """Run *execute* if *request* is within remit, and leave a record either way.

    Raises:
        Blocked: nothing ran.
        Unrecorded: it ran, and the ledger did not take its end.
    """
    call = await begin(request, ports)
    try:
        value = call.discharged(execute)()
        if hasattr(value, "__await__"):
            value = await value
    except BaseException as error:
        await call.raised(error)
        raise
    await call.returned(value)
    return value


async def begin(request: Request, ports: Ports) -> Call:
    """Decide, ask, and record that the action starts.

    Whoever gets the call runs the action and owes one of `returned` and `raised`.
    """
    call = Call(_new_id(), request, ports)
    await call.decide()
    for _ in range(MOST_QUESTIONS):
        if call.decision.approval is None or ports.approver is None:
            break
        unlifted = call.decision
        await call.ask(ports.approver)
        await call.decide()
        if call.decision.approval == unlifted.approval and call.decision.rules == unlifted.rules:
            break
    if not call.decision.allowed:
        raise await call.refusal()
    call.carry_out()
    await call.record(Kind.STARTED)
    return call


async def decide(request: Request, ports: Ports) -> Decision:
    """The decider's answer, or `Unavailable`."""
    try:
        decision = ports.decider.decide(request)
        if type(decision) is not Decision:
            decision = await settle(decision, ports)
    except Exception as error:
        raise Unavailable(f"no decision on {request.action.name} could be had: {error}") from error
    if not isinstance(decision, Decision):
        raise Unavailable(f"the decider answered with a {type(decision).__name__}")
    return decision


async def settle(answer: Maybe[T], ports: Ports) -> T:
    """What a port answered, however it did."""
    waited: T | Awaitable[T] = ports.wait(answer) if isinstance(answer, Future) else answer
    if hasattr(waited, "__await__"):
        return await waited
    return waited


async def refuse(
    request: Request, reason: str, ports: Ports, *, rules: tuple[str, ...] = ()
) -> Denied:
    """The recorded refusal of a request that policy is not asked about.

    *rules* are those that had somebody asked, where it was a person who refused.
    """
    call = Call(_new_id(), request, ports)
    call.decision = Decision(Effect.DENY, reason, rules)
    return await call.refusal()


class Call:
    """One call on its way through the ports. Whatever a port does wrong is `Unavailable`."""

    __slots__ = ("decision", "discharges", "id", "ports", "request")

    def __init__(self, identity: str, request: Request, ports: Ports) -> None:
        self.id = identity
        self.request = request
        self.ports = ports
        self.decision: Decision = UNDECIDED
        self.discharges: tuple[tuple[Obligation, Discharge], ...] = ()

    async def decide(self) -> None:
        """Put the request, with the answers it carries, to the decider."""
        self.decision = await decide(self.request, self.ports)

    async def ask(self, approver: Approver) -> None:
        """Put the denial to people; their answers join the request.

        Raises:
            Pending: nobody has answered yet.
        """
        terms = self.decision.approval
        assert terms is not None
        digest = self.request.digest
        question = ApprovalRequest(self.id, self.request, self.decision, terms, digest)
        await self.record(Kind.ASKED, body=Frozen(approval=self.id, digest=digest))
        try:
            approvals = await settle(approver.ask(question), self.ports)
        except Exception as error:
            raise Unavailable(f"nobody could be asked about {self.request.action.name}") from error
        if not _are_approvals(approvals):
            raise Unavailable(f"the approver answered with {approvals!r}, not a tuple of approvals")
        if not approvals:
            raise Pending(question)
        await self.record(Kind.ANSWERED, approvals=approvals, body=Frozen(approval=self.id))
        self.request = msgspec.structs.replace(
            self.request, approvals=self.request.approvals + approvals, at=self.ports.clock()
        )

    async def refusal(self) -> Denied:
        """Record that the action will not run."""
        self.decision = msgspec.structs.replace(self.decision, reason=self.why())
        await self.record(Kind.REFUSED, approvals=self.request.approvals)
        return Denied(self.request, self.decision)

    def why(self) -> str:
        """The reason of the denial, and why nobody has lifted it."""
        decision, answers = self.decision, self.request.approvals
        if decision.approval is None:
            return decision.reason
        refusals = [answer for answer in answers if not answer.approved]
        if refusals:
            said = f": {refusals[-1].reason}" if refusals[-1].reason else ""
            return f"{decision.reason}; {refusals[-1].approver} refused{said}"
        if answers:
            return f"{decision.reason}; the answers given do not lift this"
        return f"{decision.reason}; there is nobody to ask here"

    def carry_out(self) -> None:
        """Find who discharges each obligation, so that none is dropped."""
        if not self.decision.obligations:
            return
        known = self.ports.discharges
        for obligation in self.decision.obligations:
            if obligation.type not in known:
                raise Unavailable(f"nothing here can discharge the obligation {obligation.type!r}")
        self.discharges = tuple((duty, known[duty.type]) for duty in self.decision.obligations)

    def discharged(self, execute: Execute[T]) -> Execute[T]:
        """*execute*, wrapped in the duties the decision lays on it."""
        for obligation, discharge in self.discharges:
            execute = discharge(obligation, execute)
        return execute

    async def returned(self, value: object = None) -> None:
        """Record that the action came to its end with *value*."""
        try:
            await self.record(Kind.RETURNED, result=freeze(value))
        except NotData:
            await self.end(Kind.RETURNED, Frozen(result_type=type(value).__qualname__))
        except Unavailable as error:
            raise self.unrecorded() from error

    async def raised(self, error: BaseException) -> None:
        """Record that the action ended in *error*."""
        body = {"error": type(error).__qualname__, "message": _first_line(error)}
        await self.end(Kind.RAISED, Frozen(body))

    async def end(self, kind: Kind, body: Frozen) -> None:
        """Record an end; it has run, so a failure is not a refusal."""
        try:
            await self.record(kind, body=body)
        except Unavailable as error:
            raise self.unrecorded() from error

    def unrecorded(self) -> Unrecorded:
        """What to tell the caller of an action whose end could not be kept."""
        return Unrecorded(
            f"{self.request.action.name} ran, and its end is not on record (call {self.id}): "
            "do not run it again"
        )

    async def record(
        self,
        kind: Kind,
        approvals: tuple[Approval, ...] = (),
        body: Frozen = NOTHING,
        result: Any = msgspec.UNSET,
    ) -> None:
        """Keep one step of this call; having returned, it is durable, unless it is the end."""
        ports = self.ports
        if kind is Kind.STARTED:
            approvals = self.request.approvals
        record = Record(
            kind, self.id, ports.clock(), self.request, self.decision, approvals, body, result
        )
        try:
            index = ports.ledger.append(record)
            if type(index) is not int and not _is_owed(kind, index):
                await settle(index, ports)
        except Exception as error:
            raise Unavailable(f"the ledger could not record {kind.value!r}: {error}") from error


UNDECIDED = Decision(Effect.DENY, "not decided yet")


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


def wait_here(future: Future[T]) -> T:
    """Wait for *future* in this thread."""
    return future.result()


def wait_on_loop(future: Future[T]) -> Awaitable[T]:
    """Wait for *future* without holding up the running loop."""
    from asyncio import wrap_future

    return wrap_future(future)


def _is_owed(kind: Kind, answer: object) -> bool:
    """Whether the ledger has taken over an end; it then keeps it, or nothing more."""
    return kind in ENDS and isinstance(answer, Future) and not answer.done()


def _are_approvals(answers: object) -> bool:
    return isinstance(answers, tuple) and all(isinstance(answer, Approval) for answer in answers)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:500].encode(errors="replace").decode() if lines else ""


def _renew_ids() -> None:
    """Start a new series, in this process and in every child it forks."""
    global _prefix, _count  # noqa: PLW0603 - a process has one series of call ids
    _prefix = os.urandom(8).hex()
    _count = itertools.count(1)


_prefix: str
_count: itertools.count[int]
_renew_ids()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_ids)


def _new_id() -> str:
    return f"{_prefix}-{next(_count)}"


__all__ = [
    "Call",
    "Ports",
    "begin",
    "decide",
    "finish",
    "govern",
    "refuse",
    "wait_here",
    "wait_on_loop",
]
