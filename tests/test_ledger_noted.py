"""What is noted becomes bytes where it is written, and holds up nobody, whatever it is."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest
from ledger_contract import record

from remit.audit.record import Kind, Record, encode
from remit.errors import LogError
from remit.ledgers import sqlite_writer
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_store import Store
from remit.model import Action, Request, Subject


@pytest.fixture
def ledger(tmp_path):
    with SqliteLedger(tmp_path / "audit.db", patience=30) as made:
        yield made


def noted(what, at=1_000):
    request = Request(Subject("agent", "a"), Action("run.step", {"name": what}), run={"id": "r"})
    return Record(Kind.NOTED, "r", at, request)


def nothing_writable():
    """A record that has no bytes: no UTF-8 text holds a lone surrogate."""
    return Record(Kind.NOTED, "\ud800", 1_000, Request(Subject("agent", "a"), Action("run.step")))


def test_who_notes_something_does_not_make_its_bytes(ledger, monkeypatch):
    def forbidden(*_):
        pytest.fail("made bytes")

    monkeypatch.setattr(sqlite_writer, "encode", forbidden)
    assert ledger.note(noted("a")) is None
    assert ledger.append(noted("b")).result() == 1


def test_what_is_noted_is_in_line_with_everything_else(ledger):
    appended = [noted("a"), record(call="c-1"), noted("b"), noted("c"), record(call="c-2")]
    ledger.note(appended[0])
    for each in appended[1:-1]:
        ledger.append(each)
    ledger.append(appended[-1]).result()
    stored = list(ledger.select())
    assert [one.facts().kind for one in stored] == [each.kind for each in appended]
    assert [one.details()["args"]["name"] for one in stored if one.facts().kind == "noted"] == [
        "a", "b", "c",
    ]  # fmt: skip
    for one, each in zip(stored, appended, strict=True):
        salt = bytes.fromhex(one.details()["salt"])
        assert (one.leaf, one.payload) == (encode(each, salt).leaf, encode(each, salt).payload)


@pytest.mark.parametrize("alone", [True, False])
def test_what_has_no_bytes_is_left_out_and_reported(ledger, caplog, alone):
    before, broken, after = (
        ledger.append(each) for each in (noted("a"), nothing_writable(), noted("b"))
    )
    if alone:
        assert ledger.append(record(call="c-1")).result() == 2
    else:
        wait([before, broken, after])
    assert (before.result(), after.result()) == (0, 1)
    with pytest.raises(UnicodeEncodeError):
        broken.result()
    assert "left out a record" in caplog.text
    assert ledger.append(record(call="c-2")).result() == ledger.size() - 1


def test_only_what_has_no_bytes_is_no_batch(ledger):
    ledger.note(nothing_writable())
    broken = [ledger.append(nothing_writable()) for _ in range(3)]
    assert all(isinstance(each.exception(), UnicodeEncodeError) for each in broken)
    assert ledger.append(record(call="c-1")).result() == 0


def test_nobody_takes_back_what_is_about_to_be_written(ledger):
    future = ledger.append(noted("a"))
    assert not future.cancel()
    assert future.result() == 0


def test_what_is_noted_is_written_when_the_ledger_is_closed_and_not_afterwards(tmp_path):
    ledger = SqliteLedger(tmp_path / "audit.db")
    ledger.note(noted("a"))
    ledger.close()
    assert ledger.size() == 1
    with pytest.raises(LogError, match="is closed"):
        ledger.note(noted("b"))


def test_what_is_noted_counts_for_the_limit_of_the_queue(ledger, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MOST_WAITING", 3)
    monkeypatch.setattr(sqlite_writer, "ENDS_WITHIN", 60.0)
    for _ in range(3):
        ledger.note(noted("a"))
    with pytest.raises(LogError, match="3 is the limit"):
        ledger.note(noted("b"))


def test_what_is_noted_and_could_not_be_written_is_tried_again(ledger, monkeypatch, caplog):
    append, fail = Store.append, [OSError("disk full")]

    def failing(store, entries):
        if fail:
            raise fail.pop()
        return append(store, entries)

    monkeypatch.setattr(Store, "append", failing)
    ledger.note(noted("a"))
    with pytest.raises(OSError, match="disk full"):
        ledger.append(record(call="c-1")).result()
    assert ledger.append(record(call="c-2")).result() == 1
    assert [one.facts().kind for one in ledger.select()] == ["noted", "started"]
    assert "on record after all" in caplog.text


def test_threads_that_note_and_threads_that_wait_lose_nothing(ledger):
    def work(name):
        for number in range(50):
            ledger.note(noted(f"{name}-{number}"))
            if number % 10 == 0:
                ledger.append(record(call=f"{name}-{number}")).result()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.checkpoint()
    names = [
        one.details()["args"]["name"] for one in ledger.select() if one.facts().kind == "noted"
    ]
    for name in "abcd":
        mine = [each for each in names if each.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(50)]
    assert ledger.verify().intact
