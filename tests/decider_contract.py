"""What every decider promises, as tests any decider can be put through.

A test module that wants them imports them and defines a fixture `decider`, which
decides by the policy below, written in its language; one whose decider reads what
another engine answers imports `engine_contract` as well.
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import pytest

from remit.audit.record import Kind
from remit.errors import Denied, Unavailable
from remit.guard import Guard
from remit.ledgers.memory import MemoryLedger
from remit.model import (
    Action,
    Approval,
    ApprovalTerms,
    Effect,
    Obligation,
    Request,
    Resource,
    Risk,
    Session,
    Subject,
)

SECOND = 1_000_000_000
NOON = 1_795_262_400 * SECOND
MANAGER = Subject("user", "maria", {"roles": ["manager"]})

YAML = """
remit: 1
name: shop
rules:
  - id: small-refund
    action: refund
    when: args.amount > 0 && args.amount <= 100 && "refund" in session.scopes
    effect: allow
    risk: low
  - id: large-refund
    action: refund
    when: args.amount > 100
    effect: ask
    approvers: [role:manager]
    expires: 15m
    risk: high
    reason: Refunds over $100 need a manager
  - id: no-wires
    action: wire
    effect: deny
    reason: Nobody wires money here
    advice: Refund it
  - id: export
    action: export
    effect: allow
    obligations: [{type: shred, fields: [email]}]
  - id: careful
    action: read
    subject: "agent:bot"
    resource: "file:public/*"
    when: >-
      subject.properties.team == "a" && resource.properties.owner == "b" &&
      context.region == "eu" && session.id == "s-1" && session.role == "clerk" &&
      session.user == "ada" && session.tenant == "acme" && session.depth == 1 &&
      session.plan == "pro" && run.id == "r-1" && now == timestamp("2026-11-21T12:00:00Z")
    effect: allow
"""
REGO = """
package shop

default decision := {"allow": false, "reason": "no rule allows it"}

amount := input.action.properties.amount if is_number(input.action.properties.amount)

decision := {"allow": true, "rules": ["small-refund"], "risk": "low"} if {
    input.action.name == "refund"
    amount > 0
    amount <= 100
    "refund" in input.session.scopes
}

decision := {
    "allow": false,
    "rules": ["large-refund"],
    "risk": "high",
    "reason": "Refunds over $100 need a manager",
    "approval": {"approvers": ["role:manager"], "quorum": 1, "ttl": 900},
} if {
    input.action.name == "refund"
    amount > 100
}

decision := {
    "allow": false,
    "rules": ["no-wires"],
    "reason": "Nobody wires money here",
    "advice": "Refund it",
} if input.action.name == "wire"

decision := {
    "allow": true,
    "rules": ["export"],
    "obligations": [{"type": "shred", "properties": {"fields": ["email"]}}],
} if input.action.name == "export"

decision := {"allow": true, "rules": ["careful"]} if {
    input.action.name == "read"
    input.subject.type == "agent"
    input.subject.id == "bot"
    input.subject.properties.team == "a"
    input.resource.type == "file"
    startswith(input.resource.id, "public/")
    input.resource.properties.owner == "b"
    input.context.region == "eu"
    input.session.id == "s-1"
    input.session.role == "clerk"
    input.session.user == "ada"
    input.session.tenant == "acme"
    input.session.depth == 1
    input.session.facts.plan == "pro"
    input.run.id == "r-1"
    time.clock(input.at) == [12, 0, 0]
}
"""


def asking(action, /, scopes=("refund",), at=NOON, **args):
    return Request(
        Subject("agent", "bot"), Action(action, args), session=Session(scopes=scopes), at=at
    )


def answer(decider, request):
    """The decision, however the decider answers."""
    decision = decider.decide(request)
    if isinstance(decision, Future):
        decision = decision.result(10)
    return asyncio.run(decision) if asyncio.iscoroutine(decision) else decision


def guarded(decider, **ports):
    ledger = MemoryLedger()
    return Guard(decider, ledger=ledger, clock=lambda: NOON, **ports), ledger


def kinds(ledger):
    return [each.facts().kind for each in ledger.select()]


def must_not_run():
    pytest.fail("it ran")


def test_what_a_rule_allows_is_allowed_and_says_which_rule(decider):
    decision = answer(decider, asking("refund", amount=80))
    assert (decision.effect, decision.rules, decision.risk) == (
        Effect.ALLOW, ("small-refund",), Risk.LOW,
    )  # fmt: skip
    assert decision.reason


@pytest.mark.parametrize(
    "request_",
    [
        asking("refund", scopes=(), amount=80),
        asking("refund", amount=0),
        asking("refund", amount=-5),
        asking("read"),
        asking("drop_database"),
        asking(""),
        asking("small-refund", amount=80),
    ],
)
def test_what_no_rule_allows_is_denied(decider, request_):
    decision = answer(decider, request_)
    assert decision.effect is Effect.DENY
    assert decision.reason == "no rule allows it"
    assert decision.approval is None


@pytest.mark.parametrize("amount", [True, "80", None, [80], {"is": 80}])
def test_what_is_no_number_is_never_a_small_one(decider, amount):
    assert not answer(decider, asking("refund", amount=amount)).allowed
    assert not answer(decider, asking("refund")).allowed


def test_a_denial_carries_its_reason_and_its_advice(decider):
    decision = answer(decider, asking("wire", amount=1))
    assert (decision.reason, decision.advice) == ("Nobody wires money here", "Refund it")
    assert (decision.effect, decision.rules) == (Effect.DENY, ("no-wires",))


def test_a_denial_that_somebody_may_lift_says_who(decider):
    decision = answer(decider, asking("refund", amount=500))
    assert decision.effect is Effect.DENY
    assert decision.reason == "Refunds over $100 need a manager"
    assert decision.approval == ApprovalTerms(("role:manager",), 1, 900.0)
    assert decision.risk is Risk.HIGH


def approved(request, **changes):
    answer_ = Approval(approved=True, approver=MANAGER, digest=request.digest, at=NOON)
    given = msgspec.structs.replace(answer_, **changes)
    return msgspec.structs.replace(request, approvals=(*request.approvals, given))


def test_an_approval_lifts_it_and_the_decision_says_who_did(decider):
    decision = answer(decider, approved(asking("refund", amount=500)))
    assert decision.allowed
    assert decision.approval is None
    assert "user:maria" in decision.reason
    assert decision.rules == ("large-refund",)


@pytest.mark.parametrize(
    "changes",
    [
        {"approved": False},
        {"digest": asking("refund", amount=501).digest},
        {"at": NOON - 901 * SECOND},
        {"at": NOON + 60 * SECOND},
        {"approver": Subject("user", "mallory")},
        {"approver": Subject("user", "mallory", {"roles": "manager"})},
        {"approver": Subject("agent", "bot", {"roles": ["manager"]})},
    ],
    ids=["no", "of another request", "late", "early", "no manager", "nearly", "its own"],
)
def test_an_approval_that_is_none_lifts_nothing(decider, changes):
    decision = answer(decider, approved(asking("refund", amount=500), **changes))
    assert not decision.allowed
    assert decision.approval is not None


def test_one_refusal_outweighs_an_approval(decider):
    request = approved(asking("refund", amount=500))
    other = Subject("user", "ben", {"roles": ["manager"]})
    assert not answer(decider, approved(request, approved=False, approver=other)).allowed


def test_an_approval_grants_nothing_that_the_policy_denies_outright(decider):
    assert not answer(decider, approved(asking("wire"))).allowed
    assert not answer(decider, approved(asking("drop_database"))).allowed


def test_what_an_allow_obliges_to_is_handed_over(decider):
    decision = answer(decider, asking("export"))
    assert decision.allowed
    assert decision.obligations == (Obligation("shred", {"fields": ["email"]}),)


def test_what_nobody_can_discharge_does_not_run(decider, call):
    guard, ledger = guarded(decider)
    with pytest.raises(Unavailable, match="shred"):
        call(guard, asking("export"), must_not_run)
    assert kinds(ledger) == []


CAREFUL = Request(
    Subject("agent", "bot", {"team": "a"}),
    Action("read"),
    Resource("file", "public/index", {"owner": "b"}),
    Session("s-1", "clerk", (), "ada", "acme", 1, {"plan": "pro"}),
    {"region": "eu"},
    NOON,
    run={"id": "r-1"},
)


def test_every_fact_of_the_request_reaches_the_policy(decider):
    assert answer(decider, CAREFUL).allowed


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": Subject("user", "bot", {"team": "a"})},
        {"subject": Subject("agent", "cat", {"team": "a"})},
        {"subject": Subject("agent", "bot")},
        {"action": Action("write")},
        {"resource": Resource("url", "public/index", {"owner": "b"})},
        {"resource": Resource("file", "private/index", {"owner": "b"})},
        {"resource": Resource("file", "public/index")},
        {"context": {}},
        {"context": {"region": "us"}},
        {"run": {}},
        {"at": NOON + SECOND},
        *[
            {"session": msgspec.structs.replace(CAREFUL.session, **{name: value})}
            for name, value in {
                "id": "s-2", "role": "", "user": "ben", "tenant": "", "depth": 0, "facts": {},
            }.items()
        ],
    ],
)  # fmt: skip
def test_each_of_them_counts(decider, changes):
    assert not answer(decider, msgspec.structs.replace(CAREFUL, **changes)).allowed


def test_a_decision_names_the_policy_that_made_it(decider):
    first, other = (answer(decider, asking(name)) for name in ("wire", "export"))
    assert first.policy
    assert first.policy == other.policy


def test_however_a_call_is_driven_it_runs_or_is_refused_and_is_recorded(decider, call):
    guard, ledger = guarded(decider)
    assert call(guard, asking("refund", amount=80), lambda: "paid") == "paid"
    with pytest.raises(Denied) as refused:
        call(guard, asking("wire"), must_not_run)
    assert refused.value.decision.rules == ("no-wires",)
    assert kinds(ledger) == [Kind.STARTED, Kind.RETURNED, Kind.REFUSED]


def test_threads_may_ask_together(decider):
    amounts = [50, 500] * 20
    with ThreadPoolExecutor(8) as pool:
        decisions = list(pool.map(lambda n: answer(decider, asking("refund", amount=n)), amounts))
    assert [each.allowed for each in decisions] == [n == 50 for n in amounts]


def test_tasks_of_one_loop_may_ask_together(decider):
    guard, _ = guarded(decider)
    ran = itertools.count()

    async def ask_all():
        requests = [asking("refund", amount=50) for _ in range(20)]
        await asyncio.gather(*[guard.acall(request, lambda: next(ran)) for request in requests])

    asyncio.run(ask_all())
    assert next(ran) == 20
