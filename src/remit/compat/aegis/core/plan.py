"""What would happen: actions, and what a policy says about each and about all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from remit.canonical import Frozen
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.plan_rules import PlanViolation
from remit.compat.aegis.core.risk import RiskLevel
from remit.visible import visible


@dataclass
class ExecutionPlan:
    """Decisions in the order in which their actions would run. It runs nothing by itself."""

    decisions: list[PolicyDecision] = field(default_factory=list)
    plan_violations: list[PlanViolation] = field(default_factory=list)

    @property
    def has_plan_violations(self) -> bool:
        """Whether the actions together break a rule."""
        return bool(self.plan_violations)

    @property
    def has_blocked(self) -> bool:
        """Whether anything of it is blocked."""
        return any(each.approval is Approval.BLOCK for each in self._all())

    @property
    def requires_approval(self) -> bool:
        """Whether anybody will be asked."""
        return any(each.approval is Approval.APPROVE for each in self._all())

    @property
    def auto_only(self) -> bool:
        """Whether all of it runs without anybody being asked."""
        return all(each.approval is Approval.AUTO for each in self._all())

    def _all(self) -> Iterator[PolicyDecision | PlanViolation]:
        yield from self.decisions
        yield from self.plan_violations

    def summary(self) -> str:
        """One line for each action, and for each rule that the plan breaks."""
        lines = [
            f"  {number}. {_tag(each.approval)} {visible(str(each.action))}"
            f"  (risk={each.risk_level.name}, rule={each.matched_rule})"
            for number, each in enumerate(self.decisions, 1)
        ]
        if self.plan_violations:
            lines.append("  Plan violations:")
        lines += [
            f"    - {_tag(each.approval)} {each.rule_name}: {each.description}"
            for each in self.plan_violations
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The plan as data."""
        return {
            "decisions": [_decision(each) for each in self.decisions],
            "plan_violations": [_violation(each) for each in self.plan_violations],
        }

    def filter(
        self,
        *,
        approval: Approval | None = None,
        risk_level: RiskLevel | None = None,
        allowed_only: bool = False,
    ) -> ExecutionPlan:
        """The part of the plan that fits. What the whole plan breaks, the part is told as well."""
        kept = [
            each
            for each in self.decisions
            if approval in {None, each.approval}
            and risk_level in {None, each.risk_level}
            and (each.is_allowed or not allowed_only)
        ]
        return ExecutionPlan(kept, list(self.plan_violations))

    def __len__(self) -> int:
        return len(self.decisions)

    def __iter__(self) -> Iterator[PolicyDecision]:
        return iter(self.decisions)

    def __getitem__(self, index: int) -> PolicyDecision:
        return self.decisions[index]


def _tag(approval: Approval) -> str:
    return f"[{approval.value.upper():>7}]"


def _decision(decision: PolicyDecision) -> dict[str, Any]:
    action = decision.action
    return {
        "action_type": action.type,
        "action_target": action.target,
        "params": thawed(action.params),
        "description": action.description,
        "risk_level": decision.risk_level.name.lower(),
        "approval": decision.approval.value,
        "matched_rule": decision.matched_rule,
        "is_allowed": decision.is_allowed,
    }


def _violation(violation: PlanViolation) -> dict[str, Any]:
    return {
        "rule_name": violation.rule_name,
        "description": violation.description,
        "approval": violation.approval.value,
        "risk_level": violation.risk_level.name.lower(),
        "involved_actions": [action.type for action in violation.involved_actions],
    }


def thawed(value: Any) -> Any:
    """*value* in lists and dictionaries that may be changed."""
    if isinstance(value, Frozen | dict):
        return {key: thawed(member) for key, member in value.items()}
    if isinstance(value, tuple | list):
        return [thawed(item) for item in value]
    return value
