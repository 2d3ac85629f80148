"""What every ledger promises, as tests any ledger can be put through.

A test module that wants them imports them and defines a fixture `ledger`.
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import Future

import pytest

from remit.audit.checkpoint import open_checkpoint
from remit.audit.findings import FindingKind
from remit.audit.record import Kind, Record
from remit.audit.tree import leaf_hash, verify_consistency, verify_inclusion
from remit.errors import LogError
from remit.ledgers.query import Filter
from remit.model import Action, Decision, Effect, Request, Risk, Session, Subject

SECOND = 1_000_000_000
NOON = 1_795_262_400 * SECOND


def record(
    kind=Kind.STARTED,
    call="c-1",
    *,
    at=NOON,
    subject="agent:billing-bot",
    action="refund",
    session="",
    rules=("small-refund",),
    effect=Effect.ALLOW,
    risk=None,
    **args,
):
    request = Request(Subject.parse(subject), Action(action, args), session=Session(session), at=at)
    decision = Decision(effect, "because", rules, risk=risk)
    result = {"ok": True} if kind is Kind.RETURNED else None
    return Record(kind, call, at, request, decision, result=result)


def append(ledger, *records):
    """The indexes of *records*, once they are kept."""
    answers = [ledger.append(one) for one in records]
    return [one.result(30) if isinstance(one, Future) else one for one in answers]


def a_whole_call(call="c-1", **fields):
    return record(call=call, **fields), record(Kind.RETURNED, call, **fields)


def test_records_are_numbered_from_zero_in_the_order_they_were_handed_over(ledger):
    assert append(ledger, *[record(call=f"c-{n}") for n in range(5)]) == [0, 1, 2, 3, 4]
    assert ledger.size() == 5
    assert [one.facts().call for one in ledger.select()] == [f"c-{n}" for n in range(5)]


def test_a_record_is_found_as_it_was_handed_over(ledger):
    append(ledger, record(amount=80, order="o-1"))
    stored = ledger.entry(0)
    leaf, payload = stored.facts(), stored.details()
    assert stored.hash == leaf_hash(stored.leaf)
    assert (leaf.kind, leaf.call, leaf.at) == (Kind.STARTED, "c-1", NOON // 1000)
    assert (leaf.subject, leaf.action, leaf.effect) == ("agent:billing-bot", "refund", "allow")
    assert leaf.rules == ("small-refund",)
    assert payload["args"] == {"amount": 80, "order": "o-1"}
    assert leaf.payload == stored.payload_digest


def test_what_was_read_once_reads_the_same_again(ledger):
    append(ledger, record())
    first = ledger.entry(0)
    append(ledger, record())
    assert ledger.entry(0) == first


def test_equal_records_have_different_payloads_so_that_nobody_can_guess(ledger):
    append(ledger, record(), record())
    one, other = ledger.select()
    assert one.facts().payload != other.facts().payload


def test_personal_data_is_in_the_payload_alone(ledger):
    append(ledger, record(email="ada@example.com"))
    stored = ledger.entry(0)
    assert b"ada@example.com" in stored.payload
    assert b"ada@example.com" not in stored.leaf


@pytest.mark.parametrize("index", [-1, 1, 2**40])
def test_a_record_that_is_not_there_is_an_error_and_says_which(ledger, index):
    append(ledger, record())
    with pytest.raises(LogError, match=f"no record {index}") as caught:
        ledger.entry(index)
    assert caught.value.index == index


def test_a_new_ledger_is_empty_and_intact(ledger):
    assert ledger.size() == 0
    assert list(ledger.select()) == []
    verification = ledger.verify()
    assert verification.intact
    assert (verification.size, verification.signed, verification.findings) == (0, 0, ())


def test_a_checkpoint_signs_all_records_so_far(ledger):
    append(ledger, *a_whole_call())
    signed = ledger.checkpoint()
    verification = ledger.verify()
    assert (verification.size, verification.signed) == (2, 2)
    assert verification.intact
    assert verification.findings == ()
    assert verification.root == ledger.root()
    assert signed in list(ledger.checkpoints())
    assert ledger.origin in signed


def test_records_behind_the_last_checkpoint_are_reported_and_break_nothing(ledger):
    append(ledger, *a_whole_call())
    ledger.checkpoint()
    append(ledger, *a_whole_call("c-2"))
    verification = ledger.verify()
    assert verification.intact
    assert [(one.kind, one.index) for one in verification.findings] == [(FindingKind.UNSIGNED, 2)]


def test_a_call_that_never_ended_is_reported_and_breaks_nothing(ledger):
    append(ledger, *a_whole_call("c-1"), record(call="c-2"), record(Kind.REFUSED, "c-3"))
    ledger.checkpoint()
    verification = ledger.verify()
    assert verification.intact
    (finding,) = verification.findings
    assert (finding.kind, finding.index) == (FindingKind.UNENDED, 2)
    assert "c-2" in finding.message


def test_a_record_can_be_proved_to_somebody_who_has_one_checkpoint(ledger):
    append(ledger, *[record(call=f"c-{n}") for n in range(11)])
    head = open_checkpoint(ledger.checkpoint(), [ledger.verifying_key()])
    append(ledger, record())
    for index in range(head.size):
        leaf = leaf_hash(ledger.entry(index).leaf)
        proof = ledger.inclusion_proof(index, head.size)
        assert verify_inclusion(leaf, index, head.size, proof, head.root)


def test_growth_can_be_proved_between_two_checkpoints(ledger):
    append(ledger, *[record(call=f"c-{n}") for n in range(5)])
    old = open_checkpoint(ledger.checkpoint(), [ledger.verifying_key()])
    append(ledger, *[record(call=f"d-{n}") for n in range(6)])
    new = open_checkpoint(ledger.checkpoint(), [ledger.verifying_key()])
    proof = ledger.consistency_proof(old.size, new.size)
    assert verify_consistency(old.size, old.root, new.size, new.root, proof)


def test_there_is_no_proof_about_records_that_do_not_exist(ledger):
    append(ledger, record())
    with pytest.raises(LogError):
        ledger.inclusion_proof(1)
    with pytest.raises(LogError):
        ledger.inclusion_proof(0, 2)
    with pytest.raises(LogError):
        ledger.consistency_proof(2)
    with pytest.raises(LogError):
        ledger.consistency_proof(1, 2)


def test_a_checkpoint_kept_elsewhere_is_held_against_the_log(ledger):
    append(ledger, *a_whole_call())
    kept = ledger.checkpoint()
    append(ledger, *a_whole_call("c-2"))
    assert ledger.verify(checkpoint=kept).intact
    with pytest.raises(LogError):
        ledger.verify(checkpoint="no checkpoint")


FILTERS = {
    "nothing asked": (Filter(), [0, 1, 2, 3, 4]),
    "session": (Filter(session="run-1"), [1, 2]),
    "call": (Filter(call="c-3"), [3]),
    "subject": (Filter(subject="user:ada"), [2]),
    "action": (Filter(action="search"), [0, 4]),
    "kind": (Filter(kind=Kind.REFUSED), [3]),
    "effect": (Filter(effect=Effect.DENY), [3]),
    "risk": (Filter(risk=Risk.HIGH), [3]),
    "rule": (Filter(rule="second"), [2]),
    "since": (Filter(since=NOON + 2 * SECOND), [2, 3, 4]),
    "until": (Filter(until=NOON + 2 * SECOND), [0, 1]),
    "both": (Filter(since=NOON + SECOND, until=NOON + 3 * SECOND, session="run-1"), [1, 2]),
    "start": (Filter(start=3), [3, 4]),
    "limit": (Filter(limit=2), [0, 1]),
    "no limit at all": (Filter(limit=0), []),
    "newest first": (Filter(newest_first=True, limit=2), [4, 3]),
    "newest of some": (Filter(action="search", newest_first=True, limit=1), [4]),
    "what nobody has": (Filter(subject="agent:nobody"), []),
    "quotes are not code": (Filter(subject="' OR 1=1 --"), []),
}


@pytest.mark.parametrize("name", FILTERS)
def test_records_can_be_selected(ledger, name):
    append(
        ledger,
        record(call="c-0", action="search", at=NOON),
        record(call="c-1", session="run-1", at=NOON + SECOND),
        record(
            call="c-2",
            session="run-1",
            subject="user:ada",
            rules=("first", "second"),
            at=NOON + 2 * SECOND,
        ),
        record(Kind.REFUSED, "c-3", effect=Effect.DENY, risk=Risk.HIGH, at=NOON + 3 * SECOND),
        record(call="c-4", action="search", at=NOON + 4 * SECOND),
    )
    wanted, expected = FILTERS[name]
    assert [one.index for one in ledger.select(wanted)] == expected


@pytest.mark.parametrize("nonsense", [{"start": -1}, {"limit": -1}])
def test_a_filter_cannot_ask_for_less_than_nothing(nonsense):
    with pytest.raises(ValueError, match="0 or"):
        Filter(**nonsense)


def test_threads_that_append_together_get_different_indexes(ledger):
    indexes: list[list[int]] = [[] for _ in range(8)]
    ready = threading.Barrier(8)

    def work(thread):
        ready.wait()
        for n in range(25):
            indexes[thread] += append(ledger, *a_whole_call(f"c-{thread}-{n}"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(itertools.chain.from_iterable(indexes)) == list(range(400))
    assert all(mine == sorted(mine) for mine in indexes)
    ledger.checkpoint()
    verification = ledger.verify()
    assert verification.findings == ()
    assert verification.signed == 400


def test_records_of_a_run_are_found_by_it(ledger):
    run = Request(Subject.parse("a"), Action("run.step"), run={"id": "run-7", "steps": 1}, at=NOON)
    append(ledger, record(), Record(Kind.NOTED, "run-7", NOON, run), record(call="c-2"))
    (found,) = ledger.select(Filter(run="run-7"))
    assert (found.index, found.facts().kind, found.facts().run) == (1, Kind.NOTED, "run-7")
    assert found.details()["run"] == {"id": "run-7", "steps": 1}
    assert list(ledger.select(Filter(run="run-8"))) == []


def test_what_runs_note_is_kept_in_order_with_the_rest(ledger):
    note = getattr(ledger, "note", ledger.append)
    run = Request(Subject.parse("a"), Action("run.step"), run={"id": "run-7"}, at=NOON)
    for _ in range(3):
        note(Record(Kind.NOTED, "run-7", NOON, run))
    append(ledger, record())
    assert [one.facts().kind for one in ledger.select()] == ["noted", "noted", "noted", "started"]
