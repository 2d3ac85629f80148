"""The nouns of Aegis, and its policies."""

from __future__ import annotations

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.builder import PolicyBuilder, RuleBuilder
from remit.compat.aegis.core.conditions import evaluate_conditions
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.plan import ExecutionPlan
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.result import Result, ResultStatus
from remit.compat.aegis.core.risk import RiskLevel
from remit.compat.aegis.core.rule import PolicyRule

__all__ = [
    "Action",
    "Approval",
    "ExecutionPlan",
    "Policy",
    "PolicyBuilder",
    "PolicyDecision",
    "PolicyRule",
    "Result",
    "ResultStatus",
    "RiskLevel",
    "RuleBuilder",
    "evaluate_conditions",
]
