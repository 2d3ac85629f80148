"""`AuditStore`: a ledger of ours, read as Kite Logik's audit log: one row for each call.

Give it to a `PolicyGate` as its ledger, and governed calls are in it: decided before they
run, in a tree that shows what was changed or taken out (`remit log verify`).
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from remit.audit.record import Kind, Record
from remit.audit.stored import Leaf
from remit.canonical import Frozen, canonical, freeze
from remit.compat.kitelogik import requests, verdicts
from remit.compat.kitelogik.hitl_queue import name_of
from remit.compat.kitelogik.models import PolicyDecision, SessionContext
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Risk, Subject

OUTCOMES = (
    "allowed",
    "blocked",
    "soft_denied",
    "hitl_queued",
    "hitl_approved",
    "hitl_denied",
    "hitl_timeout",
)

_NOBODY_ASKED = "; there is nobody to ask here"
"""How the reason ends of a denial that somebody could have lifted, and nobody was asked."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One call, from the question to how it ended."""

    id: str
    session_id: str
    tool_name: str
    args: Mapping[str, Any]
    policy_decision: Mapping[str, Any]
    policy_version: str
    hitl_action_id: str | None
    hitl_decided_by: str | None
    outcome: str
    timestamp: str
    context: Mapping[str, Any]
    parent_session_id: str = ""
    delegation_depth: int = 0


class AuditStore:
    """The ledger at *db_path*, which is made when it is first needed."""

    def __init__(self, db_path: str = "audit.db") -> None:
        self.db_path = db_path
        self._lock = threading.Lock()
        self._opened: SqliteLedger | None = None

    @property
    def ledger(self) -> SqliteLedger:
        """The ledger itself, with checkpoints and proofs."""
        with self._lock:
            if self._opened is None:
                self._opened = SqliteLedger(self.db_path)
            return self._opened

    async def setup(self) -> None:
        """Open the ledger."""
        await asyncio.to_thread(lambda: self.ledger)

    async def record(  # noqa: PLR0917 - so it is in Kite Logik
        self,
        session_id: str,
        tool_name: str,
        args: Mapping[str, Any],
        decision: PolicyDecision,
        context: SessionContext,
        outcome: str,
        hitl_action_id: str | None = None,
        hitl_decided_by: str | None = None,
    ) -> str:
        """Note something that was not governed here; it is marked as what somebody says.

        Raises:
            ValueError: the outcome is none, or the session is not that of the context.
            NotData: an argument has no frozen form.
        """
        if session_id != context.session_id:
            raise ValueError(f"the context is of session {context.session_id!r}")
        said = noted(
            tool_name,
            freeze(dict(args)),
            decision,
            context,
            outcome,
            hitl_action_id,
            hitl_decided_by,
            at=int(datetime.now(UTC).timestamp() * 1e6) * 1000,
        )
        await asyncio.wrap_future(self.ledger.append(said))
        return said.call

    async def query(
        self,
        session_id: str | None = None,
        tool_name: str | None = None,
        outcome: str | None = None,
        limit: int = 50,
    ) -> list[AuditRecord]:
        """The newest calls that fit."""
        return await asyncio.to_thread(self._query, session_id, tool_name, outcome, limit)

    async def export_session(self, session_id: str) -> dict[str, Any]:
        """All calls of a session, and a signed checkpoint of the ledger they are in."""
        return await asyncio.to_thread(self._export, session_id)

    def close(self) -> None:
        """Sign what is there, and let go of the file."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _query(
        self, session_id: str | None, tool_name: str | None, outcome: str | None, limit: int
    ) -> list[AuditRecord]:
        wanted = [
            row
            for row in _rows(self.ledger, session_id)
            if tool_name in {None, row.tool_name} and outcome in {None, row.outcome}
        ]
        return wanted[::-1][:limit]

    def _export(self, session_id: str) -> dict[str, Any]:
        records = [asdict(row) for row in _rows(self.ledger, session_id)]
        policies = sorted({record["policy_version"] for record in records} - {""})
        return {
            "session_id": session_id,
            "exported_at": datetime.now(UTC).isoformat(),
            "policy_version": ",".join(policies),
            "record_count": len(records),
            "integrity_hash": hashlib.sha256(canonical(freeze(records))).hexdigest(),
            "checkpoint": self.ledger.checkpoint(),
            "records": records,
        }


@dataclass(slots=True)
class _Call:
    """What the records of one call say, as they come."""

    leaf: Leaf
    details: dict[str, Any] = field(default_factory=dict)
    kinds: list[Kind] = field(default_factory=list)
    approvers: list[str] = field(default_factory=list)

    def take(self, leaf: Leaf, details: dict[str, Any]) -> None:
        self.kinds.append(leaf.kind)
        self.details |= details
        if leaf.effect:
            self.leaf = leaf
        for answer in details.get("approvals", ()):
            name = name_of(Subject(answer["approver"]["type"], answer["approver"]["id"]))
            if name not in self.approvers:
                self.approvers.append(name)

    @property
    def outcome(self) -> str:
        if "outcome" in self.details:
            return str(self.details["outcome"])
        if Kind.STARTED in self.kinds:
            return "hitl_approved" if self.approvers else "allowed"
        if Kind.REFUSED not in self.kinds:
            return "hitl_queued"
        if self.approvers:
            return "hitl_denied"
        return "blocked" if self.hard else "soft_denied"

    @property
    def hard(self) -> bool:
        reason = self.details.get("reason", "")
        lifted_by_nobody = reason.endswith(_NOBODY_ASKED)
        return bool(self.leaf.rules) and not self.details.get("advice") and not lifted_by_nobody

    @property
    def asked(self) -> str:
        """The question that was put to people about this call."""
        kept = [answer["request"] for answer in self.details.get("approvals", ())]
        return str(self.details.get("approval") or next(filter(None, kept), self.leaf.call))

    def row(self) -> AuditRecord:
        leaf, details, outcome = self.leaf, self.details, self.outcome
        session = details.get("session", {})
        at = datetime.fromtimestamp(leaf.at / 1e6, UTC)
        return AuditRecord(
            id=leaf.call,
            session_id=leaf.session,
            tool_name=details.get("context", {}).get("tool_name", leaf.action),
            args=details.get("args", {}),
            policy_decision={
                "allow": leaf.effect == "allow",
                "deny": outcome == "blocked",
                "requires_hitl": outcome in {"hitl_queued", "hitl_timeout"},
                "risk_tier": verdicts.tier_of(Risk(leaf.risk) if leaf.risk else None).value,
                "reason": details.get("reason", ""),
                "rules": list(leaf.rules),
            },
            policy_version=leaf.policy,
            hitl_action_id=self.asked if outcome.startswith("hitl") else None,
            hitl_decided_by=details.get("decided_by") or ", ".join(self.approvers) or None,
            outcome=outcome,
            timestamp=at.isoformat(),
            context=session,
            parent_session_id=session.get("facts", {}).get("parent_session_id", ""),
            delegation_depth=session.get("depth", 0),
        )


def noted(  # noqa: PLR0917 - the parts of a row
    tool_name: str,
    args: Frozen,
    decision: PolicyDecision,
    context: SessionContext,
    outcome: str,
    hitl_action_id: str | None,
    hitl_decided_by: str | None,
    *,
    at: int,
) -> Record:
    """What somebody says of a call that was not governed here.

    Raises:
        ValueError: the outcome is none.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome!r} is no outcome; it is one of {', '.join(OUTCOMES)}")
    said = {"outcome": outcome, "approval": hitl_action_id, "decided_by": hitl_decided_by}
    return Record(
        Kind.NOTED,
        uuid.uuid4().hex,
        at,
        requests.call(tool_name, args, context, at=at),
        verdicts.decided(verdicts.settled(decision)),
        body=Frozen({name: value for name, value in said.items() if value is not None}),
    )


def _rows(ledger: SqliteLedger, session_id: str | None) -> list[AuditRecord]:
    calls: dict[str, _Call] = {}
    for stored in ledger.select(Filter(session=session_id)):
        leaf, details = stored.facts(), stored.details() or {}
        said = leaf.kind is Kind.NOTED and "outcome" in details
        if said or leaf.kind not in {Kind.NOTED, Kind.CHANGED}:
            calls.setdefault(leaf.call, _Call(leaf)).take(leaf, details)
    return [call.row() for call in calls.values()]
