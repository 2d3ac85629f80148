"""What Execlave's names raise, as a tree that is part of ours.

    ExeclaveError                     a RemitError
    ├── ExeclaveAuthError
    ├── QuotaExceededError            .resource .current .max
    │   └── PlanLimitExceededError
    └── EnforcementHaltError          a Blocked: it did not run
        ├── PolicyBlockedError        .violations
        │   ├── ValidatorDeniedError  .validator_violations
        │   └── ToolIntegrityError    .tool_violations
        ├── AgentPausedError          .agent_id .reason
        ├── PolicyDeniedError         .approval_request_id .reason
        ├── ApprovalTimeoutError      .approval_request_id
        └── EnforcementUnavailableError   .consecutive_failures .last_error

Everything that halts is a `Blocked`, so adapters of ours catch it, and nothing that was not
checked passes for checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from remit.errors import Blocked, RemitError

Violation: TypeAlias = dict[str, Any]
"""`policyId policyName policyType message enforcementMode severity`."""


class ExeclaveError(RemitError):
    """The base of what Execlave's names raise."""


class ExeclaveAuthError(ExeclaveError):
    """The key is not good."""


class QuotaExceededError(ExeclaveError):
    """A plan's limit is reached. There are no plans here; programs may still name it."""

    def __init__(self, resource: str, current: int, max: int, message: str = "") -> None:  # noqa: A002
        self.resource = resource
        self.current = current
        self.max = max
        super().__init__(message or f"Plan limit reached for {resource} ({current}/{max})")


class PlanLimitExceededError(QuotaExceededError):
    """Likewise."""


class EnforcementHaltError(ExeclaveError, Blocked):
    """What was to be checked must not happen."""


class PolicyBlockedError(EnforcementHaltError):
    """A policy whose mode is `block` says no."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = list(violations)
        said = "; ".join(
            f"[{one.get('policyType', 'unknown')}] {one.get('message', '')}" for one in violations
        )
        super().__init__(f"Execution blocked by policy: {said}")


class ValidatorDeniedError(PolicyBlockedError):
    """A validator of the customer's says no."""

    @property
    def validator_violations(self) -> list[Violation]:
        """Those that are the validator's."""
        return [one for one in self.violations if one.get("policyType") == "custom_validator"]

    @classmethod
    def from_violations(cls, violations: Sequence[Violation]) -> PolicyBlockedError:
        """The error of *violations*: one of this kind if a validator is among them."""
        asked = any(one.get("policyType") == "custom_validator" for one in violations)
        return cls(violations) if asked else PolicyBlockedError(violations)


class ToolIntegrityError(PolicyBlockedError):
    """A tool is not what it was."""

    @property
    def tool_violations(self) -> list[Violation]:
        """Those that are about tools."""
        return [one for one in self.violations if one.get("policyType") == "tool_integrity"]


class AgentPausedError(EnforcementHaltError):
    """The kill switch is on."""

    def __init__(self, agent_id: str, reason: str | None = None) -> None:
        self.agent_id = agent_id
        self.reason = reason
        super().__init__(f"Agent '{agent_id}' is paused{f': {reason}' if reason else ''}")


class PolicyDeniedError(EnforcementHaltError):
    """A person who was asked says no, or there is nobody to ask."""

    def __init__(self, approval_request_id: str, reason: str | None = None) -> None:
        self.approval_request_id = approval_request_id
        self.reason = reason
        why = f": {reason}" if reason else ""
        super().__init__(f"Approval request '{approval_request_id}' was denied{why}")


class ApprovalTimeoutError(EnforcementHaltError):
    """Nobody has answered in time."""

    def __init__(self, approval_request_id: str) -> None:
        self.approval_request_id = approval_request_id
        super().__init__(f"Approval request '{approval_request_id}' timed out")


class EnforcementUnavailableError(EnforcementHaltError):
    """It could not be decided, or not be recorded, so it is no."""

    def __init__(self, consecutive_failures: int, last_error: object = None) -> None:
        self.consecutive_failures = consecutive_failures
        self.last_error = last_error
        why = f" Last error: {last_error}" if last_error else ""
        super().__init__(
            f"Enforcement unavailable after {consecutive_failures} consecutive failures. "
            f"Nothing goes on unchecked.{why}"
        )


def is_enforcement_error(error: object) -> bool:
    """Whether *error* says that what was checked must not happen."""
    return isinstance(error, EnforcementHaltError)


def policy_blocked_error_from_violations(violations: Sequence[Violation]) -> PolicyBlockedError:
    """The most telling error of *violations*."""
    types = {one.get("policyType") for one in violations}
    if "custom_validator" in types:
        return ValidatorDeniedError(violations)
    return (ToolIntegrityError if "tool_integrity" in types else PolicyBlockedError)(violations)
