"""A ledger in memory erases by the same rules as one on disk, and what it holds as objects, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from erasure_contract import *  # noqa: F403 - the contract is a set of tests
from erasure_contract import AT_ONCE, OPERATOR, question, step, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_contract import append

from remit.audit.record import Kind, encode
from remit.errors import Conflict
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.retention import Erasure, Retention
from remit.ledgers.sqlite import SqliteLedger


@pytest.fixture
def ledger():
    return MemoryLedger()


def test_nothing_of_what_is_erased_is_left_in_the_records(ledger):
    append(ledger, *whole("c-1", user="ada-lovelace", email="lovelace@example.com"))
    append(ledger, question("a-1", days=3, user="ada-lovelace"))
    ledger.erase(Erasure(user="ada-lovelace"), by=OPERATOR, retention=AT_ONCE)
    assert "lovelace" not in repr(vars(ledger))


def test_a_record_without_its_payload_still_says_what_its_leaf_does(ledger):
    append(ledger, *whole("c-1", session="s-1", run="run-1", user="ada"))
    ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE)
    for record, stored in zip(ledger.records[:2], ledger.entries(), strict=False):
        fields = ("action", "subject", "session", "run", "effect", "rules", "kind", "at", "call")
        again = encode(record, bytes(16)).leaf
        said, kept = (one.facts() for one in (type(stored)(0, again, b"", b""), stored))
        assert [getattr(said, name) for name in fields] == [getattr(kept, name) for name in fields]


KINDS = [Kind.REFUSED, Kind.ASKED, Kind.STARTED, Kind.RETURNED, Kind.NOTED, Kind.CHANGED]
steps = st.builds(
    step,
    st.sampled_from(KINDS),
    st.sampled_from(["c-1", "c-2", "c-3"]),
    days=st.sampled_from([1, 10, 400]),
    subject=st.sampled_from(["agent:bot", "user:ada"]),
    session=st.sampled_from(["", "s-1"]),
    user=st.sampled_from(["", "ada", "bob"]),
)
questions = st.builds(
    question,
    st.sampled_from(["c-1", "c-2", "a-1"]),
    days=st.sampled_from([0, 1, 400]),
    user=st.sampled_from(["ada", "bob"]),
)
erasures = st.builds(
    lambda **fields: Erasure(**fields if any(list(fields.values())[:-1]) else {"user": "ada"}),
    older_than=st.sampled_from([None, timedelta(days=5), timedelta(days=50)]),
    subject=st.sampled_from([None, "agent:bot", "user:ada"]),
    session=st.sampled_from([None, "s-1"]),
    user=st.sampled_from([None, "ada"]),
    abandoned=st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(steps | questions, max_size=10), st.lists(erasures, min_size=1, max_size=3))
def test_it_erases_what_a_ledger_on_disk_erases(tmp_path_factory, records, asked):
    path = tmp_path_factory.mktemp("log") / "audit.db"
    with SqliteLedger(path) as disk:
        ledgers = [MemoryLedger(), disk]
        for ledger in ledgers:
            for record in records:
                try:
                    append(ledger, record)
                except Conflict:
                    continue
        for one in asked:
            for retention in (Retention(timedelta(days=5)), AT_ONCE):
                found = [each.erase(one, by=OPERATOR, retention=retention) for each in ledgers]
                assert counted(found[0]) == counted(found[1])
                gone = [[kept.payload is None for kept in each.select()] for each in ledgers]
                assert gone[0] == gone[1]
                cases = [{case.id for case in each.cases(waiting=False)} for each in ledgers]
                assert cases[0] == cases[1]


def counted(erased):
    return erased.count, erased.too_young, erased.under_way
