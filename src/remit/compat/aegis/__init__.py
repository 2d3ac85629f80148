"""Aegis' public names, over our core.

    from remit.compat.aegis import Action, Policy, Runtime
    from remit.compat.aegis.adapters.openai_agents import governed_tool

A program that says `aegis` runs with this import in its place. Its calls go through a guard, so
they leave the records of any governed call, those that are blocked and denied included.
docs/coming-from/aegis.md lists every name, and what differs.
"""

from __future__ import annotations

from remit import __version__
from remit.compat.aegis.adapters.base import BaseExecutor
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.builder import PolicyBuilder, RuleBuilder
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.plan import ExecutionPlan
from remit.compat.aegis.core.plan_rules import (
    CumulativeRiskThreshold,
    PlanRules,
    PlanViolation,
    SequencePattern,
)
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.result import Result, ResultStatus
from remit.compat.aegis.core.risk import RiskLevel
from remit.compat.aegis.core.rule import PolicyRule
from remit.compat.aegis.runtime.approval import (
    ApprovalHandler,
    AutoApprovalHandler,
    CallbackApprovalHandler,
    CLIApprovalHandler,
)
from remit.compat.aegis.runtime.approval_webhook import WebhookApprovalHandler
from remit.compat.aegis.runtime.audit import AuditLogger
from remit.compat.aegis.runtime.engine import Runtime
from remit.compat.aegis.runtime.hooks import RuntimeHooks
from remit.compat.aegis.runtime.watcher import PolicyWatcher

__all__ = [
    "Action",
    "Approval",
    "ApprovalHandler",
    "AuditLogger",
    "AutoApprovalHandler",
    "BaseExecutor",
    "CLIApprovalHandler",
    "CallbackApprovalHandler",
    "CumulativeRiskThreshold",
    "ExecutionPlan",
    "PlanRules",
    "PlanViolation",
    "Policy",
    "PolicyBuilder",
    "PolicyDecision",
    "PolicyRule",
    "PolicyWatcher",
    "Result",
    "ResultStatus",
    "RiskLevel",
    "RuleBuilder",
    "Runtime",
    "RuntimeHooks",
    "SequencePattern",
    "WebhookApprovalHandler",
    "__version__",
]
