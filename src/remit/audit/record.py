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
from msgspec import UNSET

from remit.audit.case import Move, subject_of, uses
from remit.canonical import NOTHING, digest
from remit.model import (
    NO_RESOURCE,
    NO_SESSION,
    Approval,
    Decision,
    Properties,
    Request,
    Resource,
    Session,
    Subject,
)

VERSION = 1

_encode = msgspec.json.Encoder().encode


class Kind(StrEnum):
    """The steps of a call, and what happens around calls."""

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
    NOTED = "noted"
    """Something is worth knowing, and nothing was decided: a step of a run, a model's answer."""
    CHANGED = "changed"
    """What Remit itself works by was changed: a policy, an approval. On disk before it counts."""


ENDS = frozenset({Kind.RETURNED, Kind.RAISED})

UNAWAITED = ENDS | {Kind.NOTED}
"""Records nobody waits for: what they tell has happened, and cannot be stopped any more."""


class Record(msgspec.Struct, frozen=True):
    """One step of one call."""

    kind: Kind
    call: str
    """Shared by all records of a call. What is noted in a run has the id of the run."""
    at: int
    """Unix time in nanoseconds."""
    request: Request
    decision: Decision | None = None
    approvals: tuple[Approval, ...] = ()
    body: Properties = NOTHING
    """Frozen facts about this step: `error` and `message`, `approval` (an id), `result_type`;
    what a call `claims` of limits, and what it `spent`."""
    result: Any = UNSET
    """What the action returned, frozen. Only its digest is kept, in the payload."""
    move: Move | None = None
    """What it does to questions that the ledger keeps; it is not kept if that cannot be done."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record as it is kept: two byte strings."""

    leaf: bytes
    payload: bytes
    move: Move | None = None
    """Made in the transaction that keeps it."""


class _Leaf(msgspec.Struct, gc=False):
    """The fields in the order of their names, which is what makes the bytes canonical."""

    action: str
    approval: str | msgspec.UnsetType
    approved: list[str] | msgspec.UnsetType
    at: int
    call: str
    effect: str | msgspec.UnsetType
    error: str | msgspec.UnsetType
    errors: int | msgspec.UnsetType
    kind: Kind
    monitored: tuple[str, ...] | msgspec.UnsetType
    payload: str
    policy: str | msgspec.UnsetType
    risk: str | msgspec.UnsetType
    rules: tuple[str, ...] | msgspec.UnsetType
    run: str | msgspec.UnsetType
    session: str | msgspec.UnsetType
    subject: str
    uses: tuple[str, ...] | msgspec.UnsetType
    v: int


class _Payload(msgspec.Struct, gc=False):
    salt: str
    args: Properties | msgspec.UnsetType
    resource: Resource | msgspec.UnsetType
    subject: Subject | msgspec.UnsetType
    session: Session | msgspec.UnsetType
    context: Properties | msgspec.UnsetType
    run: Properties | msgspec.UnsetType
    used: Properties | msgspec.UnsetType
    reason: str | msgspec.UnsetType
    errors: tuple[str, ...] | msgspec.UnsetType
    advice: str | msgspec.UnsetType
    approvals: tuple[Approval, ...] | msgspec.UnsetType
    result: str | msgspec.UnsetType


def encode(record: Record, salt: bytes) -> Entry:
    """The bytes of *record*; *salt* is 16 random bytes nobody uses twice."""
    payload = _encode(_payload(record, salt))
    request, decision, approvals = record.request, record.decision, record.approvals
    # By position: msgspec takes longer to find nineteen names than for all the rest.
    leaf = _Leaf(
        request.action.name,
        (record.move and subject_of(record.move)) or UNSET,
        [one.digest for one in approvals if one.approved] if approvals else UNSET,
        record.at // 1000,
        record.call,
        decision.effect if decision else UNSET,
        record.body.get("error") or UNSET,
        (decision and len(decision.errors)) or UNSET,
        record.kind,
        (decision and decision.monitored) or UNSET,
        hashlib.sha256(payload).hexdigest(),
        decision.policy if decision else UNSET,
        (decision and decision.risk) or UNSET,
        decision.rules if decision else UNSET,
        request.run.get("id") or UNSET,
        request.session.id or UNSET,
        str(request.subject),
        (approvals and record.kind is Kind.STARTED and uses(approvals)) or UNSET,
        VERSION,
    )
    return Entry(_encode(leaf), payload, record.move)


def _payload(record: Record, salt: bytes) -> object:
    request, decision = record.request, record.decision
    opens = record.kind not in ENDS
    payload = _Payload(
        salt.hex(),
        request.action.properties if opens else UNSET,
        request.resource if opens and request.resource is not NO_RESOURCE else UNSET,
        request.subject if opens else UNSET,
        request.session if opens and request.session is not NO_SESSION else UNSET,
        (opens and request.context) or UNSET,
        (opens and request.run) or UNSET,
        (opens and request.used) or UNSET,
        decision.reason if decision else UNSET,
        (decision and decision.errors) or UNSET,
        (decision and decision.advice) or UNSET,
        record.approvals or UNSET,
        UNSET if record.result is UNSET else digest(record.result),
    )
    if not record.body:
        return payload
    fields = ((name, getattr(payload, name)) for name in _Payload.__struct_fields__)
    return {**{name: value for name, value in fields if value is not UNSET}, **record.body}
