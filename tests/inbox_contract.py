"""What an inbox promises on any ledger, as tests that any ledger can be put through.

A test module that wants them imports them and defines a fixture `make`, which gives a new
handle on one and the same ledger each time, as another process would have.
"""

from __future__ import annotations

import threading

import msgspec
import pytest

import remit
from remit import (
    Approval,
    Conflict,
    Denied,
    Guard,
    Pending,
    Policy,
    Session,
    Subject,
    Unavailable,
)
from remit.approvers.inbox import Inbox
from remit.approvers.status import Status
from remit.audit.findings import FindingKind
from remit.audit.record import Kind
from remit.ledgers.query import Filter

SECOND = 10**9
MARIA = Subject("user", "maria", {"roles": ["manager"]})
BORIS = Subject("user", "boris", {"roles": ["manager"]})
DIRK = Subject("user", "dirk", {"roles": ["director"]})
DORA = Subject("user", "dora")

ASK = "{id: large, action: refund, effect: ask, approvers: ['role:manager'], expires: 15m"
POLICY = f"remit: 1\nrules:\n  - {ASK}, standing: 2h}}\n"
TWO = f"remit: 1\nrules:\n  - {ASK}, quorum: 2}}\n"
LATER = (
    f"remit: 1\nrules:\n  - {ASK}, within: 4h,"
    " escalate: [{after: 1h, approvers: ['role:director']}]}\n"
)


class Clock:
    def __init__(self):
        self.now = 1_795_262_400 * SECOND

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock():
    return Clock()


class Desk:
    """One process: a guard with an inbox, and a function it governs."""

    def __init__(self, ledger, clock, policy=POLICY, **options):
        self.ledger = ledger
        self.inbox = Inbox(ledger, clock=clock, **options)
        self.policy = Policy.parse(policy)
        self.guard = Guard(self.policy, ledger=ledger, approver=self.inbox, clock=clock)
        self.paid = []

        @self.guard.protect
        def refund(order: str, amount: int):
            self.paid.append((order, amount))
            return amount

        self.function = refund

    def refund(self, amount=80, order="o-1", session=None):
        with remit.acting_as("agent:support", session=session or Session("s-1", user="ursula")):
            return self.function(order, amount)

    def pending(self, *args, **kwargs):
        with pytest.raises(Pending) as pending:
            self.refund(*args, **kwargs)
        return pending.value.approval_request.id


@pytest.fixture
def open_desk(make, clock):
    return lambda policy=POLICY, **options: Desk(make(), clock, policy, **options)


@pytest.fixture
def desk(open_desk):
    return open_desk()


def kinds(desk):
    return [stored.facts().kind.value for stored in desk.ledger.select()]


def test_a_question_waits_until_somebody_answers_and_the_same_call_finds_it(desk):
    asked = desk.pending()
    assert desk.pending() == asked
    assert [case.id for case in desk.inbox.cases()] == [asked]
    assert kinds(desk) == ["asked"]
    assert desk.paid == []


def test_an_approval_releases_one_call(desk):
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    assert desk.refund() == 80
    assert desk.inbox.status(desk.inbox.case(asked)) is Status.USED
    assert desk.pending() != asked
    assert desk.paid == [("o-1", 80)]


def test_the_start_of_the_call_says_which_approval_it_used_up(desk):
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA, reason="he is right")
    desk.refund()
    (started,) = desk.ledger.select(Filter(kind=Kind.STARTED))
    assert started.facts().uses == (asked,)
    (approval,) = started.details()["approvals"]
    assert (approval["approver"]["id"], approval["reason"]) == ("maria", "he is right")
    (question,) = desk.ledger.select(Filter(kind=Kind.ASKED))
    (answer,) = desk.ledger.select(Filter(kind=Kind.ANSWERED))
    assert question.facts().approval == answer.facts().approval == asked


def test_another_process_asks_another_answers_a_third_goes_on(open_desk):
    asked = open_desk().pending()
    open_desk().inbox.approve(asked, MARIA)
    third = open_desk()
    assert third.refund() == 80
    assert open_desk().pending() != asked


def test_other_arguments_are_another_question(desk):
    desk.inbox.approve(desk.pending(80), MARIA)
    desk.pending(81)
    assert desk.paid == []
    assert desk.refund(80) == 80


def test_another_session_is_another_question(desk):
    desk.inbox.approve(desk.pending(), MARIA)
    desk.pending(session=Session("s-2", user="ursula"))
    desk.pending(session=Session("s-1", user="uwe"))
    assert desk.paid == []


def test_a_refusal_holds_for_as_long_as_an_approval_would(desk, clock):
    asked = desk.pending()
    desk.inbox.refuse(asked, MARIA, reason="not again")
    for _ in range(2):
        with pytest.raises(Denied, match="user:maria refused: not again"):
            desk.refund()
    clock.sleep(15 * 60 + 1)
    desk.pending()
    assert desk.paid == []


def test_an_answer_can_be_taken_back_before_it_is_used(desk):
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    desk.inbox.refuse(asked, MARIA)
    with pytest.raises(Denied, match="user:maria refused"):
        desk.refund()
    desk.inbox.approve(asked, MARIA)
    assert desk.refund() == 80
    with pytest.raises(Conflict, match="was used by call"):
        desk.inbox.refuse(asked, MARIA)


def test_one_refusal_outweighs_other_approvals(open_desk):
    desk = open_desk(TWO)
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    desk.inbox.refuse(asked, BORIS)
    with pytest.raises(Denied, match="user:boris refused"):
        desk.refund()


def test_a_quorum_takes_that_many_people(open_desk):
    desk = open_desk(TWO)
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    desk.inbox.approve(asked, MARIA)
    desk.inbox.approve(asked, Subject("user", "maria", {"roles": ["manager"], "desk": "2"}))
    assert desk.pending() == asked
    desk.inbox.approve(asked, BORIS)
    assert desk.refund() == 80


def test_a_refusal_that_is_too_old_does_not_outweigh_newer_approvals(open_desk, clock):
    desk = open_desk(TWO)
    asked = desk.pending()
    desk.inbox.refuse(asked, Subject("user", "carla", {"roles": ["manager"]}))
    clock.sleep(15 * 60 + 1)
    assert desk.pending() == asked
    desk.inbox.approve(asked, MARIA)
    desk.inbox.approve(asked, BORIS)
    assert desk.refund() == 80


def test_an_approval_is_too_old_by_the_clock_of_the_ledger(desk, clock):
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    clock.sleep(15 * 60 - 1)
    assert desk.inbox.status(desk.inbox.case(asked)) is Status.APPROVED
    clock.sleep(1)
    assert desk.inbox.status(desk.inbox.case(asked)) is not Status.APPROVED
    assert desk.pending() == asked
    desk.inbox.approve(asked, MARIA)
    assert desk.refund() == 80


def test_a_question_with_the_id_of_another_is_not_answered_by_it(desk):
    asked = desk.inbox.case(desk.pending(80)).question
    other = desk.inbox.case(desk.pending(81)).question
    assert desk.inbox.open(asked).result().question == asked
    with pytest.raises(Conflict, match="is there already"):
        desk.inbox.open(msgspec.structs.replace(other, id=asked.id)).result()


@pytest.mark.parametrize("about", ["this", "another"])
def test_a_channel_answers_the_question_it_was_asked(open_desk, clock, about):
    def answer(question):
        other = msgspec.structs.replace(question.request, context={"other": True}).digest
        digest = question.digest if about == "this" else other
        return Approval(True, MARIA, digest, clock())

    desk = open_desk(channel=remit.CallbackApprover(answer))
    if about == "this":
        assert desk.refund() == 80
        return
    with pytest.raises(Unavailable, match="user:maria has answered another question than this"):
        desk.refund()
    assert desk.paid == []


def test_silence_is_a_denial_and_the_next_call_asks_anew(desk, clock):
    asked = desk.pending()
    clock.sleep(24 * 3600 + 1)
    with pytest.raises(Conflict, match="too late"):
        desk.inbox.approve(asked, MARIA)
    assert desk.pending() != asked
    assert desk.inbox.status(desk.inbox.case(asked)) is Status.WITHDRAWN
    assert desk.paid == []


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (DORA, "that takes role:manager"),
        (Subject("user", "x", {"roles": "manager"}), "that takes role:manager"),
        (Subject("agent", "support", {"roles": ["manager"]}), "of their own"),
        (Subject("user", "ursula", {"roles": ["manager"]}), "of their own"),
        (Subject("user", "URSULA", {"roles": ["manager"]}), "of their own"),
    ],
)
def test_nobody_approves_who_may_not(desk, who, why):
    asked = desk.pending()
    with pytest.raises(Conflict, match=why):
        desk.inbox.approve(asked, who)
    assert desk.pending() == asked
    assert kinds(desk) == ["asked"]


def test_who_answers_is_looked_up_where_people_are_known(open_desk):
    desk = open_desk(people={"user:maria": MARIA, "user:dora": DORA})
    asked = desk.pending()
    with pytest.raises(Conflict, match="takes role:manager"):
        desk.inbox.approve(asked, Subject("user", "dora", {"roles": ["manager"]}))
    with pytest.raises(Conflict, match="user:eve is nobody"):
        desk.inbox.approve(asked, Subject("user", "eve", {"roles": ["manager"]}))
    desk.inbox.approve(asked, Subject("user", "maria"))
    assert desk.refund() == 80


def test_a_question_that_was_withdrawn_releases_nothing(desk):
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    desk.inbox.withdraw(asked, DORA, reason="the customer has left")
    with pytest.raises(Conflict, match="was withdrawn"):
        desk.inbox.approve(asked, MARIA)
    assert desk.pending() != asked
    assert desk.paid == []


def test_a_person_may_answer_in_the_place_of_the_action(desk):
    asked = desk.pending()
    desk.inbox.respond(asked, MARIA, {"voucher": 80}, reason="no money")
    assert desk.refund() == {"voucher": 80}
    assert desk.paid == []
    assert kinds(desk) == ["asked", "answered", "refused"]
    *_, refused = desk.ledger.select()
    assert "user:maria answered in its place: no money" in refused.details()["reason"]


def test_edited_arguments_are_another_request_that_policy_decides_on(open_desk):
    desk = open_desk(
        f"remit: 1\nrules:\n  - {ASK}}}\n"
        "  - {id: never, action: refund, effect: deny, when: args.amount < 1, reason: too little}\n"
    )
    asked = desk.pending(80)
    with pytest.raises(Conflict, match="too little"):
        desk.inbox.edit(asked, MARIA, {"order": "o-1", "amount": 0}, desk.policy)
    edited = desk.inbox.edit(asked, MARIA, {"order": "o-1", "amount": 60}, desk.policy)
    assert desk.inbox.status(edited) is Status.APPROVED
    with pytest.raises(Denied, match="would approve other arguments") as denied:
        desk.refund(80)
    assert '"amount":60' in denied.value.decision.advice
    assert desk.refund(60) == 60
    desk.pending(60)
    assert desk.paid == [("o-1", 60)]


def test_a_policy_tightened_meanwhile_wins(make, open_desk, clock):
    desk = open_desk()
    desk.inbox.approve(desk.pending(), MARIA)
    closed = "remit: 1\nrules:\n  - {id: closed, action: refund, effect: deny, reason: closed}\n"
    with pytest.raises(Denied, match="closed"):
        open_desk(closed).refund()
    cfo = "remit: 1\nrules:\n  - {id: cfo, action: refund, effect: ask, approvers: ['role:cfo']}\n"
    strict = open_desk(cfo)
    strict.pending()
    assert strict.paid == []


@pytest.fixture
def open_to_all(open_desk):
    return open_desk("remit: 1\nrules:\n  - {id: all, action: refund, effect: allow}\n")


def test_a_refusal_holds_although_policy_no_longer_asks(desk, open_to_all, clock):
    asked = desk.pending()
    desk.inbox.refuse(asked, MARIA, reason="not again")
    for minutes in (1, 60):
        clock.sleep(minutes * 60)
        with pytest.raises(Denied, match="user:maria refused: not again") as denied:
            open_to_all.refund()
        assert denied.value.decision.rules == ("large",)
    assert kinds(desk) == ["asked", "answered", "refused", "refused"]
    assert open_to_all.refund(81) == 81


def test_such_a_refusal_ends_when_it_is_taken_back_or_the_question_lapses(desk, open_to_all, clock):
    asked = desk.pending()
    desk.inbox.refuse(asked, MARIA)
    clock.sleep(3600)
    desk.inbox.approve(asked, MARIA)
    assert open_to_all.refund() == 80
    desk.inbox.refuse(desk.pending(81), MARIA)
    desk.inbox.withdraw(desk.inbox.case(desk.pending(82)).id, DORA)
    assert open_to_all.refund(82) == 82
    with pytest.raises(Denied, match="user:maria refused"):
        open_to_all.refund(81)
    clock.sleep(24 * 3600 + 1)
    assert open_to_all.refund(81) == 81


def test_what_somebody_gave_in_its_place_is_given_although_policy_no_longer_asks(desk, open_to_all):
    desk.inbox.respond(desk.pending(), MARIA, "a voucher")
    assert open_to_all.refund() == "a voucher"
    assert open_to_all.paid == []


def test_a_question_that_nobody_has_answered_stops_nothing_that_policy_allows(desk, open_to_all):
    desk.pending()
    assert open_to_all.refund() == 80


def test_a_right_to_answer_can_be_handed_on_for_a_while(desk, clock):
    desk.inbox.delegate(MARIA, DORA, 3600)
    asked = desk.pending()
    desk.inbox.approve(asked, DORA)
    assert desk.refund() == 80
    (started,) = desk.ledger.select(Filter(kind=Kind.STARTED))
    (approval,) = started.details()["approvals"]
    assert (approval["approver"]["id"], approval["behalf"]["id"]) == ("dora", "maria")
    clock.sleep(3601)
    with pytest.raises(Conflict, match="takes role:manager"):
        desk.inbox.approve(desk.pending(), DORA)


def test_who_stands_in_for_somebody_is_still_one_person(open_desk):
    desk = open_desk(TWO)
    desk.inbox.delegate(MARIA, BORIS, 3600)
    asked = desk.pending()
    desk.inbox.approve(asked, BORIS)
    desk.inbox.approve(asked, BORIS)
    assert desk.pending() == asked


def test_the_person_asked_for_cannot_have_it_approved_by_a_deputy(desk):
    ursula = Subject("user", "ursula", {"roles": ["manager"]})
    desk.inbox.delegate(ursula, DORA, 3600)
    with pytest.raises(Conflict, match="of their own"):
        desk.inbox.approve(desk.pending(), DORA)


def test_others_may_answer_once_a_question_has_waited(open_desk, clock):
    desk = open_desk(LATER)
    asked = desk.pending()
    with pytest.raises(Conflict, match="may not answer"):
        desk.inbox.approve(asked, DIRK)
    clock.sleep(3601)
    desk.inbox.approve(asked, DIRK)
    assert desk.refund() == 80


def test_calls_can_be_approved_in_advance_as_far_as_policy_lets_them(desk, clock):
    asked = desk.pending()
    grant = desk.inbox.grant(asked, MARIA, 3600, when="args.amount <= 90")
    assert [desk.refund(81), desk.refund(82), desk.refund(80)] == [81, 82, 80]
    desk.pending(91)
    desk.pending(81, session=Session("s-2"))
    desk.inbox.revoke(grant.id, DORA)
    desk.pending(83)
    assert kinds(desk).count("changed") == 2


def test_a_refusal_of_a_call_outweighs_what_was_approved_in_advance(desk):
    asked = desk.pending()
    desk.inbox.refuse(asked, MARIA, reason="not this one")
    desk.inbox.grant(desk.pending(81), MARIA, 3600)
    assert desk.refund(82) == 82
    with pytest.raises(Denied, match="user:maria refused: not this one"):
        desk.refund()


def test_a_standing_approval_ends(desk, clock):
    desk.inbox.grant(desk.pending(), MARIA, 3600)
    assert desk.refund() == 80
    clock.sleep(3601)
    assert desk.inbox.standing() == ()
    desk.pending(81)


@pytest.mark.parametrize("seconds", [0, -1, 2 * 3600 + 1])
def test_policy_says_for_how_long_calls_can_be_approved_in_advance(desk, seconds):
    asked = desk.pending()
    with pytest.raises(Conflict, match="for 7200 seconds at most"):
        desk.inbox.grant(asked, MARIA, seconds)


def test_where_policy_says_nothing_no_call_is_approved_in_advance(open_desk):
    desk = open_desk(TWO)
    with pytest.raises(Conflict, match="not at all"):
        desk.inbox.grant(desk.pending(), MARIA, 60)


def test_a_channel_that_answers_at_once_answers_for_the_inbox(open_desk):
    desk = open_desk(channel=remit.FixedApprover(approve=True, approver=MARIA))
    assert desk.refund() == 80
    assert kinds(desk)[:3] == ["asked", "answered", "started"]


def test_a_channel_of_somebody_who_may_not_answer_answers_nothing(open_desk):
    desk = open_desk(channel=remit.FixedApprover(approve=True, approver=DORA))
    with pytest.raises(remit.Unavailable, match="that takes role:manager"):
        desk.refund()
    assert desk.paid == []


def test_a_channel_that_does_not_answer_leaves_the_question_in_the_inbox(open_desk):
    desk = open_desk(channel=remit.CallbackApprover(lambda question: None))
    asked = desk.pending()
    desk.inbox.approve(asked, MARIA)
    assert desk.refund() == 80


def test_a_call_can_wait_for_its_answer(open_desk):
    desk = open_desk(wait=30)
    other = open_desk()

    def answer():
        while not (cases := other.inbox.cases()):
            pass
        other.inbox.approve(cases[0].id, MARIA)

    thread = threading.Thread(target=answer)
    thread.start()
    assert desk.refund() == 80
    thread.join()


def test_an_approval_that_no_inbox_here_keeps_releases_nothing(make, clock):
    forged = lambda question: Approval(  # noqa: E731 - what somebody may write
        approved=True, approver=MARIA, digest=question.digest, at=clock(), request="made-up"
    )
    guard = Guard(
        Policy.parse(POLICY), ledger=make(), approver=remit.CallbackApprover(forged), clock=clock
    )
    with pytest.raises(remit.Unavailable, match="kept in an inbox"):
        guard.call(guard.request("refund", amount=1), lambda: pytest.fail("ran"))


def test_an_inbox_belongs_to_the_ledger_of_its_guard(make):
    with pytest.raises(TypeError, match="another ledger"):
        Guard(Policy.parse(POLICY), ledger=make(), approver=Inbox(remit.MemoryLedger()))


def test_two_calls_that_come_together_share_a_question_and_one_of_them_runs(open_desk):
    desks = [open_desk() for _ in range(6)]
    asked = desks[0].pending()
    desks[1].inbox.approve(asked, MARIA)
    outcomes = []

    def go(desk):
        try:
            outcomes.append(desk.refund())
        except remit.Blocked as blocked:
            outcomes.append(type(blocked))

    threads = [threading.Thread(target=go, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(80) == 1
    assert set(outcomes) <= {80, Pending, Denied}
    assert sum(len(desk.paid) for desk in desks) == 1
    findings = {finding.kind for finding in desks[0].ledger.verify().findings}
    assert findings <= {FindingKind.UNSIGNED, FindingKind.UNENDED}


def test_an_approval_is_found_by_the_beginning_of_its_id(desk):
    asked = desk.pending()
    assert desk.inbox.case(asked[:6]).id == asked
    for unclear in ("", "zz", asked[:0]):
        with pytest.raises(Conflict, match="no approval is called"):
            desk.inbox.case(unclear)
    desk.pending(81)
    with pytest.raises(Conflict, match="more than one approval is called"):
        desk.inbox.case(asked[:6])


@pytest.mark.parametrize("amount", [80, 0])
def test_who_acts_under_a_name_that_is_no_text_is_blocked(open_desk, amount):
    small = "  - {id: small, action: refund, when: args.amount < 1, effect: allow}\n"
    desk = open_desk(POLICY + small)
    with pytest.raises(remit.Unavailable, match="cannot be told from others"):
        desk.refund(amount, session=Session("\ud800"))
    assert desk.paid == []
