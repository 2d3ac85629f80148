"""What an inbox promises about questions that are answered together, on any ledger.

A test module that wants these tests imports them beside `inbox_contract`, whose fixtures they use.
"""

from __future__ import annotations

import msgspec
import pytest
from inbox_contract import ASK, BORIS, DORA, MARIA, TWO, Desk
from ledger_contract import append

import remit
from remit import Approval, Conflict, Denied, Session, Subject
from remit.approvers.batch import Batch
from remit.approvers.status import Status
from remit.asking import answered
from remit.audit.record import Kind
from remit.canonical import digest
from remit.ledgers.query import Filter

SMALL = (
    "{id: small, action: refund, effect: ask, when: args.amount < 10, approvers: ['role:clerk']}"
)
TWO_RULES = f"remit: 1\nrules:\n  - {ASK}, when: args.amount >= 10}}\n  - {SMALL}\n"


class Running(Desk):
    """A process in which an agent is at a run."""

    def pending(self, *args, **given):
        self.inbox.clock.sleep(1)  # so that questions are asked in an order
        return super().pending(*args, **given)

    def ask_in_run(self, *amounts, **given):
        with remit.run("refunds", guard=self.guard):
            return [self.pending(amount, **given) for amount in amounts]


@pytest.fixture
def running(make, clock):
    return lambda *args, **options: Running(make(), clock, *args, **options)


@pytest.fixture
def shown(running):
    """A process, and a batch of three that its run has asked."""
    process = running()
    process.ask_in_run(80, 81, 82)
    (batch,) = process.inbox.batches()
    return process, batch


def ids(batch):
    return [case.id for case in batch.cases]


def statuses(outcomes):
    return [str(one.error) if one.error else one.case.id for one in outcomes]


def test_like_questions_of_one_run_are_one_batch_in_the_order_they_were_asked_in(running):
    process = running()
    first = process.ask_in_run(80, 81, 82)
    other = process.ask_in_run(90, 91)
    assert [ids(batch) for batch in process.inbox.batches()] == [first, other]


def test_where_there_is_no_run_the_session_tells_what_belongs_together(running):
    process = running()
    first = [process.pending(80), process.pending(81)]
    other = process.pending(80, session=Session("s-2", user="ursula"))
    assert [ids(batch) for batch in process.inbox.batches()] == [first, [other]]


def test_what_belongs_to_no_run_and_no_session_is_alone(running):
    process = running()
    for amount in (80, 81):
        process.pending(amount, session=Session(user="ursula"))
    assert [len(batch.cases) for batch in process.inbox.batches()] == [1, 1]


@pytest.mark.parametrize("policy", [TWO_RULES])
def test_other_terms_or_another_person_it_is_for_make_another_batch(running, policy):
    process = running(policy)
    with remit.run("refunds", guard=process.guard):
        process.pending(80)
        process.pending(9)
        process.pending(81, session=Session("s-1", user="uwe"))
        process.pending(82)
    assert [len(batch.cases) for batch in process.inbox.batches()] == [2, 1, 1]


def test_one_decision_answers_all_each_with_its_own_digest(shown):
    process, batch = shown
    outcomes = process.inbox.approve_all(batch, MARIA, reason="all of them late")
    assert statuses(outcomes) == ids(batch)
    answers = [one.case.answers[0] for one in outcomes]
    assert [one.digest for one in answers] == [case.question.digest for case in batch.cases]
    assert [one.request for one in answers] == ids(batch)
    assert len({one.digest for one in answers}) == 3
    with pytest.raises(remit.Pending):
        process.refund(83)
    assert [process.refund(amount) for amount in (82, 80, 81)] == [82, 80, 81]
    assert process.pending(80) not in ids(batch)


def test_the_records_of_the_answers_say_what_was_answered_together(shown):
    process, batch = shown
    process.inbox.approve_all(batch, MARIA)
    records = list(process.ledger.select(Filter(kind=Kind.ANSWERED)))
    answered = [one.details()["approvals"][0] for one in records]
    assert {one["batch"] for one in answered} == {batch.id}
    named = [[one["request"], one["digest"]] for one in answered]
    assert batch.id == digest(named)[:16]


def test_a_question_by_itself_is_answered_as_ever(running):
    process = running()
    process.pending()
    (batch,) = process.inbox.batches()
    (outcome,) = process.inbox.approve_all(batch, MARIA)
    assert outcome.case.answers[0].batch == ""
    assert process.refund() == 80


def test_what_is_asked_after_it_was_shown_is_not_approved(shown):
    process, batch = shown
    late = process.pending(83)
    with remit.run("refunds", guard=process.guard):
        later = process.pending(84)
    process.inbox.approve_all(batch, MARIA)
    assert [case.id for case in process.inbox.cases()] == [late, later]


def test_the_id_of_a_batch_is_good_for_what_was_shown_and_nothing_else(running):
    process = running()
    with remit.run("refunds", guard=process.guard):
        process.pending(80)
        process.pending(81)
        (before,) = process.inbox.batches()
        assert process.inbox.batch(before.id) == before
        process.pending(82)
    for gone in (before.id, before.id[:8], ""):
        with pytest.raises(Conflict, match="others wait by now than when it was shown"):
            process.inbox.batch(gone)
    (after,) = process.inbox.batches()
    assert process.inbox.batch(after.id) == after
    process.inbox.approve(ids(after)[0], MARIA)
    with pytest.raises(Conflict, match="no batch is called"):
        process.inbox.batch(after.id)


def test_each_is_refused_for_its_own_reason_and_keeps_no_other_from_its_answer(running):
    process = running()
    used, refused, withdrawn, mine, waiting = process.ask_in_run(80, 81, 82, 83, 84)
    (batch,) = process.inbox.batches()
    process.inbox.approve(used, BORIS)
    process.refund(80)
    process.inbox.refuse(refused, BORIS)
    process.inbox.withdraw(withdrawn, DORA)
    process.inbox.refuse(mine, MARIA, reason="on second thoughts")
    outcomes = process.inbox.approve_all(batch, MARIA)
    assert statuses(outcomes) == [
        f"approval {used} is used by now",
        f"approval {refused} is refused by now",
        f"approval {withdrawn} is withdrawn by now",
        f"approval {mine} is refused by now",
        waiting,
    ]
    assert process.inbox.status(outcomes[3].case) is Status.REFUSED
    assert process.refund(84) == 84
    with pytest.raises(Denied, match="on second thoughts"):
        process.refund(83)


def test_a_no_that_comes_between_the_look_and_the_yes_to_all_stands(shown, clock):
    process, batch = shown
    question = batch.first
    process.inbox.refuse(question.id, MARIA)
    fields = {"request": question.id, "asked": question.at, "batch": batch.id}
    yes = Approval(True, MARIA, question.digest, clock(), **fields)
    with pytest.raises(Conflict, match="is refused by now"):
        append(process.ledger, answered(question, yes))
    with pytest.raises(Denied, match="user:maria refused"):
        process.refund(80)


def test_what_waited_until_it_was_too_late_is_not_answered(shown, clock):
    process, batch = shown
    clock.sleep(24 * 3600)
    outcomes = process.inbox.approve_all(batch, MARIA)
    assert [str(one.error) for one in outcomes] == [
        f"approval {case.id} is expired by now" for case in batch.cases
    ]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (DORA, "that takes role:manager"),
        (Subject("user", "ursula", {"roles": ["manager"]}), "of their own"),
    ],
)
def test_nobody_approves_together_what_they_may_not_one_by_one(shown, who, why):
    process, batch = shown
    outcomes = process.inbox.approve_all(batch, who)
    assert [why in str(one.error) for one in outcomes] == [True] * 3
    assert [one.case for one in outcomes] == list(batch.cases)
    assert process.inbox.batches() == (batch,)


def test_a_no_to_all_is_a_no_to_each_and_takes_back_a_yes_that_was_not_used(shown):
    process, batch = shown
    process.inbox.approve(ids(batch)[1], BORIS)
    outcomes = process.inbox.refuse_all(batch, MARIA, reason="no receipts")
    assert [process.inbox.status(one.case) for one in outcomes] == [Status.REFUSED] * 3
    for amount in (80, 81, 82):
        with pytest.raises(Denied, match="user:maria refused: no receipts"):
            process.refund(amount)


def test_a_quorum_takes_as_many_people_for_a_batch_as_for_each(running):
    process = running(TWO)
    process.ask_in_run(80, 81)
    (batch,) = process.inbox.batches()
    for _ in range(2):
        process.inbox.approve_all(batch, MARIA)
    assert [ids(one) for one in process.inbox.batches()] == [ids(batch)]
    process.inbox.approve_all(batch, BORIS)
    assert [process.refund(80), process.refund(81)] == [80, 81]


def test_a_question_that_is_not_the_one_that_was_shown_is_not_answered(shown):
    process, batch = shown
    swapped = msgspec.structs.replace(batch.cases[1].question, id=ids(batch)[0])
    unknown = msgspec.structs.replace(batch.cases[1].question, id="made-up")
    forged = Batch(
        (*(msgspec.structs.replace(batch.cases[0], question=one) for one in (swapped, unknown)),)
    )
    outcomes = process.inbox.approve_all(forged, MARIA)
    assert ["is not what was shown" in str(one.error) for one in outcomes] == [True, True]
    assert process.inbox.batches() == (batch,)


def test_two_who_answer_the_same_batch_answer_each_question_once_for_each(running, clock):
    processes = [running() for _ in range(3)]
    processes[0].ask_in_run(*range(80, 86))
    (batch,) = processes[0].inbox.batches()
    processes[1].inbox.approve_all(batch, MARIA)
    outcomes = processes[2].inbox.approve_all(batch, BORIS)
    assert all("is approved by now" in str(one.error) for one in outcomes)
    assert (
        sum(process.refund(amount) for process, amount in zip(processes, (80, 81, 82), strict=True))
        == 243
    )
