"""What the facade raises.

RemitError
└── ObserveError
    ├── PolicyViolationError   also a Blocked: it did not run     .policy_result
    └── ConfigurationError     something was asked for that is not to be had here
"""

from __future__ import annotations

from remit.compat.waxell.types import PolicyCheckResult
from remit.errors import Blocked, RemitError


class ObserveError(RemitError):
    """The base of what is raised under these names."""


class PolicyViolationError(ObserveError, Blocked):
    """Policy says no, or nobody could be asked what it says. `policy_result` says which, always."""

    def __init__(self, message: str, policy_result: PolicyCheckResult | None = None) -> None:
        self.policy_result = policy_result or PolicyCheckResult("block", message)
        super().__init__(message)


class ConfigurationError(ObserveError):
    """Something was asked for that would not be there; nobody is left to believe it were."""
