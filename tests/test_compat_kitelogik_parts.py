"""The parts around a gate: the queue, the audit store, the memory, tokens."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kitelogik_calls import *  # noqa: F403 - its fixtures
from kitelogik_calls import ASKED, CLERK, OPEN, call, context, flags

from remit.compat.kitelogik import (
    ActionStatus,
    AuditStore,
    CredentialBroker,
    GovernedToolbox,
    HITLQueue,
    MemoryStore,
    PendingAction,
    PolicyDecision,
    PolicyGate,
    TrustTier,
    paths,
    requests,
)
from remit.model import Subject


@pytest.fixture
def queue(tmp_path):
    made = HITLQueue(str(tmp_path / "hitl.db"))
    yield made
    made.close()


def action(identity="", **args):
    return PendingAction(
        id=identity, session_id="s-1", tool_name="wire", args=args or {"amount": 5},
        risk_tier="TRANSACTIONAL_HIGH", status=ActionStatus.PENDING, created_at=datetime.now(UTC),
    )  # fmt: skip


def test_an_action_is_asked_about_and_decided_once(queue):
    async def story():
        await queue.setup()
        identity = await queue.enqueue(action("a-1"))
        assert identity == "a-1"
        (waiting,) = await queue.get_pending()
        assert (waiting.status, waiting.args) == (ActionStatus.PENDING, {"amount": 5})
        assert waiting.risk_tier == "TRANSACTIONAL_HIGH"
        assert await queue.approve("a-1", decided_by="maria")
        assert not await queue.deny("a-1", "ben")
        found = await queue.get_status("a-1")
        assert (found.status, found.decided_by) == (ActionStatus.APPROVED, "maria")
        assert found.decided_at >= found.created_at
        assert await queue.get_pending() == []

    asyncio.run(story())


def test_a_refusal_says_why_and_by_whom(queue):
    async def story():
        identity = await queue.enqueue(action())
        assert await queue.deny(identity, "ben", "too much")
        found = await queue.get_status(identity)
        assert (found.status, found.denial_reason) == (ActionStatus.DENIED, "too much")
        assert found.decided_by == "ben"

    asyncio.run(story())


def test_what_nobody_knows_of_is_nothing(queue):
    async def story():
        assert await queue.get_status("x") is None
        assert not await queue.approve("x")
        with pytest.raises(ValueError, match="no action 'x'"):
            await queue.wait_for_decision("x", 0)

    asyncio.run(story())


def test_who_asks_does_not_approve(queue):
    identity = asyncio.run(queue.enqueue(action()))
    assert not asyncio.run(queue.approve(identity, "agent:s-1"))
    assert asyncio.run(queue.get_status(identity)).status is ActionStatus.PENDING


def test_who_is_not_known_does_not_approve_where_it_is_said_who_is(tmp_path):
    queue = HITLQueue(str(tmp_path / "h.db"), people={"user:maria": Subject("user", "maria")})
    identity = asyncio.run(queue.enqueue(action()))
    assert not asyncio.run(queue.approve(identity))
    assert asyncio.run(queue.approve(identity, "maria"))
    queue.close()


def test_whoever_waits_is_woken_by_another_queue_on_the_file(queue, tmp_path):
    """There, only the object that was asked woke who waited; others slept for five minutes."""
    identity = asyncio.run(queue.enqueue(action()))
    other = HITLQueue(str(tmp_path / "hitl.db"))
    threading.Thread(target=lambda: asyncio.run(other.approve(identity, "maria"))).start()
    found = asyncio.run(queue.wait_for_decision(identity, timeout_seconds=60))
    assert found.status is ActionStatus.APPROVED
    other.close()


def test_who_waits_in_vain_is_told_and_it_is_too_late_then(queue):
    async def story():
        identity = await queue.enqueue(action())
        found = await queue.wait_for_decision(identity, timeout_seconds=0)
        assert found.status is ActionStatus.TIMED_OUT
        assert not await queue.approve(identity, "maria")

    asyncio.run(story())


def test_what_waits_too_long_is_given_up(queue):
    async def story():
        old = await queue.enqueue(action())
        assert await queue.expire_old(timeout_seconds=300) == 0
        assert await queue.expire_old(timeout_seconds=-1) == 1
        assert (await queue.get_status(old)).status is ActionStatus.TIMED_OUT
        task = await queue.start_expiry_task(0, -1)
        other = await queue.enqueue(action(amount=6))
        found = await queue.wait_for_decision(other, timeout_seconds=60)
        assert found.status is ActionStatus.TIMED_OUT
        task.cancel()

    asyncio.run(story())


def test_many_decide_and_one_wins(queue):
    async def story():
        identity = await queue.enqueue(action())
        return await asyncio.gather(*[queue.approve(identity, f"p-{n}") for n in range(10)])

    assert sum(asyncio.run(story())) == 1


def test_an_approval_is_for_the_arguments_that_were_shown(native, tmp_path):
    queue = HITLQueue(str(tmp_path / "hitl.db"))
    made = PolicyGate(native(), approver=queue)
    assert flags(call(made, "approve_refund", {"amount": 150})) == ASKED
    (waiting,) = asyncio.run(queue.get_pending())
    assert asyncio.run(queue.approve(waiting.id, "maria"))
    assert flags(call(made, "approve_refund", {"amount": 151})) == ASKED
    assert call(made, "approve_refund", {"amount": 150}) == "ran"
    queue.close()


def test_an_approval_holds_whatever_was_used_meanwhile(native, tmp_path):
    queue = HITLQueue(str(tmp_path / "hitl.db"))
    made = PolicyGate(native(), approver=queue)
    used = [
        context("approve_refund", budget_total_tokens=100, budget_used_tokens=n) for n in (10, 20)
    ]
    assert flags(call(made, "approve_refund", {"amount": 150}, used[0])) == ASKED
    (waiting,) = asyncio.run(queue.get_pending())
    asyncio.run(queue.approve(waiting.id, "maria"))
    assert call(made, "approve_refund", {"amount": 150}, used[1]) == "ran"
    queue.close()


def test_questions_and_calls_are_in_one_ledger(native, tmp_path):
    store = AuditStore(str(tmp_path / "audit.db"))
    with pytest.raises(ValueError, match="in one ledger"):
        PolicyGate(native(), ledger=store, approver=HITLQueue(str(tmp_path / "hitl.db")))
    store.close()


def test_a_toolbox_makes_no_ledger_before_it_is_used(native, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toolbox = GovernedToolbox(PolicyGate(native()), CLERK).register("x", lambda: 1)
    assert toolbox.tool_names() == ["x"]
    assert not (tmp_path / ".remit").exists()


@pytest.mark.parametrize("store", [HITLQueue, MemoryStore])
def test_what_is_to_last_is_in_a_file(store):
    with pytest.raises(ValueError, match="file"):
        store(":memory:")


@pytest.fixture
def audited(native, tmp_path):
    """A store, and a gate that records in it and asks its queue."""
    store = AuditStore(str(tmp_path / "audit.db"))
    queue = HITLQueue(ledger=store.ledger)
    yield store, PolicyGate(native(), ledger=store, approver=queue), queue
    store.close()


def test_every_call_is_a_row_with_its_outcome(audited):
    store, made, queue = audited
    call(made, "approve_refund", {"amount": 5})
    call(made, "approve_refund", {"amount": 5000})
    call(made, "unheard_of", {"x": float("nan")})
    call(made, "approve_refund", {"amount": 150})
    (waiting,) = asyncio.run(queue.get_pending())
    rows = asyncio.run(store.query())
    assert [row.outcome for row in rows] == ["hitl_queued", "soft_denied", "blocked", "allowed"]
    assert rows[0].hitl_action_id == waiting.id
    asyncio.run(queue.approve(waiting.id, "maria"))
    assert call(made, "approve_refund", {"amount": 150}) == "ran"
    newest = asyncio.run(store.query(limit=1))[0]
    assert (newest.outcome, newest.hitl_decided_by) == ("hitl_approved", "maria")
    assert newest.hitl_action_id == waiting.id
    assert newest.args == {"amount": 150}
    assert asyncio.run(store.query(outcome="blocked"))[0].policy_decision["deny"] is True


def test_a_refusal_of_a_person_is_an_outcome(audited):
    store, made, queue = audited
    call(made, "approve_refund", {"amount": 150})
    (waiting,) = asyncio.run(queue.get_pending())
    asyncio.run(queue.deny(waiting.id, "ben", "no"))
    call(made, "approve_refund", {"amount": 150})
    newest = asyncio.run(store.query(limit=1))[0]
    assert (newest.outcome, newest.hitl_decided_by) == ("hitl_denied", "ben")


def test_rows_are_found_by_session_and_tool(audited):
    store, made, _ = audited
    call(made, "approve_refund", {"amount": 5})
    call(made, "get_customer", {}, context("read_customer", session="s-2"))
    assert [row.tool_name for row in asyncio.run(store.query(session_id="s-2"))] == ["get_customer"]
    assert [row.session_id for row in asyncio.run(store.query(tool_name="approve_refund"))] == [
        "s-1"
    ]


def test_a_session_is_exported_with_a_signed_head_of_the_ledger(audited):
    store, made, _ = audited
    call(made, "approve_refund", {"amount": 5})
    call(made, "approve_refund", {"amount": 5000})
    exported = asyncio.run(store.export_session("s-1"))
    assert (exported["session_id"], exported["record_count"]) == ("s-1", 2)
    assert exported["policy_version"] == made.opa.policy.digest
    assert exported["checkpoint"].startswith(store.ledger.origin)
    assert len(exported["integrity_hash"]) == 64


def test_what_was_not_governed_can_be_noted_and_says_so(audited):
    store, *_ = audited
    decision = PolicyDecision(
        allow=True, deny=False, risk_tier="OPERATIONAL", requires_hitl=False, reason="elsewhere"
    )

    async def story():
        await store.setup()
        await store.record("s-1", "wire", {"n": 1}, decision, CLERK, "hitl_timeout", "a-1", "maria")
        with pytest.raises(ValueError, match="no outcome"):
            await store.record("s-1", "wire", {}, decision, CLERK, "fine")
        with pytest.raises(ValueError, match="of session"):
            await store.record("s-9", "wire", {}, decision, CLERK, "allowed")
        return await store.query()

    (row,) = asyncio.run(story())
    assert (row.outcome, row.hitl_action_id, row.hitl_decided_by) == (
        "hitl_timeout",
        "a-1",
        "maria",
    )


def test_a_token_has_what_it_says(gate):
    broker = CredentialBroker()
    token = broker.issue("s-1", ["read", "write"])
    assert token.token_id.startswith("tok_")
    assert token.is_valid()
    assert token.has_scope("read")
    assert broker.get_scopes(token.token_id) == ["read", "write"]
    child = broker.delegate(token.token_id, ["read"], "s-2")
    assert (child.delegation_depth, child.parent_token_id) == (1, token.token_id)
    assert broker.revoke(token.token_id)
    assert not broker.revoke("tok_unknown")
    assert broker.validate(broker.issue("s-1", [], ttl_seconds=0).token_id) is None
    made = gate(OPEN, credential_broker=broker)
    session = context("read", token_id=child.token_id, session="s-2", delegation_depth=1)
    assert call(made, "x", {}, session).rule_matched == "credential_validation"


def test_memory_keeps_who_said_what(tmp_path):
    store = MemoryStore(str(tmp_path / "memory.db"))

    async def story():
        await store.setup()
        entry = await store.write("plan", "pro", TrustTier.INTERNAL, "internal:crm", "s-1")
        assert await store.read("plan") == entry
        assert await store.read("nothing") is None
        raised = await store.write("plan", "team", TrustTier.TRUSTED, "internal:crm", "s-2")
        assert (raised.created_at, raised.value) == (entry.created_at, "team")

    asyncio.run(story())


def test_sessions_that_differ_in_anything_are_told_apart():
    one = context()
    others = [
        one.model_copy(update=change)
        for change in (
            {"session_scopes": ["x"]}, {"tenant_id": "t"}, {"delegation_depth": 1},
            {"sandbox_verified": True}, {"token_id": "tok_1"}, {"token_id": "tok_2"},
            {"budget_total_tokens": 1}, {"parent_session_id": "p"},
        )
    ]  # fmt: skip
    made = [requests.call("x", {}, each) for each in (one, *others)]
    assert len({str(each.session) for each in made}) == len(made)
    assert requests.call("x", {}, context()) == made[0]
    spent = one.model_copy(update={"budget_used_tokens": 1, "user_role": "other"})
    assert requests.call("x", {}, spent).run == {"budget_used_tokens": 1}
    assert requests.call("x", {}, spent).subject.id == "other"


@given(st.from_regex(paths._LOOKS) | st.text(alphabet="a./\\\\~: \n%file\u017f", max_size=12))
def test_nothing_is_no_path_by_its_signs_that_is_one_by_its_looks(text):
    looks = len(text) <= paths.LONGEST and "\n" not in text and bool(paths._LOOKS.match(text))
    assert paths._reads_like_one(text) == looks
