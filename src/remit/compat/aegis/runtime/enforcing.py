"""What stands between a plan and its actions: our ports, as a runtime of Aegis fills them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.plan import thawed
from remit.compat.aegis.core.plan_rules import PlanViolation
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.request import action_of
from remit.compat.aegis.runtime.approval import ApprovalHandler, asked
from remit.compat.aegis.runtime.hooks import RuntimeHooks, tell
from remit.model import (
    Approval as Answer,
)
from remit.model import (
    ApprovalRequest,
    ApprovalTerms,
    Decision,
    Effect,
    Request,
    Subject,
)
from remit.policy.approval import Answers
from remit.policy.formats.names import identifier

OPERATOR = Subject("user", "operator")
"""Who answers, where a handler does not say who does."""

TERMS = ApprovalTerms()

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stricter:
    """Decides by *policy* as it is now, and by what was planned: the stricter of the two."""

    policy: Policy
    planned: PolicyDecision

    def decide(self, request: Request, /) -> Decision:
        """The answer to *request*."""
        now = self.policy.decide(request)
        match self.planned.approval:
            case Approval.BLOCK if now.allowed or now.approval is not None:
                return self._denied(None)
            case Approval.APPROVE if now.allowed and not Answers(request).lift(TERMS):
                return self._denied(TERMS)
        return now

    def _denied(self, terms: ApprovalTerms | None) -> Decision:
        planned = self.planned
        rules = (identifier(planned.matched_rule),) if planned.matched_rule else ()
        return Decision(
            Effect.DENY,
            f"the plan says so: {planned.approval.value}",
            rules,
            risk=planned.risk_level.risk,
            approval=terms,
            policy=self.policy.digest,
        )


class Asking(Protocol):
    """What an approver needs to know of a runtime."""

    hooks: RuntimeHooks
    approval_timeout: float

    @property
    def policy(self) -> Policy:
        """What decides now."""
        ...


class HandlerApprover:
    """Puts our questions to a handler of Aegis. What it does wrong is a no, on record."""

    def __init__(self, handler: ApprovalHandler, runtime: Asking) -> None:
        self.handler = handler
        self.runtime = runtime

    async def ask(self, question: ApprovalRequest, /) -> tuple[Answer, ...]:
        """What the handler answers."""
        action = action_of(question.request, thawed(question.request.action.properties))
        decision = self.runtime.policy.verdict(action, question.decision)
        approved, reason = await self._asked(decision)
        await tell(self.runtime.hooks.on_approval, decision, approved)
        who = getattr(self.handler, "approver", OPERATOR)
        return (Answer(approved, who, question.digest, time.time_ns(), reason),)

    async def _asked(self, decision: PolicyDecision) -> tuple[bool, str]:
        try:
            async with asyncio.timeout(self.runtime.approval_timeout):
                return await asked(self.handler.request_approval, decision), ""
        except TimeoutError:
            return False, "nobody answered in time"
        except Exception as error:  # noqa: BLE001 - whatever a handler does wrong is a no
            _log.exception("the approval handler failed, so it is no")
            return False, f"the approval handler failed: {type(error).__name__}"


def stricter(
    decisions: Sequence[PolicyDecision], violations: Sequence[PlanViolation]
) -> list[PolicyDecision]:
    """*decisions*, as the rules about plans leave them: a plan that is blocked is so in whole."""
    found = list(decisions)
    for violation in sorted(violations, key=lambda each: each.approval.severity):
        for place, decision in enumerate(found):
            about = violation.approval is Approval.BLOCK or _is_about(violation, decision)
            if about and violation.approval.severity > decision.approval.severity:
                found[place] = replace(
                    decision,
                    approval=violation.approval,
                    risk_level=max(decision.risk_level, violation.risk_level),
                    matched_rule=violation.rule_name,
                )
    return found


def _is_about(violation: PlanViolation, decision: PolicyDecision) -> bool:
    involved = violation.involved_actions
    return not involved or any(each == decision.action for each in involved)
