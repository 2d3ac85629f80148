"""What a ledger remembers about one step of one call, and its bytes.

A record becomes two byte strings. The *leaf* goes into the tree and stays for
ever: what happened, when, by which rules. The *payload* holds everything that
may be personal: arguments, resource, who it was for, who approved, why. The
leaf names the payload by the SHA-256 of its bytes; the payload begins with a
random salt, so once it is deleted the leaf tells nothing about it and every
proof still holds.

    leaf     {"action":"refund","at":1795242000000000,"call":"5d1c…-1","effect":"allow",
              "kind":"started","payload":"9f86d0…","policy":"2c26b4…","rules":["small-refund"],
              "subject":"agent:billing-bot","v":1}
    payload  {"salt":"8a2f…","args":{"amount":80,"order_id":"o-1"},"reason":"…",…}

The leaf is canonical (RFC 8785): keys in order, integers and text only, `at`
in microseconds so that it fits a double.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from remit.canonical import NOTHING, digest
from remit.model import Approval, Decision, Properties, Request

VERSION = 1

_encode_leaf = msgspec.json.Encoder(order="deterministic").encode
_encode_payload = msgspec.json.Encoder().encode


class Kind(StrEnum):
    """The steps of a call."""

    REFUSED = "refused"
    """It did not run, and will not."""
    ASKED = "asked"
    """Somebody was asked to lift the denial."""
    ANSWERED = "answered"
    """They answered."""
    STARTED = "started"
    """It was about to run. On disk before it ran."""
    RETURNED = "returned"
    """It came to its end."""
    RAISED = "raised"
    """It ended in an exception of its own."""


ENDS = frozenset({Kind.RETURNED, Kind.RAISED})


class Record(msgspec.Struct, frozen=True):
    """One step of one call."""

    kind: Kind
    call: str
    """Shared by all records of a call."""
    at: int
    """Unix time in nanoseconds."""
    request: Request
    decision: Decision | None = None
    approvals: tuple[Approval, ...] = ()
    body: Properties = NOTHING
    """Frozen facts about this step: `error` and `message`, `approval` (an id), `result_type`."""
    result: Any = msgspec.UNSET
    """What the action returned, frozen. Only its digest is kept, in the payload."""


class Entry(msgspec.Struct, frozen=True):
    """A record as it is kept: two byte strings."""

    leaf: bytes
    payload: bytes


def encode(record: Record, salt: bytes) -> Entry:
    """The bytes of *record*; *salt* is 16 random bytes nobody uses twice."""
    payload = _encode_payload(_payload(record, salt))
    leaf: dict[str, Any] = {
        "v": VERSION,
        "kind": record.kind,
        "call": record.call,
        "at": record.at // 1000,
        "subject": str(record.request.subject),
        "action": record.request.action.name,
        "payload": hashlib.sha256(payload).hexdigest(),
    }
    if record.request.session.id:
        leaf["session"] = record.request.session.id
    if decision := record.decision:
        leaf |= {"effect": decision.effect, "policy": decision.policy, "rules": decision.rules}
        if decision.risk:
            leaf["risk"] = decision.risk
        if decision.errors:
            leaf["errors"] = len(decision.errors)
        if decision.monitored:
            leaf["monitored"] = decision.monitored
    if record.approvals:
        leaf["approved"] = [approval.digest for approval in record.approvals if approval.approved]
    if error := record.body.get("error"):
        leaf["error"] = error
    return Entry(_encode_leaf(leaf), payload)


def _payload(record: Record, salt: bytes) -> dict[str, Any]:
    request = record.request
    payload: dict[str, Any] = {"salt": salt.hex()}
    if record.kind not in ENDS:
        payload["args"] = request.action.properties
        payload["resource"] = request.resource
        payload["subject"] = request.subject
        payload["session"] = request.session
        payload["context"] = request.context
    if decision := record.decision:
        payload["reason"] = decision.reason
        payload["errors"] = decision.errors
        payload["advice"] = decision.advice
    if record.approvals:
        payload["approvals"] = record.approvals
    if record.result is not msgspec.UNSET:
        payload["result"] = digest(record.result)
    payload.update(record.body)
    return payload
