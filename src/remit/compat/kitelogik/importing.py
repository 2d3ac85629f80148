"""A row of Kite Logik's audit database, as a record of ours."""

from __future__ import annotations

from typing import Any

from remit.audit.record import Record
from remit.canonical import freeze
from remit.compat.importing import nanoseconds, parsed
from remit.compat.kitelogik.audit_store import noted
from remit.compat.kitelogik.models import PolicyDecision, SessionContext

COLUMNS = {
    "id", "session_id", "tool_name", "args_json", "policy_decision_json", "hitl_action_id",
    "hitl_decided_by", "outcome", "timestamp", "context_json",
}  # fmt: skip

_CONTEXT = frozenset(SessionContext.__struct_fields__)
_DECISION = frozenset(PolicyDecision.__struct_fields__) - {"resolution_trace"}


def record(row: dict[str, Any]) -> Record:
    """What *row* says."""
    context = {k: v for k, v in (parsed(row["context_json"]) or {}).items() if k in _CONTEXT}
    said = {k: v for k, v in parsed(row["policy_decision_json"]).items() if k in _DECISION}
    return noted(
        row["tool_name"],
        freeze(parsed(row["args_json"]) or {}),
        PolicyDecision(**said),
        SessionContext(**{**context, "session_id": row["session_id"]}),
        row["outcome"],
        row["hitl_action_id"],
        row["hitl_decided_by"],
        at=nanoseconds(row["timestamp"]),
    )
