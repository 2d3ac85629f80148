"""Records as OCSF API Activity events (https://schema.ocsf.io, class 6003, version 1.4.0).

    activity_id 99, activity_name    the kind: what OCSF counts as create, read, update and
                                     delete, a tool's name does not tell
    action_id, disposition_id        1 allowed and 1 allowed, or 2 denied and 2 blocked
    status_id                        1 returned, 2 raised or refused, 99 under way
    severity_id                      the risk: low 2 to critical 5; 1 where none is named
    actor, src_endpoint              who acts
    actor.authorizations             effect, rules and digest of the policy
    api.operation, api.request.uid   action, call
    resources                        the resource, unless its payload was erased
    metadata                         `uid` is the hash of the leaf, `sequence` its index
    raw_data                         the leaf, as it is kept

Arguments, and what else may be personal, stay in the ledger.
"""

from __future__ import annotations

from typing import Any

from remit import __version__
from remit.audit.record import Kind
from remit.audit.stored import Leaf, Stored

VERSION = "1.4.0"
CATEGORY, CLASS, OTHER = 6, 6003, 99

_SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High")}
_SEVERITIES["critical"] = (5, "Critical")
_STATUSES = {
    Kind.RETURNED: (1, "Success"),
    Kind.RAISED: (2, "Failure"),
    Kind.REFUSED: (2, "Failure"),
}


def event(stored: Stored, origin: str) -> dict[str, Any]:
    """The record as an event of the log *origin*."""
    leaf = stored.facts()
    severity, severity_name = _SEVERITIES.get(leaf.risk, (1, "Informational"))
    status, status_name = _STATUSES.get(leaf.kind, (OTHER, str(leaf.kind)))
    kind, _, who = leaf.subject.partition(":")
    return {
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": OTHER,
        "activity_name": str(leaf.kind),
        "type_uid": CLASS * 100 + OTHER,
        "type_name": "API Activity: Other",
        "time": leaf.at // 1000,
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        **({"status_detail": leaf.error} if leaf.error else {}),
        **_control(leaf),
        "message": f"{leaf.subject} {leaf.action}: {leaf.kind}",
        "actor": {**_actor(kind, who or kind), "authorizations": _authorizations(leaf)},
        "src_endpoint": {"name": who or kind, "uid": leaf.subject},
        "api": {"operation": leaf.action, "request": {"uid": leaf.call}},
        **_resources(stored),
        "metadata": {
            "version": VERSION,
            "profiles": ["security_control"],
            "product": {"name": "Remit", "vendor_name": "Remit", "version": __version__},
            "uid": stored.hash.hex(),
            "sequence": stored.index,
            "log_name": origin,
            **({"correlation_uid": leaf.session} if leaf.session else {}),
        },
        "raw_data": stored.leaf.decode(),
    }


def _control(leaf: Leaf) -> dict[str, Any]:
    if leaf.effect == "allow":
        return {"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed"}
    if leaf.effect == "deny":
        return {"action_id": 2, "action": "Denied", "disposition_id": 2, "disposition": "Blocked"}
    return {"action_id": 0, "action": "Unknown"}


def _actor(kind: str, who: str) -> dict[str, Any]:
    if kind == "user":
        return {"user": {"uid": who, "name": who, "type_id": 1, "type": "User"}}
    return {"app_name": who, "app_uid": f"{kind}:{who}"}


def _authorizations(leaf: Leaf) -> list[dict[str, Any]]:
    policy = {"name": ", ".join(leaf.rules) or "default", "uid": leaf.policy}
    return [{"decision": leaf.effect, "policy": policy}] if leaf.effect else []


def _resources(stored: Stored) -> dict[str, Any]:
    named = (stored.details() or {}).get("resource") or {}
    if not named.get("id"):
        return {}
    return {"resources": [{"uid": named["id"], "type": named.get("type", "")}]}
