"""A decision of ours in the facade's words."""

from __future__ import annotations

from typing import Any

from remit.compat.waxell.errors import PolicyViolationError
from remit.compat.waxell.scrub import DUTY
from remit.compat.waxell.types import PolicyCheckResult
from remit.errors import Blocked, Denied, Pending
from remit.model import ApprovalTerms, Decision

THROTTLING = frozenset({"rate-limit", "end-user-rate-limit"})
"""Categories whose denials are called `throttle`."""


def verdict(decision: Decision, workflow: str = "", *, ends: bool = False) -> PolicyCheckResult:
    """*decision* as a `PolicyCheckResult`.

    Only the end of a run can be denied softly: before that nothing goes on that is denied,
    whatever advice there is.
    """
    action = _action(decision, ends=ends)
    metadata: dict[str, Any] = {"policy": decision.policy}
    if decision.advice:
        metadata["advice"] = decision.advice
    if decision.approval is not None:
        metadata |= approval_terms(decision.approval, workflow)
    evaluations = [
        {
            "policy_name": rule,
            "category": category(rule),
            "action": action,
            "reason": decision.reason,
            "metadata": metadata,
        }
        for rule in decision.rules
    ]
    return PolicyCheckResult(action, _reason(decision, action), metadata, evaluations)


def violation(error: Blocked, workflow: str = "") -> PolicyViolationError:
    """*error* as a `PolicyViolationError`."""
    if isinstance(error, PolicyViolationError):
        return error
    if isinstance(error, Denied):
        ends = error.request.action.name == "run.end"
        return PolicyViolationError(str(error), verdict(error.decision, workflow, ends=ends))
    if isinstance(error, Pending):
        question = error.approval_request
        metadata = {"approval": question.id, **approval_terms(question.terms, workflow)}
        return PolicyViolationError(str(error), PolicyCheckResult("block", str(error), metadata))
    return PolicyViolationError(str(error))


def approval_terms(terms: ApprovalTerms, workflow: str) -> dict[str, Any]:
    """Who may lift a denial, and within which time."""
    return {
        "approvers": list(terms.approvers),
        "timeout_minutes": terms.within / 60,
        "action_type": workflow,
    }


def category(rule: str) -> str:
    """The category of a rule, as the templates name theirs: `budget` for `budget.tokens`."""
    name = rule.rpartition("/")[2]
    return name.partition(".")[0] if "." in name else ""


def _action(decision: Decision, *, ends: bool) -> str:
    if decision.allowed:
        if any(duty.type in {DUTY, "redact"} for duty in decision.obligations):
            return "redact"
        return "warn" if decision.advice or decision.monitored else "allow"
    if ends and decision.advice:
        return "retry"
    return "throttle" if {category(rule) for rule in decision.rules} & THROTTLING else "block"


def _reason(decision: Decision, action: str) -> str:
    if action == "warn":
        return decision.advice or f"would apply: {', '.join(decision.monitored)}"
    if action == "retry":
        return f"{decision.reason}: {decision.advice}"
    return decision.reason
