"""Several ledgers read as one."""

from pathlib import Path

import pytest
from cli_shell import Shell
from hypothesis import given
from hypothesis import strategies as st
from ledger_contract import NOON, SECOND, append, record
from test_log_tamper import tamper

from remit.audit.record import Kind
from remit.errors import LogError
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.merged import MergedLog
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger

times = st.lists(st.lists(st.integers(0, 50), max_size=8), min_size=1, max_size=4)


def filled(moments):
    """A ledger whose records come at these *moments*, in seconds after noon."""
    ledger = MemoryLedger()
    append(ledger, *(record(call=f"c-{n}", at=NOON + n * SECOND) for n in moments))
    return ledger


@given(times)
def test_records_come_in_the_order_of_time_and_none_is_lost(several):
    logs = MergedLog({str(n): filled(sorted(moments)) for n, moments in enumerate(several)})
    found = list(logs.select())
    assert [one.stored.facts().at for one in found] == sorted(
        NOON // 1000 + n * 10**6 for moments in several for n in moments
    )
    newest = list(logs.select(Filter(newest_first=True)))
    assert [one.stored.facts().at for one in newest] == [
        one.stored.facts().at for one in reversed(found)
    ]


@given(times)
def test_within_a_ledger_its_own_order_stands_whatever_its_clock_did(several):
    logs = MergedLog({str(n): filled(moments) for n, moments in enumerate(several)})
    found = list(logs.select())
    for n, moments in enumerate(several):
        indexes = [one.stored.index for one in found if one.ledger == str(n)]
        assert indexes == list(range(len(moments)))


def test_a_question_and_its_limit_are_for_all_of_them():
    logs = MergedLog({"a": filled([1, 4, 5]), "b": filled([2, 3, 6])})
    newest = list(logs.select(Filter(limit=3, newest_first=True)))
    assert [(one.ledger, one.stored.facts().call) for one in newest] == [
        ("b", "c-6"), ("a", "c-5"), ("a", "c-4")
    ]  # fmt: skip
    assert [one.ledger for one in logs.select(Filter(call="c-3"))] == ["b"]
    assert list(MergedLog({}).select()) == []
    with pytest.raises(ValueError, match="an index is of one ledger"):
        logs.select(Filter(start=2))


def test_a_record_that_cannot_be_read_is_named_with_its_ledger(tmp_path):
    with SqliteLedger(tmp_path / "b.db") as ledger:
        append(ledger, record())
    tamper(tmp_path / "b.db", """UPDATE record SET leaf = '{"at":1}'""")
    logs = MergedLog({"a": filled([1]), "b": ledger})
    with pytest.raises(LogError, match="b: record 0 cannot be read") as caught:
        list(logs.select())
    assert caught.value.index == 0


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REMIT_LEDGER", raising=False)
    for name, moments in {"a b.db": (1, 3), "c.db": (2, 4)}.items():
        with SqliteLedger(name) as ledger:
            append(ledger, *(record(Kind.REFUSED, f"c-{n}", at=NOON + n * SECOND) for n in moments))
    return Shell(capsys)


BOTH = ("--ledger", "a b.db", "--ledger", "c.db")


def test_several_ledgers_are_listed_together_and_each_record_says_which(remit):
    header, *rows = remit("log", "list", *BOTH).out.splitlines()
    assert header.split()[:2] == ["ledger", "record"]
    assert [row[:6].strip() for row in rows] == ["a b.db", "c.db", "a b.db", "c.db"]
    lines = remit("log", "list", *BOTH, "--json", "--limit", "3").lines
    assert [(line["ledger"], line["index"]) for line in lines] == [
        ("c.db", 0), ("a b.db", 1), ("c.db", 1)
    ]  # fmt: skip
    assert remit("log", "list", *BOTH, "--limit", "0", "--json").lines[1:] == lines
    assert "newest 3" in remit("log", "list", *BOTH, "--limit", "3").err
    assert "ledger" not in remit("log", "list", "--ledger", "c.db", "--json").lines[0]


def test_the_variable_names_one_ledger_whatever_is_in_its_name(remit, monkeypatch):
    monkeypatch.setenv("REMIT_LEDGER", "a b.db")
    assert len(remit("log", "list", "--json").lines) == 2
    Path("a:b.db").write_bytes(Path("a b.db").read_bytes())
    monkeypatch.setenv("REMIT_LEDGER", "a:b.db")
    assert len(remit("log", "list", "--json").lines) == 2


def test_the_ledger_that_cannot_be_read_is_the_one_that_is_named(remit):
    missing = remit("log", "list", "--ledger", "gone.db", *BOTH)
    assert missing.code == 4
    assert "gone.db" in missing.err
    tamper("a b.db", """UPDATE record SET leaf = '{"at":1}' WHERE seq = 1""")
    odd = remit("log", "list", *BOTH)
    assert odd.code == 4
    assert "verify --ledger a b.db" in odd.err
