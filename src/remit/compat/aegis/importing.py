"""A row of Aegis' audit database, as a record of ours."""

from __future__ import annotations

from typing import Any

from remit.audit.record import Record
from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.result import Result, ResultStatus
from remit.compat.aegis.core.risk import RiskLevel
from remit.compat.aegis.runtime.audit import noted
from remit.compat.importing import nanoseconds, parsed

COLUMNS = {
    "id", "session_id", "timestamp", "action_type", "action_target", "action_params", "risk_level",
    "approval", "matched_rule", "human_decision", "result_status", "result_data", "result_error",
}  # fmt: skip
"""Those that every such database has; the ones about agents came later."""


def record(row: dict[str, Any]) -> Record:
    """What *row* says."""
    action = Action(
        row["action_type"],
        row["action_target"],
        parsed(row["action_params"]) or {},
        row.get("action_desc") or "",
        row.get("agent_id") or "",
        row.get("parent_agent_id") or "",
        row.get("chain_id") or "",
        row.get("chain_depth") or 0,
    )
    risk, approval = RiskLevel[row["risk_level"]], Approval(row["approval"])
    decision = PolicyDecision(action, risk, approval, row["matched_rule"] or "")
    status, result = row["result_status"], None
    if status is not None:
        data = parsed(row["result_data"])
        result = Result(action, ResultStatus(status), data, row["result_error"])
    at = nanoseconds(row["timestamp"])
    return noted(row["session_id"], decision, result, row["human_decision"], at=at)
