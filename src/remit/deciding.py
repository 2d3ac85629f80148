"""Putting a request to the decider, with what it wants to know of limits."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from msgspec.structs import replace

from remit.canonical import NOTHING
from remit.errors import Unavailable
from remit.metering import foretold, inform, unmetered
from remit.model import Decision, Effect, Pause, Request, Subject
from remit.ports import Maybe, Ports, settle

MOST_WANTED = 16
"""Limits that the conditions of one decision may ask about one after the other."""


def fresh(request: Request, ports: Ports) -> Request:
    """*request*, about this moment if it names none, and without what somebody says was counted."""
    if request.used:
        # What was counted is what a meter says, whoever made the request.
        request = replace(request, used=NOTHING)
    return request if request.at else replace(request, at=ports.clock())


async def decide(request: Request, ports: Ports) -> Decision:
    """The decider's answer, or `Unavailable`; who is paused is denied without asking it."""
    decision = decide_at_once(request, ports)
    return decision if isinstance(decision, Decision) else await decision


def decide_at_once(request: Request, ports: Ports) -> Decision | Awaitable[Decision]:
    """The same, where it is known at once; mostly there is nothing to wait for."""
    found = look_for_pause(request.subject, ports)
    if found is not None:
        return _unless_paused(found, request, ports)
    decision = _asked(request, ports)
    return decision if isinstance(decision, Decision) else _decided(decision, request, ports)


async def _unless_paused(found: Maybe[Pause | None], request: Request, ports: Ports) -> Decision:
    pause = await pause_found(found, request.subject, ports)
    if pause is None:
        answer = _asked(request, ports)
        return answer if isinstance(answer, Decision) else await _decided(answer, request, ports)
    why = f": {pause.reason}" if pause.reason else ""
    return Decision(Effect.DENY, f"paused by {pause.by}{why}", paused=True)


def _asked(request: Request, ports: Ports) -> Maybe[Decision]:
    try:
        return ports.decider.decide(request)
    except Exception as error:
        raise _undecided(request, error) from error


async def _decided(answer: Maybe[Decision], request: Request, ports: Ports) -> Decision:
    try:
        decision = await settle(answer, ports)
    except Exception as error:
        raise _undecided(request, error) from error
    if not isinstance(decision, Decision):
        raise Unavailable(f"the decider answered with a {type(decision).__name__}")
    return decision


def _undecided(request: Request, error: Exception) -> Unavailable:
    return Unavailable(f"no decision on {request.action.name} could be had: {error}")


async def pause_of(subject: Subject, ports: Ports) -> Pause | None:
    """The pause that stops *subject*, or `Unavailable`."""
    found = look_for_pause(subject, ports)
    return None if found is None else await pause_found(found, subject, ports)


def look_for_pause(subject: Subject, ports: Ports) -> Maybe[Pause | None]:
    """The same, where it is known at once; mostly there is none, and nothing to wait for."""
    try:
        return None if ports.pauses is None else ports.pauses.find(subject)
    except Exception as error:
        raise _unknown(subject, error) from error


async def pause_found(found: Maybe[Pause | None], subject: Subject, ports: Ports) -> Pause | None:
    """What `look_for_pause` answered, once it is there. It is to be waited for: a thread looks."""
    try:
        return await settle(found, ports)
    except Exception as error:
        raise _unknown(subject, error) from error


def _unknown(subject: Subject, error: Exception) -> Unavailable:
    return Unavailable(f"whether {subject.id} is paused could not be found out: {error}")


async def foresee(request: Request, ports: Ports) -> Decision:
    """The decision as it would be now. What limits have counted is asked, and not changed."""
    decision = await decide(request, ports)
    if decision.wants or decision.claims:
        _, decision = await within_limits(request, decision, ports)
    if decision.claims and ports.meter is not None:
        decision = await foretold(decision, ports.meter, ports)
    return decision


async def within_limits(
    request: Request, decision: Decision, ports: Ports
) -> tuple[Request, Decision]:
    """*decision* once it knows all it wants of limits, with the request that says so."""
    if ports.meter is None:
        return request, unmetered(decision)
    for _ in range(MOST_WANTED):
        if not decision.wants:
            break
        request = await inform(request, decision, ports.meter, ports)
        decision = await decide(request, ports)
    return request, decision


def amended(given: Mapping[str, Any], decision: Decision, ports: Ports) -> Mapping[str, Any]:
    """*given* without what *decision* wants taken out.

    Raises:
        Unavailable: it could not be taken out.
    """
    if ports.amend is None:
        return given
    try:
        return ports.amend(given, decision)
    except Unavailable:
        raise
    except Exception as error:
        raise Unavailable(f"the arguments could not be amended: {error}") from error
