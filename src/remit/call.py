"""One governed call, from question to record, written once.

    decide ─► [ask ─► decide again] ─► reserve ─► record "started" ─► execute ─► settle ─► record
    └─────────── any failure up to here is Blocked, and nothing ran ───┘                   the end

The call is a coroutine whose every `await` is a port. An asynchronous guard
awaits it; a synchronous one steps it with `finish`, inside a running loop or
without one. There is no second copy to drift.

What the order of the lines guarantees:

- no record, no action;
- an approval goes into the request and policy is asked again, so it lifts a
  denial and grants nothing by itself, and policy tightened meanwhile wins;
- who is paused is denied before policy is asked, and again after people were;
- a person's refusal of this very call stands, though policy was loosened meanwhile;
- what the action itself raises passes through unchanged;
- what it takes of limits nobody else can have, from before it starts;
- once it has run, nothing says it was blocked: at worst it is `Unrecorded`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from remit.asking import ask
from remit.audit.record import Kind
from remit.canonical import NOTHING, Frozen, freeze
from remit.deciding import amended, decide, decide_at_once, fresh, within_limits
from remit.errors import (
    Blocked,
    Conflict,
    Denied,
    NotData,
    Paused,
    Responded,
    Unavailable,
    Unrecorded,
)
from remit.identities import new_id
from remit.metering import Metering, claimed
from remit.model import ApprovalRequest, Decision, Effect, Obligation, Request
from remit.ports import Checking, Conceal, Discharge, Execute, Ports, Refused
from remit.readers import inside, surrounded
from remit.reasons import edit, first_line, told, too_late, why
from remit.recording import UNDECIDED, Recorded, digest_of
from remit.stepping import astepping, stepping

_UNANSWERED: Any = UNSET
T = TypeVar("T")

MOST_QUESTIONS = 16
"""Denials with different terms that one call may have lifted one after the other."""


async def govern(
    request: Request,
    execute: Execute[T],
    ports: Ports,
    refused: Refused | None = None,
    otherwise: Callable[[Blocked], Any] | None = None,
) -> T:
    """Run *execute* if *request* is within remit, and leave a record either way.

    Its value is that of *execute*, or what a person has answered in its place. *refused* is
    as for `begin`; with *otherwise* a refusal is given to that, and not raised: its value is
    then that of the call.

    Raises:
        Blocked: nothing ran.
        Unrecorded: it ran, and the ledger did not take its end.
    """
    call = Call(new_id(), fresh(request, ports), ports)
    refusal = await call.open()
    if isinstance(refusal, Responded):
        response: T = refusal.response
        return response
    if refusal is not None:
        if otherwise is not None:
            instead: T = otherwise(told(refusal, refused, request))
            return instead
        try:
            raise told(refusal, refused, request)
        finally:
            # What is raised holds this frame, which is not to hold it in turn.
            del refusal
    try:
        value = call.discharged(execute)()
        if hasattr(value, "__await__"):
            value = await value
    except BaseException as error:
        await call.raised(error)
        raise
    await call.returned(value)
    return value


async def begin(
    request: Request,
    ports: Ports,
    conceal: Conceal | None = None,
    refused: Refused | None = None,
) -> Call:
    """Decide, ask, and record that the action starts.

    Whoever gets the call runs the action and owes one of `returned` and `raised`.

    Args:
        request: what is decided on.
        ports: where to.
        conceal: what is recorded in its place, where content is decided on and not kept;
            what the ports conceal is concealed as well.
        refused: makes what is raised in the place of a refusal.
    """
    call = Call(new_id(), fresh(request, ports), ports, conceal)
    refusal = await call.open()
    if refusal is None:
        return call
    try:
        raise told(refusal, refused, request)
    finally:
        del refusal


async def consult(request: Request, ports: Ports) -> Decision:
    """What a call would be told now, whoever has to be asked having been asked. Nothing runs.

    Raises:
        Pending: it would wait for people.
    """
    call = Call(new_id(), request, ports)
    try:
        await call.consult()
    finally:
        await call.abandon()
    return call.decision


async def refuse(
    request: Request, reason: str, ports: Ports, *, rules: tuple[str, ...] = ()
) -> Denied:
    """The recorded refusal of a request that policy is not asked about.

    *rules* are those that had somebody asked, where it was a person who refused.
    """
    call = Call(new_id(), request, ports)
    call.decision = Decision(Effect.DENY, reason, rules)
    return await call.refusal()


class Call(Recorded):
    """One call on its way through the ports. Whatever a port does wrong is `Unavailable`."""

    __slots__ = ("discharges", "metering")

    def __init__(
        self, identity: str, request: Request, ports: Ports, conceal: Conceal | None = None
    ) -> None:
        self.conceal = conceal
        self.shown = None
        self.id = identity
        self.request = request
        self.ports = ports
        self.decision = UNDECIDED
        self.discharges: tuple[tuple[Obligation, Discharge], ...] = ()
        self.metering: Metering | None = None
        """Where limits are concerned."""

    async def open(self) -> Blocked | None:
        """Decide, ask, and record that the action starts; or why it does not.

        A refusal is an answer here: it is raised once, where the caller is.
        """
        try:
            decision = decide_at_once(self.request, self.ports)
            if not isinstance(decision, Decision):
                decision = await decision
            self.decision = decision
            if decision.wants or decision.claims or decision.approval is not None:
                await self.lift()
            if self.decision.effect is not Effect.ALLOW:
                return await self.refusal()
            try:
                self.carry_out()
                await self.start()
            except BaseException:
                await self.abandon()
                raise
        except Blocked as refusal:
            return refusal
        return None

    async def consult(self) -> None:
        """Decide, and have people lift what they may.

        Raises:
            Pending: nobody has answered yet.
        """
        self.decision = await decide(self.request, self.ports)
        await self.lift()

    async def lift(self) -> None:
        """Have people lift what they may of a decision that was made.

        Raises:
            Pending: nobody has answered yet.
        """
        await self.reserve()
        for _ in range(MOST_QUESTIONS):
            nobody = self.ports.approver is None and self.ports.inbox is None
            if self.decision.approval is None or nobody:
                return
            unlifted = self.decision
            await self.ask()
            self.decision = await decide(self.request, self.ports)
            await self.reserve()
            same = self.decision.approval == unlifted.approval
            if same and self.decision.rules == unlifted.rules:
                return

    async def reserve(self) -> None:
        """Set aside what the decision takes of limits, if it is allowed and enough is left."""
        decision = self.decision
        if not decision.wants and not decision.claims:
            return
        self.request, self.decision = await within_limits(self.request, decision, self.ports)
        if self.decision.claims and self.ports.meter is not None:
            self.metering = self.metering or Metering(self.id, self.ports.meter, self.ports)
            self.decision = await self.metering.reserve(self.request, self.decision)

    async def abandon(self) -> None:
        """Give back what was set aside: the action will not start."""
        if self.metering is not None:
            await self.metering.release()

    async def start(self) -> None:
        """Record that the action starts; from here on it is said to have run."""
        try:
            waits = self.keep(Kind.STARTED, body=claimed(self.decision))
            if waits is not None:
                await waits
        except Unavailable as error:
            if not isinstance(error.__cause__, Conflict):
                raise
            # Somebody else was quicker, or the answer was taken back: it is a denial after all.
            raise await self.overtaken(error.__cause__) from error
        if self.metering is not None:
            self.metering.begins()

    async def ask(self) -> None:
        """Put the denial to people; their answers join the request.

        Raises:
            Pending: nobody has answered yet.
        """
        terms, request, clock = self.decision.approval, self.request, self.ports.clock
        assert terms is not None
        question = ApprovalRequest(
            self.id, request, self.decision, terms, digest_of(request), clock()
        )
        answers = await ask(question, self.ports, self.record, self.show)
        if self.metering is not None:
            self.metering.heard(terms, answers)
        # People take their time, and what was counted before they answered is of yesterday.
        self.request = msgspec.structs.replace(
            request, approvals=request.approvals + answers, at=clock(), used=NOTHING
        )

    async def refusal(self) -> Denied:
        """Record that the action will not run."""
        answers, reply = self.request.approvals, _UNANSWERED
        if answers or self.decision.approval is not None:
            reply = next((each.response for each in answers if each.response is not UNSET), UNSET)
            self.decision = msgspec.structs.replace(
                self.decision,
                reason=why(self.decision, answers),
                advice=self.decision.advice or edit(answers),
            )
        waits = self.keep(Kind.REFUSED, answers)
        if waits is not None:
            await waits
        if reply is not UNSET and self.decision.approval is not None:
            return Responded(
                self.request, self.decision, msgspec.json.decode(msgspec.json.encode(reply))
            )
        refusal = Paused if self.decision.paused else Denied
        return refusal(self.request, self.decision)

    async def overtaken(self, conflict: Conflict) -> Denied:
        """Record that a person's answer, or the want of one, keeps this call from starting."""
        if conflict.case is not None and not self.request.approvals:
            # Policy asks no more, and who was asked when it did said no.
            self.decision = conflict.case.question.decision
            self.request = msgspec.structs.replace(self.request, approvals=conflict.case.answers)
            return await self.refusal()
        self.decision = too_late(self.decision, conflict)
        return await self.refusal()

    def carry_out(self) -> None:
        """Find who discharges each obligation, so that none is dropped."""
        if not self.decision.obligations:
            return
        given = self.request.action.properties
        if amended(given, self.decision, self.ports) != given:
            raise Unavailable("what policy wants taken out of the arguments would still be there")
        known = self.ports.discharges
        for obligation in self.decision.obligations:
            if obligation.type not in known:
                raise Unavailable(f"nothing here can discharge the obligation {obligation.type!r}")
            _check(obligation, known[obligation.type])
        self.discharges = tuple((duty, known[duty.type]) for duty in self.decision.obligations)

    def discharged(self, execute: Execute[T]) -> Execute[T]:
        """*execute*, wrapped in the duties the decision lays on it, and in the readers' scopes."""
        for obligation, discharge in self.discharges:
            execute = discharge(obligation, execute)
        if self.metering is not None:
            execute = self.metering.runs(execute)
        if self.ports.scopes:
            execute = surrounded(execute, self.inside)
        return execute

    def steps(self, generator: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """*generator*, each step of which is part of this call."""
        spending = self.metering and self.metering.spending
        generator = spending.stepping(generator) if spending else generator
        return stepping(generator, self.inside) if self.ports.scopes else generator

    def asteps(self, generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
        """The same, for an asynchronous generator."""
        spending = self.metering and self.metering.spending
        generator = spending.astepping(generator) if spending else generator
        return astepping(generator, self.inside) if self.ports.scopes else generator

    def inside(self) -> AbstractContextManager[None]:
        """Have the readers hold what they hold while the action's code runs."""
        return inside(self.ports.scopes, self.id)

    def returned(self, value: object = None) -> Coroutine[Any, Any, None]:
        """Record that the action came to its end with *value*."""
        try:
            result = freeze(value)
        except NotData:
            return self.end(Kind.RETURNED, Frozen(result_type=type(value).__qualname__))
        return self.end(Kind.RETURNED, NOTHING, result)

    def raised(self, error: BaseException) -> Coroutine[Any, Any, None]:
        """Record that the action ended in *error*."""
        body = {"error": type(error).__qualname__, "message": first_line(error)}
        return self.end(Kind.RAISED, Frozen(body))

    async def end(self, kind: Kind, body: Frozen, result: Any = UNSET) -> None:
        """Count what was used, and record an end; it has run, so a failure is not a refusal."""
        uncounted: Unavailable | None = None
        if self.metering is not None:
            try:
                body = Frozen(body | await self.metering.settle())
            except Unavailable as error:
                uncounted = error
        try:
            waits = self.keep(kind, (), body, result)
            if waits is not None:
                await waits
        except Unavailable as error:
            raise self.unrecorded("its end is not on record") from error
        if uncounted is not None:
            raise self.unrecorded("what it used is not counted") from uncounted

    def unrecorded(self, what: str) -> Unrecorded:
        """What to tell the caller of an action whose end could not be kept."""
        return Unrecorded(
            f"{self.request.action.name} ran, and {what} (call {self.id}): do not run it again"
        )


def _check(obligation: Obligation, discharge: Discharge) -> None:
    """See that *obligation* can be discharged, before anything starts.

    Raises:
        Unavailable: it cannot.
    """
    if not isinstance(discharge, Checking):
        return
    try:
        discharge.check(obligation)
    except Exception as error:
        why = f"the obligation {obligation.type!r} cannot be discharged: {error}"
        raise Unavailable(why) from error
