"""The one check that `enforce_policy` is: a governed call of the action `enforce`.

Its arguments are what the program tells of what it is about to do. The records are those of
any call: `started` and `returned` where it may go on, `refused` where not, with the questions to
people in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from remit import acting_as, who_acts
from remit.canonical import freeze
from remit.compat.execlave.control_plane import ControlPlane, subject
from remit.compat.execlave.errors import (
    AgentPausedError,
    ApprovalTimeoutError,
    EnforcementUnavailableError,
    PolicyBlockedError,
    PolicyDeniedError,
    policy_blocked_error_from_violations,
)
from remit.compat.execlave.outage import FAIL_OPEN, Unreachable
from remit.compat.execlave.policies import ENFORCE
from remit.errors import Blocked, Denied, NotData, Paused, Pending, RemitError
from remit.guard import Guard
from remit.model import Action, Decision, Effect, Request, Subject
from remit.policy.names import spell
from remit.ports import Ports

INVALID = "invalid_request"


@dataclass(frozen=True, slots=True)
class Question:
    """What a program is about to do."""

    agent_id: str
    input: Any
    environment: str
    metadata: Mapping[str, Any] | None = None
    estimated_cost: float | None = None
    tools: Iterable[str] | None = None
    tool_descriptors: Iterable[Mapping[str, Any]] | None = None
    conversation_history: Iterable[Mapping[str, Any]] | None = None
    tool_outputs: Iterable[Mapping[str, Any]] | None = None

    def arguments(self) -> dict[str, Any]:
        """What conditions read as `args`; those that are not given are empty, except the cost.

        Raises:
            ValueError: something is not what it should be.
        """
        given = {
            "input": self.input,
            "environment": self.environment,
            "metadata": dict(self.metadata or {}),
            "tools": [spell(each) for each in _texts(self.tools)],
            "tool_descriptors": list(self.tool_descriptors or ()),
            "conversation_history": list(self.conversation_history or ()),
            "tool_outputs": list(self.tool_outputs or ()),
        }
        if self.estimated_cost is not None:
            given["estimated_cost"] = _cost(self.estimated_cost)
        return given

    def request(self) -> Request:
        """The request that it is.

        Raises:
            ValueError: something is not what it should be, or is no data.
        """
        action = Action(ENFORCE, freeze(self.arguments(), path="request"))
        with acting_as(subject(freeze(self.agent_id, path="agent_id"))):
            return who_acts().request(action)


class Enforcement:
    """Asks *guard*, and tells in Execlave's words."""

    def __init__(self, guard: Guard, plane: ControlPlane) -> None:
        self._guard = guard
        self._plane = plane

    async def enforce(self, question: Question, ports: Ports) -> dict[str, Any]:
        """What Execlave returns where the program may go on.

        Raises:
            EnforcementHaltError: it may not.
        """
        try:
            request = question.request()
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise await self._invalid(question, error, ports) from error
        try:
            call = await self._guard.begin(request, ports)
            await call.returned()
        except RemitError as refusal:
            raise self.translated(refusal, question.agent_id) from refusal
        return self._allowed(call.request, call.decision)

    def begin(self, who: Subject, agent_id: str | None) -> None:
        """Begin nothing for an agent that is paused; the refusal is on record.

        Raises:
            AgentPausedError: it is paused.
            EnforcementUnavailableError: that could not be found out.
        """
        try:
            if self._guard.pause_of(who) is None:
                return
            # It is not for policy to say whether a trace may begin, only for the kill switch.
            switch = self._guard.replace(decider=_Any(), approver=None)
            switch.call(Request(who, Action("run.start")), lambda: None)
        except RemitError as refusal:
            raise self.translated(refusal, agent_id or "unknown") from refusal

    def translated(self, refusal: RemitError, agent_id: str) -> Blocked:
        """*refusal* in Execlave's words."""
        match refusal:
            case Paused():
                pauses = self._plane.guard.pause_of(refusal.request.subject)
                reason = pauses.reason if pauses else refusal.decision.reason
                return AgentPausedError(agent_id, reason or None)
            case Denied() if refusal.decision.approval is not None:
                answers = refusal.request.approvals
                asked = answers[-1].request if answers else ""
                said = answers[-1].reason if answers else ""
                return PolicyDeniedError(asked, said or refusal.decision.reason)
            case Denied():
                return policy_blocked_error_from_violations(self._violations(refusal.decision))
            case Pending():
                return ApprovalTimeoutError(refusal.approval_request.id)
        cause = refusal.__cause__
        if isinstance(cause, Unreachable):
            return EnforcementUnavailableError(cause.failures, cause.last)
        return EnforcementUnavailableError(1, cause or refusal)

    def _violations(self, decision: Decision) -> list[dict[str, Any]]:
        rules = decision.rules or ("default",)
        return [self._plane.violation(rule, decision) for rule in rules]

    def _allowed(self, request: Request, decision: Decision) -> dict[str, Any]:
        fired = [each.rpartition(": ")[0] for each in decision.monitored]
        result: dict[str, Any] = {
            "allowed": True,
            "violations": [],
            "warnings": [self._warning(rule, decision) for rule in fired],
        }
        if FAIL_OPEN in decision.rules:
            breaker = "circuit_breaker" in decision.reason.partition(": ")[2].partition(": ")[0]
            result["source"] = f"fail_open_{'circuit_breaker' if breaker else 'network_error'}"
            result["warnings"].append(self._warning(FAIL_OPEN, decision))
        if request.approvals:
            result["approvalRequestId"] = request.approvals[-1].request
        return result

    def _warning(self, rule: str, decision: Decision) -> dict[str, Any]:
        told = self._plane.violation(rule, decision)
        return told if told["enforcementMode"] == "monitor" else {**told, "enforcementMode": "warn"}

    async def _invalid(
        self, question: Question, error: Exception, ports: Ports
    ) -> PolicyBlockedError | EnforcementUnavailableError:
        """The refusal of what cannot be decided on; it is on record, without what it was."""
        why = str(error) if isinstance(error, NotData | ValueError) else type(error).__name__
        why = why.encode(errors="replace").decode()
        request = Request(
            subject(question.agent_id.encode(errors="replace").decode()),
            Action(ENFORCE),
        )
        try:
            await self._guard.refuse(request, why, ports, rules=(INVALID,))
        except RemitError as refusal:
            return EnforcementUnavailableError(1, refusal)
        told = self._plane.violation(INVALID, Decision(Effect.DENY, why))
        return PolicyBlockedError([told])


class _Any:
    """Allows everything that is not paused."""

    def decide(self, _: Request, /) -> Decision:
        return Decision(Effect.ALLOW, "nothing is decided on")


def _texts(tools: Iterable[str] | None) -> list[str]:
    if isinstance(tools, str | bytes | Mapping):
        raise ValueError("tools is a list of names")  # noqa: TRY004 - of a request, not of a call
    given = list(tools or ())
    if not all(isinstance(each, str) for each in given):
        raise ValueError("tools is a list of names")
    return given


def _cost(cost: float) -> float:
    try:
        number = math.nan if isinstance(cost, bool | str) else float(cost)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ValueError("estimated_cost is not an amount")
    return number
