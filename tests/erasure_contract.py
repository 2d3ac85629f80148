"""What every ledger that erases promises. A module that imports this defines `ledger`."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from ledger_contract import append

from remit.audit import erasure
from remit.audit.case import Answer, Open, Use
from remit.audit.findings import FindingKind
from remit.audit.record import Kind, Record
from remit.errors import Conflict
from remit.ledgers.retention import Erasure, Retention
from remit.model import (
    Action,
    Approval,
    ApprovalRequest,
    ApprovalTerms,
    Decision,
    Effect,
    Request,
    Session,
    Subject,
)

DAY = 86_400 * 10**9
OPERATOR = Subject("user", "operator")
AT_ONCE = Retention.preset("none")


def step(kind, call, *, days=0, subject="agent:bot", session="", user="", run="", **args):
    at = time.time_ns() - days * DAY
    request = Request(
        Subject.parse(subject),
        Action("refund", args),
        session=Session(session, user=user),
        run={"id": run} if run else {},
        at=at,
    )
    result = {"ok": True} if kind is Kind.RETURNED else None
    decision = Decision(Effect.ALLOW, "because", ("a",))
    return Record(kind, call, at, request, decision, result=result)


def whole(call, **fields):
    return step(Kind.STARTED, call, **fields), step(Kind.RETURNED, call, **fields)


def left(ledger):
    """The calls of which a payload is left."""
    found = (one.facts() for one in ledger.select() if one.payload is not None)
    return sorted({leaf.call for leaf in found if leaf.action != erasure.ACTION})


def gone(ledger):
    return [one.index for one in ledger.select() if one.payload is None]


def checked(ledger):
    """The ledger verifies, and every payload that is not there is accounted for."""
    ledger.checkpoint()
    verification = ledger.verify()
    assert verification.intact
    assert verification.signed == ledger.size()
    return {one.index for one in verification.findings if one.kind is FindingKind.ERASED}


def test_what_is_old_enough_goes_and_a_record_says_so(ledger):
    append(ledger, *whole("old", days=400), *whole("older", days=500), *whole("new", days=300))
    erased = ledger.erase(
        Erasure(older_than=timedelta(days=365), reason="a year is enough"), by=OPERATOR
    )
    assert (erased.count, erased.too_young, erased.under_way) == (4, 0, 0)
    assert gone(ledger) == [0, 1, 2, 3]
    record = ledger.entry(6)
    leaf = record.facts()
    assert (leaf.kind, leaf.action, leaf.subject) == (
        Kind.CHANGED, "payload.erased", "user:operator"
    )  # fmt: skip
    assert record.details()["args"] == {
        "records": "0-3", "count": 4, "asked": ["older_than"], "older_than_days": 365,
        "minimum_days": 184, "abandoned": False, "reason": "a year is enough",
    }  # fmt: skip
    assert checked(ledger) == {0}


def test_nothing_that_has_to_be_kept_goes_whoever_asks(ledger):
    append(ledger, *whole("c-1", days=100, user="ada"), *whole("c-2", days=200, user="ada"))
    erased = ledger.erase(Erasure(user="ada"), by=OPERATOR)
    assert (erased.count, erased.too_young) == (2, 2)
    assert left(ledger)[-1] == "c-1"
    assert ledger.erase(Erasure(older_than=timedelta(days=1)), by=OPERATOR).too_young == 2
    assert ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE).count == 2
    assert "c-1" not in left(ledger)
    checked(ledger)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Erasure(subject="agent:bot"), ["c-3", "c-4", "c-5"]),
        (Erasure(session="s-1"), ["c-2", "c-3", "c-4", "c-5"]),
        (Erasure(user="ada"), ["c-2", "c-5"]),
        (Erasure(user="user:ada"), ["c-1", "c-2", "c-3", "c-4", "c-5"]),
        (Erasure(user="a%"), ["c-1", "c-2", "c-3", "c-4", "c-5"]),
        (Erasure(user="ada", session="s-1"), ["c-2", "c-3", "c-4", "c-5"]),
        (Erasure(user="nul\x00 {0} \ud7ff"), ["c-1", "c-2", "c-3", "c-4", "c-5"]),
        (Erasure(subject="agent:bot", older_than=timedelta(days=9)), ["c-2", "c-3", "c-4", "c-5"]),
    ],
)
def test_calls_go_as_a_whole_and_no_others(ledger, asked, expected):
    append(
        ledger,
        *whole("c-1", session="s-1", user="ada", days=10),
        *whole("c-2", session="s-2", note="nul\x00"),
        *whole("c-3", subject="user:ada"),
        *whole("c-4", subject="agent:clerk", user="ada"),
        *whole("c-5", subject="agent:clerk", user="bob"),
    )
    ledger.erase(asked, by=OPERATOR, retention=AT_ONCE)
    calls = [call for call in left(ledger) if call.startswith("c-")]
    assert calls == expected
    checked(ledger)


def test_what_is_under_way_stays_unless_it_is_said_to_be_abandoned(ledger):
    append(
        ledger,
        step(Kind.STARTED, "running"),
        step(Kind.ASKED, "asked"),
        step(Kind.ASKED, "answered"),
        step(Kind.ANSWERED, "answered"),
        step(Kind.REFUSED, "refused"),
        step(Kind.ASKED, "done"),
        step(Kind.ANSWERED, "done"),
        *whole("done"),
    )
    asked = Erasure(older_than=timedelta(0))
    erased = ledger.erase(asked, by=OPERATOR, retention=AT_ONCE)
    assert (erased.count, erased.under_way) == (7, 2)
    assert left(ledger)[-2:] == ["asked", "running"]
    append(ledger, step(Kind.RETURNED, "running"))
    assert ledger.erase(asked, by=OPERATOR, retention=AT_ONCE).count == 2
    abandoned = Erasure(older_than=timedelta(0), abandoned=True)
    assert ledger.erase(abandoned, by=OPERATOR, retention=AT_ONCE).count == 1
    checked(ledger)


def test_what_was_noted_in_a_run_goes_by_itself(ledger):
    append(
        ledger,
        step(Kind.NOTED, "run-1", user="ada", run="run-1"),
        step(Kind.NOTED, "run-1", user="bob", run="run-1"),
        step(Kind.CHANGED, "change-1", subject="user:ada"),
    )
    assert ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE).count == 2
    assert gone(ledger) == [0, 2]


def test_what_the_log_says_of_itself_is_never_erased(ledger):
    append(ledger, *whole("c-1"))
    everything = Erasure(older_than=timedelta(0), abandoned=True)
    assert ledger.erase(everything, by=OPERATOR, retention=AT_ONCE).count == 2
    assert ledger.erase(everything, by=OPERATOR, retention=AT_ONCE).count == 0
    assert ledger.erase(Erasure(subject="user:operator"), by=OPERATOR, retention=AT_ONCE).count == 0
    assert ledger.size() == 3
    checked(ledger)


def test_the_record_of_an_erasure_repeats_nothing_of_what_is_gone(ledger):
    append(
        ledger,
        *whole("c-1", user="ada-lovelace", session="s-lovelace", email="lovelace@example.com"),
    )
    ledger.erase(Erasure(user="ada-lovelace", session="s-lovelace"), by=OPERATOR, retention=AT_ONCE)
    record = ledger.entry(2)
    # Not "ada", which a random salt in hexadecimal digits may say.
    assert b"lovelace" not in record.leaf + record.payload
    assert record.details()["args"]["asked"] == ["session", "user"]


def test_a_dry_run_counts_and_erases_nothing(ledger):
    append(
        ledger, *whole("c-1", days=400), *whole("c-2", days=10), step(Kind.STARTED, "c-3", days=400)
    )
    asked = Erasure(subject="agent:bot")
    found = ledger.erase(asked, by=OPERATOR, dry_run=True)
    assert (found.count, found.too_young, found.under_way) == (2, 2, 1)
    assert (ledger.size(), gone(ledger)) == (5, [])
    done = ledger.erase(asked, by=OPERATOR)
    assert (done.count, done.too_young, done.under_way) == (2, 2, 1)


def test_many_go_in_batches_each_with_its_record(ledger, monkeypatch):
    for module in ("sqlite_upkeep", "postgres_erasing", "postgres_store", "memory_erasing"):
        monkeypatch.setattr(f"remit.ledgers.{module}.MOST_AT_ONCE", 4, raising=False)
    append(ledger, *[one for n in range(5) for one in whole(f"c-{n}")])
    assert (
        ledger.erase(Erasure(older_than=timedelta(0)), by=OPERATOR, retention=AT_ONCE).count == 10
    )
    told = [one.details()["args"]["records"] for one in ledger.select() if one.index >= 10]
    assert told == ["0-3", "4-7", "8-9"]
    assert checked(ledger) == {0}


def test_proofs_are_as_they_were(ledger):
    append(ledger, *[one for n in range(5) for one in whole(f"c-{n}")])
    head, proofs = ledger.root(), [ledger.inclusion_proof(n, 10) for n in range(10)]
    ledger.erase(Erasure(older_than=timedelta(0)), by=OPERATOR, retention=AT_ONCE)
    assert [ledger.inclusion_proof(n, 10) for n in range(10)] == proofs
    assert head != ledger.root()
    assert ledger.entry(3).details() is None


def question(call, *, days=0, user="ada", within=3600.0):
    asked = step(Kind.ASKED, call, days=days, user=user, to="somewhere")
    terms = ApprovalTerms(("user:maria",), within=within)
    decision = Decision(Effect.DENY, "because", approval=terms)
    request = asked.request
    made = ApprovalRequest(call, request, decision, terms, request.digest, asked.at)
    return Record(Kind.ASKED, call, asked.at, request, decision, move=Open(made))


def test_a_question_that_waits_for_its_answer_stays_whoever_asks(ledger):
    append(ledger, question("a-1"))
    for asked in (Erasure(user="ada"), Erasure(user="ada", abandoned=True)):
        erased = ledger.erase(asked, by=OPERATOR, retention=AT_ONCE)
        assert (erased.count, erased.under_way) == (0, 1)
    assert ledger.case("a-1") is not None


def test_a_question_that_is_over_goes_with_what_the_inbox_keeps_of_it(ledger):
    append(ledger, question("late", days=3), question("old", days=2, user="bob"))
    append(ledger, step(Kind.CHANGED, "w"))
    erased = ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE)
    assert (erased.count, erased.under_way) == (1, 0)
    assert ledger.case("late") is None
    assert ledger.case("old") is not None


def test_an_approval_that_was_used_cannot_be_used_again_once_it_is_erased(ledger):
    asked = question("a-1")
    answer = Approval(
        approved=True, approver=Subject("user", "maria"), digest=asked.request.digest,
        at=time.time_ns(), request="a-1",
    )  # fmt: skip
    use = Use("b-1", asked.request.digest, (answer,))
    start = Record(
        Kind.STARTED, "b-1", answer.at, asked.request, asked.decision, (answer,), move=use
    )
    append(
        ledger,
        asked,
        Record(
            Kind.ANSWERED, "a-1", answer.at, asked.request, asked.decision, (answer,),
            move=Answer("a-1", answer),
        ),
        start,
        step(Kind.RETURNED, "b-1", user="ada"),
    )  # fmt: skip
    assert ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE).count == 4
    assert ledger.case("a-1") is None
    with pytest.raises(Conflict, match="no approval a-1"):
        append(ledger, start)
    checked(ledger)
