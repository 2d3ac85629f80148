"""A guard whose questions go out over a channel, and people who answer them."""

from __future__ import annotations

import pytest

import remit
from remit import Guard, Inbox, MemoryLedger, Pending, Policy, Session, Subject

SECOND = 10**9
MARIA = Subject(
    "user", "maria", {"roles": ["manager"], "slack": "U01MARIA", "email": "maria@acme.example"}
)
BORIS = Subject("user", "boris", {"roles": ["manager"], "email": "boris@acme.example"})
DORA = Subject("user", "dora", {"slack": "U02DORA", "email": "dora@acme.example"})
URSULA = Subject(
    "user", "ursula", {"roles": ["manager"], "slack": "U03", "email": "u@acme.example"}
)
PEOPLE = {str(one): one for one in (MARIA, BORIS, DORA, URSULA)}

POLICY = """
remit: 1
rules:
  - id: large
    action: refund
    effect: ask
    approvers: [role:manager]
    risk: high
    quorum: {quorum}
    reason: Refunds over $100 need a manager
"""


class Office:
    """`refund` asks; what is answered releases it."""

    def __init__(self, channel_of, quorum=1):
        self.now = 1_795_262_400 * SECOND
        self.ledger = MemoryLedger(clock=self.clock)
        self.channel = channel_of(self.clock)
        self.inbox = Inbox(self.ledger, channel=self.channel, people=PEOPLE, clock=self.clock)
        policy = Policy.parse(POLICY.format(quorum=quorum))
        self.guard = Guard(policy, ledger=self.ledger, approver=self.inbox, clock=self.clock)

    def clock(self):
        return self.now

    def refund(self, amount=400, order="o-1"):
        with remit.acting_as("agent:support", session=Session("s-1", user="ursula")):
            request = self.guard.request("refund", order=order, amount=amount)
            return self.guard.call(request, lambda: amount)

    def asks(self, *args, **kwargs):
        from remit.approvers.channel import finish

        with pytest.raises(Pending) as pending:
            self.refund(*args, **kwargs)
        assert finish(10)
        return pending.value.approval_request
