"""One governed call: what its order guarantees, however it is driven."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace

import msgspec
import pytest

import remit
from remit import Approval, ApprovalTerms, Decision, Effect, Guard, Obligation, Request, Subject
from remit.approvers import CallbackApprover, FixedApprover
from remit.audit.record import Kind
from remit.ledgers.memory import MemoryLedger
from remit.policy import Policy

AGENT = Subject("agent", "billing-bot")
MANAGER = Subject("user", "maria", {"roles": ["manager"]})
REFUND = Request(AGENT, remit.Action("refund", {"amount": 80, "to": ["bob"]}))

ALLOW = "{id: refunds, action: refund, effect: allow}"
ASK = (
    "{id: large, action: refund, effect: ask, when: args.amount > 50, approvers: ['role:manager']}"
)
LIFTABLE = (
    "{id: large, action: refund, effect: deny, when: args.amount > 50, approvers: ['role:manager']}"
)
NEVER = "{id: never, action: refund, effect: deny, reason: refunds are closed}"


def policy(*rules: str) -> Policy:
    return Policy.parse("remit: 1\nname: test\nrules:\n" + "".join(f"  - {r}\n" for r in rules))


def guard(*rules: str, approver=None, ledger=None, **more) -> Guard:
    ledger = MemoryLedger() if ledger is None else ledger
    return Guard(
        policy(*rules) if rules else policy(ALLOW), ledger=ledger, approver=approver, **more
    )


def manager(*, approve: bool = True, reason: str = "") -> FixedApprover:
    return FixedApprover(approve=approve, approver=MANAGER, reason=reason)


def kinds(ledger: MemoryLedger) -> list[str]:
    return [record.kind.value for record in ledger.records]


def approval(question, *, approver=MANAGER, digest=None) -> Approval:
    bound = digest or question.digest
    return Approval(approved=True, approver=approver, digest=bound, at=question.request.at)


def ran() -> None:
    pytest.fail("it ran")


@dataclass
class BrokenLedger:
    """Takes every record but those of one kind."""

    refuses: Kind
    taken: list[str] = field(default_factory=list)

    def append(self, record):
        if record.kind is self.refuses:
            raise OSError(28, "No space left on device")
        self.taken.append(record.kind.value)
        return len(self.taken) - 1


def test_an_allowed_call_runs_once_and_leaves_its_start_and_its_end(call):
    ledger, count = MemoryLedger(), []
    assert call(guard(ALLOW, ledger=ledger), REFUND, lambda: count.append(1) or "done") == "done"
    assert count == [1]
    assert kinds(ledger) == ["started", "returned"]
    assert ledger.records[0].decision.rules == ("refunds",)
    assert len({record.call for record in ledger.records}) == 1


def test_the_start_is_on_record_before_the_action_runs(call):
    ledger = MemoryLedger()
    assert call(guard(ALLOW, ledger=ledger), REFUND, lambda: kinds(ledger)) == ["started"]


@pytest.mark.parametrize("kind", [Kind.STARTED, Kind.ASKED, Kind.ANSWERED])
def test_without_a_record_there_is_no_action(call, kind):
    ledger = BrokenLedger(kind)
    with pytest.raises(remit.Unavailable, match=f"could not record '{kind.value}'") as blocked:
        call(guard(ASK, approver=manager(), ledger=ledger), REFUND, ran)
    assert isinstance(blocked.value.__cause__, OSError)


def test_a_refusal_that_cannot_be_recorded_is_still_a_refusal(call):
    with pytest.raises(remit.Blocked, match="could not record 'refused'"):
        call(guard(NEVER, ledger=BrokenLedger(Kind.REFUSED)), REFUND, ran)


def test_no_rule_means_no(call):
    ledger = MemoryLedger()
    nothing = Policy.parse("remit: 1\nname: empty\nrules: []\n")
    with pytest.raises(remit.Denied, match="billing-bot may not refund: no rule allows it"):
        call(Guard(nothing, ledger=ledger), REFUND, ran)
    assert kinds(ledger) == ["refused"]


def test_an_ask_that_is_lifted_lets_the_action_run(call):
    ledger = MemoryLedger()
    assert call(guard(ASK, approver=manager(), ledger=ledger), REFUND, lambda: 1) == 1
    assert kinds(ledger) == ["asked", "answered", "started", "returned"]
    assert [a.approver for a in ledger.records[2].approvals] == [MANAGER]


def test_an_approval_lifts_a_denial_and_grants_nothing_by_itself(call):
    assert call(guard(ALLOW, LIFTABLE, approver=manager()), REFUND, lambda: 1) == 1
    with pytest.raises(remit.Denied, match="no rule allows it"):
        call(guard(LIFTABLE, approver=manager()), REFUND, ran)


def test_an_approval_lifts_only_the_rule_that_asked(call):
    never_asked = CallbackApprover(lambda _: pytest.fail("asked"))
    with pytest.raises(remit.Denied, match="refunds are closed"):
        call(guard(ASK, NEVER, approver=never_asked), REFUND, ran)


def test_an_approval_nobody_asked_for_grants_nothing(call):
    approved = Approval(approved=True, approver=MANAGER, digest=REFUND.digest, at=1)
    request = msgspec.structs.replace(REFUND, approvals=(approved,), at=1)
    with pytest.raises(remit.Denied, match="refunds are closed"):
        call(guard(NEVER), request, ran)


def test_a_refusal_by_a_person_says_who_and_why(call):
    ledger = MemoryLedger()
    with pytest.raises(remit.Denied, match="user:maria refused: not this customer"):
        call(
            guard(ASK, approver=manager(approve=False, reason="not this customer"), ledger=ledger),
            REFUND,
            ran,
        )
    assert kinds(ledger) == ["asked", "answered", "refused"]


def test_only_an_approver_the_terms_name_counts(call):
    intern = FixedApprover(approve=True, approver=Subject("user", "ivan", {"roles": ["intern"]}))
    with pytest.raises(remit.Denied, match="do not lift this"):
        call(guard(ASK, approver=intern), REFUND, ran)


def test_the_requester_cannot_approve_itself(call):
    itself = FixedApprover(
        approve=True, approver=Subject("agent", "billing-bot", {"roles": ["manager"]})
    )
    with pytest.raises(remit.Denied, match="do not lift this"):
        call(guard(ASK, approver=itself), REFUND, ran)


def test_without_anybody_to_ask_a_denial_stays_one_and_tells_its_terms(call):
    with pytest.raises(remit.Denied, match="nobody to ask") as denied:
        call(guard(ASK), REFUND, ran)
    assert denied.value.decision.approval == ApprovalTerms(("role:manager",))


def test_no_answer_yet_is_pending_and_the_same_call_with_the_answer_runs(call):
    ledger = MemoryLedger()
    with pytest.raises(remit.Pending, match="waits for role:manager") as pending:
        call(guard(ASK, approver=CallbackApprover(lambda _: None), ledger=ledger), REFUND, ran)
    assert kinds(ledger) == ["asked"]
    question = pending.value.approval_request
    answer = Approval(
        approved=True, approver=MANAGER, digest=question.digest, at=question.request.at
    )
    resumed = msgspec.structs.replace(REFUND, approvals=(answer,))
    assert call(guard(ASK), resumed, lambda: 2) == 2


def test_arguments_changed_after_the_ask_are_not_what_was_approved(call):
    def approve_something_else(question):
        larger = remit.Action("refund", {"amount": 8000, "to": ["bob"]})
        other = msgspec.structs.replace(question.request, action=larger)
        return Approval(
            approved=True, approver=MANAGER, digest=other.digest, at=question.request.at
        )

    with pytest.raises(remit.Denied, match="do not lift this"):
        call(guard(ASK, approver=CallbackApprover(approve_something_else)), REFUND, ran)


def test_an_approval_of_other_arguments_lifts_nothing(call):
    answer = Approval(approved=True, approver=MANAGER, digest=REFUND.digest, at=1)
    larger = remit.Action("refund", {"amount": 8000, "to": ["bob"]})
    request = msgspec.structs.replace(REFUND, action=larger, approvals=(answer,), at=1)
    with pytest.raises(remit.Denied):
        call(guard(ASK), request, ran)


def test_nobody_can_change_the_arguments_while_a_person_thinks(call):
    given = {"amount": 80, "to": ["bob"]}
    request = Request(AGENT, remit.Action("refund", given))

    def sly(question):
        given["to"].append("mallory")
        given["amount"] = 8000
        with pytest.raises(TypeError, match="cannot be changed"):
            question.request.action.properties["amount"] = 8000
        assert question.request.action.properties == {"amount": 80, "to": ("bob",)}
        return True

    ledger = MemoryLedger()
    approver = CallbackApprover(sly, approver=MANAGER)
    assert call(guard(ASK, approver=approver, ledger=ledger), request, lambda: 1) == 1
    assert ledger.records[-2].request.action.properties["amount"] == 80


def test_a_policy_tightened_while_a_person_thinks_wins(call):
    class Tightening:
        policy = policy(ASK)

        def decide(self, request):
            return self.policy.decide(request)

    decider = Tightening()

    def tighten(_):
        decider.policy = policy(ASK, NEVER)
        return True

    approver = CallbackApprover(tighten, approver=MANAGER)
    with pytest.raises(remit.Denied, match="refunds are closed"):
        call(Guard(decider, ledger=MemoryLedger(), approver=approver), REFUND, ran)


def test_denials_with_different_terms_are_asked_about_one_after_the_other(call):
    second = "{id: legal, action: refund, effect: ask, approvers: ['user:lea']}"
    asked = []

    def answer(question):
        asked.append(question.decision.rules)
        who = MANAGER if question.decision.rules == ("large",) else Subject("user", "lea")
        return approval(question, approver=who)

    assert call(guard(ASK, second, approver=CallbackApprover(answer)), REFUND, lambda: 1) == 1
    assert asked == [("large",), ("legal",)]


@pytest.mark.parametrize("answer", ["yes", 1, object(), SimpleNamespace(approved=True), []])
def test_only_a_literal_true_approves(call, answer):
    with pytest.raises(remit.Denied, match="refused"):
        call(guard(ASK, approver=CallbackApprover(lambda _: answer, approver=MANAGER)), REFUND, ran)


def test_what_the_action_raises_passes_through_unchanged_and_is_recorded(call):
    ledger, mine = MemoryLedger(), ZeroDivisionError("mine")

    def explode():
        raise mine

    with pytest.raises(ZeroDivisionError) as raised:
        call(guard(ALLOW, ledger=ledger), REFUND, explode)
    assert raised.value is mine
    assert kinds(ledger) == ["started", "raised"]
    assert ledger.records[-1].body == {"error": "ZeroDivisionError", "message": "mine"}


@pytest.mark.parametrize(
    ("kind", "execute"), [(Kind.RETURNED, lambda: 1), (Kind.RAISED, lambda: 1 / 0)]
)
def test_a_call_that_ran_is_unrecorded_and_never_blocked(call, kind, execute):
    with pytest.raises(remit.Unrecorded, match="do not run it again") as unrecorded:
        call(guard(ALLOW, ledger=BrokenLedger(kind)), REFUND, execute)
    assert not isinstance(unrecorded.value, remit.Blocked)


class Exploding:
    def decide(self, request):
        raise ConnectionError("no route to the decider")


@pytest.mark.parametrize(
    "decider",
    [Exploding(), SimpleNamespace(decide=lambda _: True), SimpleNamespace(decide=lambda _: None)],
    ids=["raises", "true", "none"],
)
def test_a_decider_that_cannot_answer_denies(call, decider):
    with pytest.raises(remit.Unavailable):
        call(Guard(decider, ledger=MemoryLedger()), REFUND, ran)


def test_an_approver_that_fails_leaves_the_denial(call):
    def fail(_):
        raise TimeoutError("nobody picked up")

    with pytest.raises(remit.Unavailable, match="nobody could be asked"):
        call(guard(ASK, approver=CallbackApprover(fail)), REFUND, ran)


def test_an_approver_that_answers_nonsense_leaves_the_denial(call):
    with pytest.raises(remit.Unavailable, match="not a tuple of approvals"):
        call(guard(ASK, approver=SimpleNamespace(ask=lambda _: "sure")), REFUND, ran)


def test_an_obligation_nobody_can_discharge_blocks(call):
    owed = Decision(Effect.ALLOW, "ok", obligations=(Obligation("engrave"),))
    decider = SimpleNamespace(decide=lambda _: owed)
    ledger = MemoryLedger()
    with pytest.raises(remit.Unavailable, match="discharge the obligation 'engrave'"):
        call(Guard(decider, ledger=ledger), REFUND, ran)


def test_an_obligation_that_is_not_understood_blocks_and_nothing_has_started(call):
    owed = Decision(Effect.ALLOW, "ok", obligations=(Obligation("redact", {"colour": "red"}),))
    ledger, done = MemoryLedger(), []
    with pytest.raises(remit.Unavailable, match="'redact' cannot be discharged: 'redact' has no"):
        call(
            Guard(SimpleNamespace(decide=lambda _: owed), ledger=ledger),
            REFUND,
            lambda: done.append("ran"),
        )
    assert (ledger.records, done) == ([], [])


def test_an_obligation_is_discharged_around_the_action():
    owed = Decision(Effect.ALLOW, "ok", obligations=(Obligation("shout"),))
    guarded = Guard(
        SimpleNamespace(decide=lambda _: owed),
        ledger=MemoryLedger(),
        discharges={"shout": lambda _, execute: lambda: execute().upper()},
    )
    assert guarded.call(REFUND, lambda: "done") == "DONE"


def refusing_guards():
    yield guard(NEVER, ledger=MemoryLedger())
    yield guard(ASK, ledger=MemoryLedger())
    yield guard(ASK, approver=manager(approve=False), ledger=MemoryLedger())
    yield guard(LIFTABLE, approver=manager(), ledger=MemoryLedger())


@pytest.mark.parametrize("which", range(4))
def test_every_refusal_leaves_a_record_with_its_reason(call, which):
    guarded = list(refusing_guards())[which]
    with pytest.raises(remit.Denied) as denied:
        call(guarded, REFUND, ran)
    last = guarded.ports.ledger.records[-1]
    assert last.kind is Kind.REFUSED
    assert last.decision.reason == denied.value.decision.reason


class DiskLedger(MemoryLedger):
    """Answers like a writer thread: with a future resolved elsewhere."""

    def append(self, record):
        future = Future()
        index = super().append(record)
        threading.Timer(0.005, future.set_result, [index]).start()
        return future


def test_a_port_may_answer_with_a_future(call):
    ledger = DiskLedger()
    assert call(guard(ALLOW, ledger=ledger), REFUND, lambda: kinds(ledger)) == ["started"]
    assert kinds(ledger) == ["started", "returned"]


def test_an_asynchronous_port_in_a_synchronous_guard_blocks_and_says_why():
    async def slowly(_):
        await asyncio.sleep(0)
        return True

    guarded = guard(ASK, approver=CallbackApprover(slowly, approver=MANAGER))
    with pytest.raises(remit.Unavailable) as blocked:
        guarded.call(REFUND, ran)
    assert "event loop" in str(blocked.value.__cause__)
    assert asyncio.run(guarded.acall(REFUND, lambda: 1)) == 1


class PatientLedger(MemoryLedger):
    """Keeps a record only once the caller's loop has gone on to do something else."""

    def __init__(self):
        super().__init__()
        self.loop_went_on = threading.Event()

    def append(self, record):
        future = Future()

        def keep():
            if self.loop_went_on.wait(10):
                future.set_result(MemoryLedger.append(self, record))
            else:
                future.set_exception(TimeoutError("the loop was held up"))

        threading.Thread(target=keep, daemon=True).start()
        return future


def test_an_asynchronous_guard_does_not_hold_up_its_loop_while_a_record_is_written():
    ledger = PatientLedger()

    async def run():
        call = asyncio.create_task(guard(ALLOW, ledger=ledger).acall(REFUND, lambda: "paid"))
        await asyncio.sleep(0)
        ledger.loop_went_on.set()
        return await call

    assert asyncio.run(run()) == "paid"


def test_cancelling_an_action_is_recorded_as_its_end():
    ledger = MemoryLedger()

    async def run():
        task = asyncio.create_task(guard(ALLOW, ledger=ledger).acall(REFUND, asyncio.Event().wait))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert kinds(ledger) == ["started", "raised"]
    assert ledger.records[-1].body["error"] == "CancelledError"


def test_a_result_that_is_no_data_is_recorded_by_its_type(call):
    ledger = MemoryLedger()
    call(guard(ALLOW, ledger=ledger), REFUND, object)
    assert ledger.records[-1].body == {"result_type": "object"}


def test_what_people_have_answered_is_concealed_like_what_they_were_asked():
    def conceal(request):
        action = remit.Action(request.action.name, {"shown": 0})
        return msgspec.structs.replace(request, action=action)

    ledger = MemoryLedger()
    asking = guard(ALLOW, ASK, approver=manager(), ledger=ledger, conceal=conceal)
    assert asking.call(REFUND, lambda: 1) == 1
    asked, *_, started, returned = ledger.records
    assert not asked.request.approvals
    assert len(started.request.approvals) == len(returned.request.approvals) == 1
    for record in ledger.records:
        assert record.request.action.properties == {"shown": 0}
