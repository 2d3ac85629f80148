"""Payloads are erased from a ledger file, its bytes included, and the log says so."""

import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from multiprocessing import get_context

import pytest
import test_log_tamper as tampered
from erasure_contract import *  # noqa: F403 - the contract is a set of tests
from erasure_contract import AT_ONCE, OPERATOR, checked, gone, left, step, whole
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_contract import append, record
from test_log_bundle import LOG, NOTES, agreed, build, export

from remit.audit import erasure
from remit.audit.findings import FindingKind
from remit.audit.record import Kind, Record, encode
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash
from remit.ledgers.retention import SIX_MONTHS, Erasure, Retention
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.model import Action, Request


@pytest.fixture
def ledger(tmp_path):
    with SqliteLedger(tmp_path / "audit.db", patience=0.3) as made:
        yield made


def files_with(folder, text):
    """The files in which *text* stands, whoever has them open."""
    return [one.name for one in sorted(folder.iterdir()) if text.encode() in one.read_bytes()]


SIZES = st.lists(st.integers(0, 20_000), min_size=1, max_size=40)


@settings(max_examples=8, deadline=None)
@given(SIZES)
def test_what_is_erased_is_in_no_file_any_more(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("log")
    with SqliteLedger(folder / "audit.db") as ledger:
        for n, size in enumerate(sizes):
            user = "ada-lovelace" if n % 3 == 0 else "bob"
            append(ledger, *whole(f"c-{n}", user=user, text=f"{user}-secret-{n} " + "x" * size))
        assert "audit.db-wal" in files_with(folder, "ada-lovelace-secret-0")
        erased = ledger.erase(Erasure(user="ada-lovelace"), by=OPERATOR, retention=AT_ONCE)
        assert erased.scrubbed
        assert files_with(folder, "ada-lovelace") == []
        assert files_with(folder, "bob-secret-1") == (["audit.db"] if len(sizes) > 1 else [])
        checked(ledger)


def test_what_a_reader_still_sees_is_said_not_to_be_gone(ledger):
    folder = ledger.path.parent
    append(ledger, *whole("c-1", user="ada-lovelace"))
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        erased = ledger.erase(Erasure(user="ada-lovelace"), by=OPERATOR, retention=AT_ONCE)
        assert (erased.count, erased.scrubbed) == (2, False)
        assert files_with(folder, "ada-lovelace") != []
    append(ledger, *whole("c-2", user="ada-lovelace"))
    assert ledger.erase(Erasure(user="ada-lovelace"), by=OPERATOR, retention=AT_ONCE).scrubbed
    assert files_with(folder, "ada-lovelace") == []


def test_another_process_may_erase_while_this_one_writes(ledger):
    append(ledger, *whole("c-1", user="ada"))
    child = get_context("spawn").Process(target=erase_there, args=(ledger.path,))
    child.start()
    for n in range(50):
        append(ledger, *whole(f"d-{n}"))
    child.join(60)
    assert child.exitcode == 0
    assert gone(ledger) == [0, 1]
    checked(ledger)


def erase_there(path):
    with SqliteLedger(path, patience=30) as ledger:
        ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE)


def test_an_erasure_that_fails_erases_nothing(ledger, monkeypatch):
    append(ledger, *whole("c-1"))
    monkeypatch.setattr("remit.ledgers.sqlite_upkeep.change", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.erase(Erasure(older_than=timedelta(0)), by=OPERATOR, retention=AT_ONCE)
    assert (gone(ledger), ledger.size()) == ([], 2)


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match="say what to erase"):
        Erasure(reason="just so", abandoned=True)
    with pytest.raises(ValueError, match="empty id"):
        Erasure(session="")
    with pytest.raises(ValueError, match="older than the future"):
        Erasure(older_than=timedelta(days=-1))
    with pytest.raises(ValueError, match="less than no time"):
        Retention(timedelta(days=-1))
    assert Retention().minimum == Retention.preset("six-months").minimum == SIX_MONTHS


def test_six_months_are_never_shorter_than_six_months():
    ends = []
    for month in range(1, 13):
        start = time.struct_time((2027, month, 1, 0, 0, 0, 0, 0, 0))
        later = time.struct_time((2027 + (month > 6), (month + 5) % 12 + 1, 1, 0, 0, 0, 0, 0, 0))
        ends.append((time.mktime(later) - time.mktime(start)) / 86_400)
    assert round(max(ends)) == SIX_MONTHS.days


# What the two verifiers make of it.


def erased_record(index, records):
    request = Request(OPERATOR, Action(erasure.ACTION, {"records": records}))
    made = record(Kind.CHANGED, "e")
    entry = encode(Record(Kind.CHANGED, "e", made.at, request), bytes(16))
    return Stored(index, entry.leaf, entry.payload, leaf_hash(entry.leaf))


def without(indexes, records, at=10):
    log = [tampered.replace(one, payload=None) if one.index in indexes else one for one in LOG]
    return [*log, erased_record(at, records)]


@pytest.mark.parametrize(
    ("records", "erased", "missing"),
    [
        ("2-3,7", [2, 7], []),
        ("0-9", [2, 7], []),
        ("3", [3], [2, 7]),
        ("7-99", [7], [2]),
        ("2,3,7", [2, 7], []),
        ("7,2-3", [2, 7], []),
        ("9-1", [], [2, 7]),
        ("", [], [2, 7]),
        ("2-", [], [2, 7]),
        (["2-3"], [], [2, 7]),
        ("٢", [], [2, 7]),
        (7, [], [2, 7]),
    ],
)
def test_what_is_gone_and_accounted_for_is_told_from_what_is_just_gone(
    tmp_path, records, erased, missing
):
    log = without({2, 3, 7}, records)
    found = tampered.check(log, NOTES)
    assert [one.index for one in found.findings if one.kind is FindingKind.ERASED] == erased
    lost = [one.index for one in found.findings if one.kind is FindingKind.PAYLOAD_MISSING]
    assert lost == missing
    assert found.intact == (not missing)
    agreed(build(tmp_path / "log", log, NOTES))


def test_a_record_cannot_account_for_what_goes_missing_later(tmp_path):
    log = [LOG[0], erased_record(1, "0-5"), *tampered.renumbered([*LOG[:2], *LOG[2:6]])[2:]]
    log[4] = tampered.replace(log[4], payload=None)
    found = tampered.check(log, [])
    assert [one.kind for one in found.findings if one.breaks] == [FindingKind.PAYLOAD_MISSING]
    agreed(build(tmp_path / "log", log, []))


@given(st.sets(st.integers(0, 40)), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9))))
def test_spans_are_split_as_sets_are(missing, accounted):
    spans = [(first, first + length) for first, length in accounted]
    known = {one for first, end in spans for one in range(first, end)}
    found = list(erasure.split(erasure.runs(sorted(missing)), spans))
    for covered in (True, False):
        seen = [one for (first, end), is_known in found if is_known is covered
                for one in range(first, end)]  # fmt: skip
        assert seen == sorted(missing & known if covered else missing - known)


@given(st.sets(st.integers(0, 10**6), min_size=1))
def test_what_was_told_is_read(indexes):
    spans = erasure.read({"args": {"records": erasure.told(sorted(indexes))}}, 10**7)
    assert [one for first, end in spans for one in range(first, end)] == sorted(indexes)


def test_a_bundle_carries_what_is_gone_and_why(ledger, tmp_path):
    append(ledger, *whole("c-1"), *whole("c-2", user="ada"))
    ledger.erase(Erasure(user="ada"), by=OPERATOR, retention=AT_ONCE)
    ledger.checkpoint()
    found = agreed(export(ledger.path, tmp_path / "audit"))
    assert dict(found[-1]) == {("erased", 2, False): 1}


def test_erasing_makes_no_key_beside_a_ledger_that_has_its_own(tmp_path):
    path = tmp_path / "audit.db"
    with SqliteLedger(path, signer=tampered.OURS) as ledger:
        append(ledger, *whole("c-1"), step(Kind.STARTED, "c-2"))
        ledger.erase(Erasure(older_than=timedelta(0)), by=OPERATOR, retention=AT_ONCE)
        assert left(ledger)[-1] == "c-2"
    assert [one.name for one in tmp_path.iterdir() if one.suffix in {".key", ".pub"}] == []
    assert SqliteLog(path).verify([tampered.OURS.verifying]).intact
