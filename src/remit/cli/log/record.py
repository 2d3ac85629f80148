"""How a record is shown: as JSON with its bytes as they are kept, or as lines for people."""

from __future__ import annotations

from typing import Any

import msgspec

from remit.audit.stored import Stored
from remit.cli import screen
from remit.cli.moment import shown
from remit.visible import literal


def document(stored: Stored) -> dict[str, Any]:
    """The record as JSON: `leaf` and `payload` as they are kept, `payload` null once erased."""
    leaf = stored.facts()
    details = stored.details()
    return {
        "index": stored.index,
        "time": shown(leaf.at),
        "hash": stored.hash.hex(),
        "leaf": msgspec.Raw(stored.leaf),
        "payload": None if details is None else msgspec.Raw(stored.payload or b""),
    }


def show(stored: Stored) -> None:
    """All of the record, a fact a line."""
    leaf = stored.facts()
    kind = screen.styled(leaf.kind)
    screen.say((f"record {stored.index}", "bold"), "  ", kind, f"  {shown(leaf.at)}")
    facts = {
        "call": leaf.call,
        "run": leaf.run,
        "session": leaf.session,
        "subject": leaf.subject,
        "action": leaf.action,
        "effect": leaf.effect,
        "risk": leaf.risk,
        "rules": ", ".join(leaf.rules),
        "monitored": ", ".join(leaf.monitored),
        "error": leaf.error,
        **_told(stored.details()),
        "policy": leaf.policy,
        "hash": stored.hash.hex(),
    }
    screen.facts(facts)


def _told(details: dict[str, Any] | None) -> dict[str, str]:
    """What the payload adds to the leaf."""
    if details is None:
        return {"payload": "erased"}
    known = {"salt", "subject", "error", "args", "approvals"}
    facts = {f"args.{name}": literal(value) for name, value in details.get("args", {}).items()}
    for number, approval in enumerate(details.get("approvals", ()), 1):
        facts[f"approval {number}"] = _approval(approval)
    subject = details.get("subject", {}).get("properties")
    rest = {name: value for name, value in details.items() if name not in known}
    rest = {"subject.properties": subject, **rest}
    return facts | {name: literal(value) for name, value in rest.items() if not _empty(value)}


def _approval(approval: dict[str, Any]) -> str:
    approver = approval["approver"]
    verb = "approved" if approval["approved"] else "refused"
    reason = f": {approval['reason']}" if approval["reason"] else ""
    at = shown(approval["at"] // 1000)
    return f"{verb} by {approver['type']}:{approver['id']} at {at}{reason}"


def _empty(value: Any) -> bool:
    """Whether *value* says nothing, all the way down."""
    if isinstance(value, dict):
        return all(map(_empty, value.values()))
    return value is None or value in ("", [], 0)
