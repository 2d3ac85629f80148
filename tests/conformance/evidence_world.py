"""What a published record says happened, made to happen on a guard of Remit's own.

A case is allowed when everything that its record says could happen here, and the log that
this leaves verifies. It is denied when something of Remit's refuses, and what it says is why.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

import remit
from remit.audit.record import VERSION
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash
from remit.audit.verify import verify

SECOND = 10**9
AGENT = remit.Subject("agent", "assistant")


class Refused(Exception):
    """Something the record says happened cannot happen here."""


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) * SECOND


def seconds(start: str, end: str) -> int:
    return (moment(end) - moment(start)) // SECOND


def person(name: str) -> remit.Subject:
    """The corpus calls people human:x, our policies call them user:x."""
    return remit.Subject.parse(name.replace("human:", "user:", 1))


class World:
    """A guard with an inbox, at the time the record says it is."""

    def __init__(self, policy: str, at: str, people: Any = None) -> None:
        self.now = moment(at)
        self.policy = remit.Policy.parse(policy)
        self.reachable = True
        self.ledger = remit.MemoryLedger(clock=self.clock)
        self.inbox = remit.Inbox(self.ledger, people=people, clock=self.clock)
        self.guard = remit.Guard(self, ledger=self.ledger, approver=self.inbox, clock=self.clock)

    def clock(self) -> int:
        return self.now

    def decide(self, request: remit.Request) -> remit.Decision:
        if not self.reachable:
            raise ConnectionError("the policy cannot be looked up")
        return self.policy.decide(request)

    def at(self, time: str) -> None:
        self.now = moment(time)

    def ask(self, identity: str, request: remit.Request) -> Any:
        """The question that waits under this id, asked now."""
        asked = msgspec.structs.replace(request, at=self.now)
        decision = self.policy.decide(asked)
        assert decision.approval is not None
        terms = decision.approval
        question = remit.ApprovalRequest(identity, asked, decision, terms, asked.digest, self.now)
        return self.inbox.open(question).result()

    def use(self, request: remit.Request, answers: Any = (), execute: Any = lambda: None) -> Any:
        """The call, with the answers that are presented for it."""
        return self.guard.call(
            msgspec.structs.replace(request, approvals=tuple(answers), at=self.now), execute
        )

    def check_format(self, contract: str | None, known: str) -> None:
        """Verify the log that was left, naming its format as the record names its contract."""
        version = VERSION if contract == known else None if contract is None else 0
        entries = [_of_version(one, version) for one in self.ledger.entries()]
        broken = [one.message for one in verify(entries, (), ()).findings if one.breaks]
        if broken:
            raise Refused(broken[0])


def _of_version(one: Stored, version: int | None) -> Stored:
    facts = msgspec.json.decode(one.leaf)
    del facts["v"]
    leaf = msgspec.json.encode(facts if version is None else facts | {"v": version})
    return Stored(one.index, leaf, one.payload, leaf_hash(leaf))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
