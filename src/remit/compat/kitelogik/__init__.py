"""Kite Logik's public names, over our core.

    from remit.compat.kitelogik import GovernanceError, PolicyGate, SessionContext, governed

A program that says `kitelogik` runs with this import in its place. Its calls go through a
guard, so they leave the records of any governed call, and what needs a human is denied
until somebody lifts it. docs/coming-from/kitelogik.md lists every name, and what differs.
"""

from __future__ import annotations

from remit import __version__
from remit.compat.kitelogik.audit_store import AuditRecord, AuditStore
from remit.compat.kitelogik.credentials import CredentialBroker, SessionToken
from remit.compat.kitelogik.evaluators import PolicyEvaluator
from remit.compat.kitelogik.gate import PolicyGate
from remit.compat.kitelogik.governed import GovernanceError, GovernedToolbox, governed
from remit.compat.kitelogik.hierarchy import HierarchicalEvaluator
from remit.compat.kitelogik.hitl_queue import ActionStatus, HITLQueue, PendingAction
from remit.compat.kitelogik.memory_store import MemoryEntry, MemoryStore, TrustTier
from remit.compat.kitelogik.models import (
    GovernanceEvent,
    PolicyDecision,
    PolicyInput,
    ResolutionStep,
    RiskTier,
    SanitizedResponse,
    SessionContext,
    ToolCallInput,
)
from remit.compat.kitelogik.opa_client import OPAClient, OPAConnectionError
from remit.compat.kitelogik.rego import compile_yaml, compile_yaml_string
from remit.compat.kitelogik.regorus_client import RegorusClient
from remit.compat.kitelogik.sanitizer import sanitize_tool_output
from remit.compat.kitelogik.scaffold import init

__all__ = [
    "ActionStatus",
    "AuditRecord",
    "AuditStore",
    "CredentialBroker",
    "GovernanceError",
    "GovernanceEvent",
    "GovernedToolbox",
    "HITLQueue",
    "HierarchicalEvaluator",
    "MemoryEntry",
    "MemoryStore",
    "OPAClient",
    "OPAConnectionError",
    "PendingAction",
    "PolicyDecision",
    "PolicyEvaluator",
    "PolicyGate",
    "PolicyInput",
    "RegorusClient",
    "ResolutionStep",
    "RiskTier",
    "SanitizedResponse",
    "SessionContext",
    "SessionToken",
    "ToolCallInput",
    "TrustTier",
    "__version__",
    "compile_yaml",
    "compile_yaml_string",
    "governed",
    "init",
    "sanitize_tool_output",
]
