"""What a policy says about one action."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.risk import RiskLevel

DEFAULT_RULE = "<default>"
"""How a decision calls what holds when no rule matches."""


class Approval(StrEnum):
    """What has to happen before an action runs."""

    AUTO = "auto"
    APPROVE = "approve"
    BLOCK = "block"

    @property
    def severity(self) -> int:
        """The higher, the stricter."""
        return list(Approval).index(self)


@dataclass(frozen=True)
class PolicyDecision:
    """The answer to one action."""

    action: Action
    risk_level: RiskLevel
    approval: Approval
    matched_rule: str = ""

    @property
    def is_allowed(self) -> bool:
        """Whether it is not blocked. It may still need a person: see `may_run_now`."""
        return self.approval is not Approval.BLOCK

    @property
    def may_run_now(self) -> bool:
        """Whether it may run without anybody being asked."""
        return self.approval is Approval.AUTO
