"""Execlave's public names, over our core.

    from remit.compat.execlave import Execlave, PolicyBlockedError

A program that says `execlave` runs with this import in its place, and without a server: the
control plane is in the process. docs/coming-from/execlave.md lists every name, and what differs.
"""

from __future__ import annotations

from remit import __version__
from remit.compat.execlave.agent import Agent
from remit.compat.execlave.client import Execlave, ExeclaveClient
from remit.compat.execlave.control_plane import ControlPlane
from remit.compat.execlave.errors import (
    AgentPausedError,
    ApprovalTimeoutError,
    EnforcementHaltError,
    EnforcementUnavailableError,
    ExeclaveAuthError,
    ExeclaveError,
    PlanLimitExceededError,
    PolicyBlockedError,
    PolicyDeniedError,
    QuotaExceededError,
    ToolIntegrityError,
    ValidatorDeniedError,
    is_enforcement_error,
    policy_blocked_error_from_violations,
)
from remit.compat.execlave.policies import PolicySpec
from remit.compat.execlave.trace import Trace

__all__ = [
    "Agent",
    "AgentPausedError",
    "ApprovalTimeoutError",
    "ControlPlane",
    "EnforcementHaltError",
    "EnforcementUnavailableError",
    "Execlave",
    "ExeclaveAuthError",
    "ExeclaveClient",
    "ExeclaveError",
    "PlanLimitExceededError",
    "PolicyBlockedError",
    "PolicyDeniedError",
    "PolicySpec",
    "QuotaExceededError",
    "ToolIntegrityError",
    "Trace",
    "ValidatorDeniedError",
    "__version__",
    "is_enforcement_error",
    "policy_blocked_error_from_violations",
]
