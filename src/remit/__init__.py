"""Keep AI agents within their remit.

nouns      Subject Action Resource Session Request Decision Effect Risk
           Obligation ApprovalTerms ApprovalRequest Approval Pause Limits
enforce    Guard protect use default_guard Toolbox Plan acting_as acting_for who_acts Acting
           keep_context
runs       observe run Run current_run step tag score metadata decision reasoning
           retrieval retry message input human_turn pause phase
models     instrument uninstrument
policy     Policy load watch WatchedPolicy
ports      Decider Approver Ledger Meter Discharge Reader
ledgers    MemoryLedger SqliteLedger
meters     MemoryMeter SqliteMeter spend
approvers  FixedApprover TerminalApprover CallbackApprover Inbox Desk
errors     RemitError Blocked Denied Paused Responded Pending Unavailable Unrecorded
           NotData PolicyError LogError Incompatible Conflict
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from remit.acting import Acting, acting_as, acting_for, keep_context, who_acts
from remit.approvers import CallbackApprover, FixedApprover, TerminalApprover
from remit.canonical import Limits
from remit.default import default_guard, protect, use
from remit.errors import (
    Blocked,
    Conflict,
    Denied,
    Incompatible,
    LogError,
    NotData,
    Paused,
    Pending,
    PolicyError,
    RemitError,
    Responded,
    Unavailable,
    Unrecorded,
)
from remit.guard import Guard
from remit.model import (
    Action,
    Approval,
    ApprovalRequest,
    ApprovalTerms,
    Decision,
    Effect,
    Obligation,
    Pause,
    Request,
    Resource,
    Risk,
    Session,
    Subject,
)
from remit.plan import Plan
from remit.ports import Approver, Decider, Discharge, Ledger, Meter, Reader
from remit.spending import spend

if TYPE_CHECKING:
    from remit.approvers.desk import Desk
    from remit.approvers.inbox import Inbox
    from remit.ledgers.memory import MemoryLedger
    from remit.ledgers.sqlite import SqliteLedger
    from remit.meters.memory import MemoryMeter
    from remit.meters.sqlite import SqliteMeter
    from remit.models.instrument import instrument, uninstrument
    from remit.policy import Policy
    from remit.runs.asking import input  # noqa: A004 - it behaves like the builtin
    from remit.runs.block import run
    from remit.runs.observe import observe
    from remit.runs.run import Run
    from remit.runs.telling import (
        current_run,
        decision,
        human_turn,
        message,
        metadata,
        pause,
        phase,
        reasoning,
        retrieval,
        retry,
        score,
        step,
        tag,
    )
    from remit.sources import load
    from remit.toolbox import Toolbox
    from remit.watched import WatchedPolicy, watch

__version__ = "0.1.0"

__all__ = [
    "Acting",
    "Action",
    "Approval",
    "ApprovalRequest",
    "ApprovalTerms",
    "Approver",
    "Blocked",
    "CallbackApprover",
    "Conflict",
    "Decider",
    "Decision",
    "Denied",
    "Desk",
    "Discharge",
    "Effect",
    "FixedApprover",
    "Guard",
    "Inbox",
    "Incompatible",
    "Ledger",
    "Limits",
    "LogError",
    "MemoryLedger",
    "MemoryMeter",
    "Meter",
    "NotData",
    "Obligation",
    "Pause",
    "Paused",
    "Pending",
    "Plan",
    "Policy",
    "PolicyError",
    "Reader",
    "RemitError",
    "Request",
    "Resource",
    "Responded",
    "Risk",
    "Run",
    "Session",
    "SqliteLedger",
    "SqliteMeter",
    "Subject",
    "TerminalApprover",
    "Toolbox",
    "Unavailable",
    "Unrecorded",
    "WatchedPolicy",
    "acting_as",
    "acting_for",
    "current_run",
    "decision",
    "default_guard",
    "human_turn",
    "input",
    "instrument",
    "keep_context",
    "load",
    "message",
    "metadata",
    "observe",
    "pause",
    "phase",
    "protect",
    "reasoning",
    "retrieval",
    "retry",
    "run",
    "score",
    "spend",
    "step",
    "tag",
    "uninstrument",
    "use",
    "watch",
    "who_acts",
]

# What not every program needs is imported when it is first asked for: the compiler of policies
# takes longer to import than everything else, and a hook starts a new interpreter for each call.
_LATER = {
    "Desk": "remit.approvers.desk",
    "Inbox": "remit.approvers.inbox",
    "MemoryLedger": "remit.ledgers.memory",
    "MemoryMeter": "remit.meters.memory",
    "Policy": "remit.policy",
    "SqliteLedger": "remit.ledgers.sqlite",
    "SqliteMeter": "remit.meters.sqlite",
    "Toolbox": "remit.toolbox",
    "WatchedPolicy": "remit.watched",
    "Run": "remit.runs.run",
    "current_run": "remit.runs.telling",
    "decision": "remit.runs.telling",
    "human_turn": "remit.runs.telling",
    "input": "remit.runs.asking",
    "instrument": "remit.models.instrument",
    "message": "remit.runs.telling",
    "metadata": "remit.runs.telling",
    "observe": "remit.runs.observe",
    "pause": "remit.runs.telling",
    "phase": "remit.runs.telling",
    "reasoning": "remit.runs.telling",
    "retrieval": "remit.runs.telling",
    "retry": "remit.runs.telling",
    "run": "remit.runs.block",
    "score": "remit.runs.telling",
    "step": "remit.runs.telling",
    "tag": "remit.runs.telling",
    "uninstrument": "remit.models.instrument",
    "load": "remit.sources",
    "watch": "remit.watched",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
