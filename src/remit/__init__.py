"""Keep AI agents within their remit.

nouns      Subject Action Resource Session Request Decision Effect Risk
           Obligation ApprovalTerms ApprovalRequest Approval Limits
enforce    Guard protect default_guard Toolbox Plan acting_as keep_context
policy     Policy load
ports      Decider Approver Ledger Discharge
ledgers    MemoryLedger SqliteLedger
approvers  FixedApprover TerminalApprover CallbackApprover
errors     RemitError Blocked Denied Paused Pending Unavailable Unrecorded
           NotData PolicyError LogError
"""

from __future__ import annotations

from remit.acting import acting_as, keep_context
from remit.approvers import CallbackApprover, FixedApprover, TerminalApprover
from remit.canonical import Limits
from remit.default import default_guard, protect
from remit.errors import (
    Blocked,
    Denied,
    LogError,
    NotData,
    Paused,
    Pending,
    PolicyError,
    RemitError,
    Unavailable,
    Unrecorded,
)
from remit.guard import Guard
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.sqlite import SqliteLedger
from remit.model import (
    Action,
    Approval,
    ApprovalRequest,
    ApprovalTerms,
    Decision,
    Effect,
    Obligation,
    Request,
    Resource,
    Risk,
    Session,
    Subject,
)
from remit.plan import Plan
from remit.policy import Policy
from remit.ports import Approver, Decider, Discharge, Ledger
from remit.sources import load
from remit.toolbox import Toolbox

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Approval",
    "ApprovalRequest",
    "ApprovalTerms",
    "Approver",
    "Blocked",
    "CallbackApprover",
    "Decider",
    "Decision",
    "Denied",
    "Discharge",
    "Effect",
    "FixedApprover",
    "Guard",
    "Ledger",
    "Limits",
    "LogError",
    "MemoryLedger",
    "NotData",
    "Obligation",
    "Paused",
    "Pending",
    "Plan",
    "Policy",
    "PolicyError",
    "RemitError",
    "Request",
    "Resource",
    "Risk",
    "Session",
    "SqliteLedger",
    "Subject",
    "TerminalApprover",
    "Toolbox",
    "Unavailable",
    "Unrecorded",
    "acting_as",
    "default_guard",
    "keep_context",
    "load",
    "protect",
]
