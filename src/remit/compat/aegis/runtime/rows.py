"""From the records of a ledger to the rows of Aegis' audit table: one for each call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from remit.audit.record import Kind
from remit.audit.stored import Leaf, Stored
from remit.compat.aegis.core.decision import DEFAULT_RULE, Approval
from remit.compat.aegis.core.request import FACTS, target_of
from remit.compat.aegis.core.result import ResultStatus
from remit.model import NOBODY
from remit.policy.formats.aegis import DEFAULTS

Row = dict[str, Any]

SAID = "result_status"
"""A fact of what somebody has logged: nothing was governed."""

DENIED = "Denied by human operator"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows that have all of these; what is None is not asked about."""

    action_type: str | None = None
    risk_level: str | None = None
    result_status: str | None = None
    agent_id: str | None = None
    chain_id: str | None = None

    def fits(self, row: Row) -> bool:
        """Whether *row* is wanted; the case of a risk does not matter."""
        asked = asdict(self) | {"risk_level": self.risk_level and self.risk_level.upper()}
        return all(wanted is None or row[name] == wanted for name, wanted in asked.items())


@dataclass(slots=True)
class _Call:
    """What the records of one call say, as they come."""

    index: int
    at: int
    """When it began, in microseconds."""
    leaf: Leaf
    details: dict[str, Any] = field(default_factory=dict)
    kinds: set[Kind] = field(default_factory=set)

    def take(self, leaf: Leaf, details: dict[str, Any]) -> None:
        self.kinds.add(leaf.kind)
        self.details |= details
        if leaf.effect:
            self.leaf = leaf

    @property
    def rule(self) -> str:
        if "matched_rule" in self.details:
            return str(self.details["matched_rule"])
        first = next(iter(self.leaf.rules), "")
        return DEFAULT_RULE if first == DEFAULTS else first

    @property
    def asked(self) -> bool:
        return bool(self.details.get("approvals")) or Kind.ASKED in self.kinds

    @property
    def approval(self) -> str:
        if "said_approval" in self.details:
            return str(self.details["said_approval"])
        if self.asked:
            return Approval.APPROVE.value
        return (Approval.BLOCK if Kind.REFUSED in self.kinds else Approval.AUTO).value

    @property
    def human(self) -> str | None:
        if "human_decision" in self.details:
            return _text(self.details["human_decision"])
        answers = self.details.get("approvals", ())
        if not answers:
            return None
        return "approved" if all(each["approved"] for each in answers) else "denied"

    @property
    def status(self) -> str | None:
        if SAID in self.details:
            return _text(self.details[SAID])
        if Kind.RETURNED in self.kinds:
            return ResultStatus.SUCCESS.value
        if Kind.RAISED in self.kinds:
            return ResultStatus.FAILED.value
        if Kind.REFUSED in self.kinds:
            return (ResultStatus.DENIED if self.asked else ResultStatus.BLOCKED).value
        return None

    @property
    def error(self) -> str | None:
        if "result_error" in self.details:
            return _text(self.details["result_error"])
        if Kind.RAISED in self.kinds:
            return str(self.details.get("message", ""))
        if self.status == ResultStatus.DENIED:
            return DENIED
        if self.status == ResultStatus.BLOCKED:
            return blocked(self.rule) if self.leaf.policy else str(self.details.get("reason", ""))
        return None

    @property
    def data(self) -> str | None:
        """What it came to: of governed calls the ledger has the digest."""
        if "result_data" in self.details:
            data = self.details["result_data"]
            return None if data is None else json.dumps(data, ensure_ascii=False)
        result = self.details.get("result")
        return None if result is None else json.dumps({"digest": result})

    def row(self) -> Row:
        leaf, details = self.leaf, self.details
        facts, resource = details.get("context", {}), details.get("resource", {})
        at = datetime.fromtimestamp(self.at / 1e6, UTC)
        description, parent, chain, depth = (facts.get(name) for name in FACTS)
        return {
            "id": self.index + 1,
            "session_id": leaf.session,
            "timestamp": at.isoformat(timespec="seconds"),
            "action_type": leaf.action,
            "action_target": target_of(resource.get("type", ""), resource.get("id", "")),
            "action_params": json.dumps(details.get("args", {}), ensure_ascii=False),
            "action_desc": description or "",
            "risk_level": leaf.risk.upper(),
            "approval": self.approval,
            "matched_rule": self.rule,
            "human_decision": self.human,
            "result_status": self.status,
            "result_data": self.data,
            "result_error": self.error,
            "agent_id": _agent(leaf.subject),
            "parent_agent_id": parent,
            "chain_id": chain,
            "chain_depth": depth or 0,
        }


def blocked(rule: str) -> str:
    """What is said of an action that a rule blocks."""
    return f"Action blocked by policy rule: {rule}"


def rows(
    stored: Iterable[Stored], since: int | None = None, until: int | None = None
) -> Iterator[Row]:
    """A row for each call in *stored*, in the order in which the calls began.

    Of those that began at *since* or later, and before *until*: Unix time in microseconds.
    """
    calls: dict[str, _Call] = {}
    for each in stored:
        leaf, details = each.facts(), each.details() or {}
        said = leaf.kind is Kind.NOTED and SAID in details
        if said or leaf.kind not in {Kind.NOTED, Kind.CHANGED}:
            calls.setdefault(leaf.call, _Call(each.index, leaf.at, leaf)).take(leaf, details)
    return (
        call.row()
        for call in calls.values()
        if (since is None or call.at >= since) and (until is None or call.at < until)
    )


def _agent(subject: str) -> str | None:
    kind, _, name = subject.partition(":")
    if subject == str(NOBODY):
        return None
    return name if kind == "agent" else subject


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
