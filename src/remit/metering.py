"""What a governed call has to do with meters, from what policy wants to know to what it used.

inform    puts what limits have counted into a request whose decision wants to know it
foretold  is what would come of a decision
Metering  sets aside what a call takes, and settles what it used
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from msgspec.structs import replace

from remit.amounts import ONE, Amounts, millionths, number
from remit.canonical import NOTHING, Frozen
from remit.errors import Unavailable
from remit.model import (
    Approval,
    ApprovalTerms,
    Claim,
    Decision,
    Effect,
    Exceeded,
    Request,
    Reservation,
    Share,
)
from remit.ports import Execute, Maybe, Meter, Ports, settle
from remit.spending import Spending

T = TypeVar("T")

NO_METER = "there is no meter; give the guard one: Guard(meter=SqliteMeter(...))"


async def inform(request: Request, decision: Decision, meter: Meter, ports: Ports) -> Request:
    """*request*, with what *decision* wants to know."""
    known: dict[str, Any] = dict(request.used)
    for wanted in decision.wants:
        used = await _used(wanted.share, meter, ports)
        known[wanted.share.limit] = {unit: number(used.get(unit, 0)) for unit in wanted.units}
    return replace(request, used=known)


async def foretold(decision: Decision, meter: Meter, ports: Ports) -> Decision:
    """*decision*, or the denial it would be if the call began now. Nothing is set aside."""
    for claim in decision.claims:
        exceeded = claim.exceeded(await _used(claim.share, meter, ports))
        if exceeded is not None and claim.binds:
            return _beyond(decision, exceeded)
    return decision


async def _used(share: Share, meter: Meter, ports: Ports) -> Amounts:
    try:
        return await settle(meter.used(share), ports)
    except Exception as error:
        why = f"the meter could not say what was used of {share.limit!r}: {error}"
        raise Unavailable(why) from error


def unmetered(decision: Decision) -> Decision:
    """What holds of *decision* where nothing counts: a limit that is not kept is none."""
    if decision.wants:
        return replace(decision, reason=f"{decision.reason}: {NO_METER}")
    binding = [claim for claim in decision.claims if claim.binds]
    if not binding:
        return replace(decision, claims=())
    why = f"the limit {binding[0].share.limit!r} cannot be kept: {NO_METER}"
    return _denied(decision, binding[0], why)


class Metering:
    """What is set aside for one call, until it is settled or given back."""

    __slots__ = ("_answers", "_began", "_call", "_meter", "_ports", "_reservation", "spending")

    def __init__(self, call: str, meter: Meter, ports: Ports) -> None:
        self._call = call
        self._meter = meter
        self._ports = ports
        self._answers: dict[str, tuple[Approval, ...]] = {}
        """What people have said about going beyond a limit."""
        self._reservation: Reservation | None = None
        self._began = 0.0
        self.spending: Spending | None = None

    async def reserve(self, request: Request, decision: Decision) -> Decision:
        """Set aside what *decision* claims; a denial if not enough is left."""
        claims = tuple(
            replace(claim, lifted=claim.lifted and self._lifted(request, claim))
            for claim in decision.claims
        )
        answer = await self._ask(claims)
        if isinstance(answer, Exceeded):
            return _beyond(decision, answer)
        self._reservation = answer
        self.spending = Spending(claims)
        told = tuple(
            f"{each.claim.share.limit}: {'ask' if each.claim.terms else 'deny'}"
            for each in answer.exceeded
            if each.claim.monitored
        )
        return replace(decision, claims=claims, monitored=decision.monitored + told)

    def heard(self, terms: ApprovalTerms, answers: tuple[Approval, ...]) -> None:
        """Remember what people answered who were asked on these *terms*."""
        if terms.limit:
            self._answers[terms.limit] = answers

    def _lifted(self, request: Request, claim: Claim) -> bool:
        """Whether people have lifted it who knew that this limit is exceeded.

        Policy says whether the approvals of a request lift it; those that answer another
        question about the same request do not.
        """
        # A program without limits has no need of what policies are made of.
        from remit.policy.approval import Answers

        answers = self._answers.get(claim.share.limit, ())
        asked = Answers(replace(request, approvals=answers))
        return claim.terms is not None and bool(asked.lift(claim.terms))

    async def _ask(self, claims: tuple[Claim, ...]) -> Reservation | Exceeded:
        try:
            answer = self._meter.reserve(self._call, claims)
            try:
                found: Reservation | Exceeded = await settle(answer, self._ports)
            except BaseException:
                if isinstance(answer, Future):
                    # Nobody is left who could give back what may still be set aside.
                    answer.add_done_callback(self._forget)
                raise
        except Exception as error:
            raise Unavailable(f"the meter could not set anything aside: {error}") from error
        if not isinstance(found, Reservation | Exceeded):
            raise Unavailable(f"the meter answered with a {type(found).__name__}")
        return found

    def _forget(self, answer: Future[Reservation | Exceeded]) -> None:
        found = None if answer.cancelled() or answer.exception() else answer.result()
        if isinstance(found, Reservation):
            self._meter.release(found)

    async def release(self) -> None:
        """Give back what was set aside: the call does not start."""
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            # What has kept the call from starting is what the caller has to hear of.
            with suppress(Exception):
                await self._hand_over(self._meter.release(reservation))

    def begins(self) -> None:
        """The call starts: time is counted from here on."""
        self._began = time.perf_counter()

    def runs(self, execute: Execute[T]) -> Execute[T]:
        """*execute*, and what it spends is spent by this call."""
        spending = self.spending
        if spending is None:
            # Nothing was left when it was first asked, and in the end no limit was about it.
            return execute

        def metered() -> Any:
            with spending.here():
                value = execute()
            return spending.awaiting(value) if hasattr(value, "__await__") else value

        return metered

    async def settle(self) -> Frozen:
        """Count what the call used, and return it for the record."""
        reservation, self._reservation = self._reservation, None
        spending = self.spending
        if reservation is None or spending is None:
            return NOTHING
        seconds = millionths(time.perf_counter() - self._began)
        measured = {"calls": ONE, "seconds": seconds}
        used: list[Amounts] = [
            {unit: measured.get(unit, told) for unit, told in spending.told(claim).items()}
            for claim in reservation.claims
        ]
        try:
            await self._hand_over(self._meter.settle(reservation, tuple(used)))
        except Exception as error:
            raise Unavailable(f"the meter could not count what was used: {error}") from error
        return Frozen(spent=tuple(map(_entry, reservation.claims, used)))

    async def _hand_over(self, answer: Maybe[None]) -> None:
        """Wait, unless the meter has taken it over."""
        if not isinstance(answer, Future) or answer.done():
            await settle(answer, self._ports)


def claimed(decision: Decision) -> Frozen:
    """What a call takes, for the record that it starts."""
    if not decision.claims:
        return NOTHING
    return Frozen(claims=tuple(_entry(claim, claim.takes) for claim in decision.claims))


def _entry(claim: Claim, amounts: Amounts) -> Frozen:
    shown = {unit: number(amount) for unit, amount in amounts.items() if unit != "concurrent"}
    return Frozen(limit=claim.share.limit, key=claim.share.key, **shown)


def _beyond(decision: Decision, exceeded: Exceeded) -> Decision:
    reason = exceeded.claim.reason
    why = f"{reason}: {exceeded}" if reason else str(exceeded)
    return _denied(decision, exceeded.claim, why)


def _denied(decision: Decision, claim: Claim, why: str) -> Decision:
    return Decision(
        Effect.DENY,
        why,
        (claim.share.limit,),
        errors=decision.errors,
        risk=decision.risk,
        advice=claim.advice,
        approval=claim.terms,
        monitored=decision.monitored,
        policy=decision.policy,
    )
