"""The kill switch: a pause is a record, and who is paused does nothing."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest
from postgres_server import KEY, PostgresLedger, server, url  # noqa: F401 - fixtures

import remit
from remit import Action, FixedApprover, Guard, MemoryLedger, Policy, Request, SqliteLedger, Subject
from remit.audit.record import Kind
from remit.ledgers.query import Filter
from remit.ledgers.retention import Erasure, Retention

BOT = Subject("agent", "bot")
MARIA = Subject("user", "maria", {"roles": ["manager"]})
SEND = Request(BOT, Action("send"))
POLICY = Policy.parse("remit: 1\nname: open\ndefault: allow\n")
ASKING = Policy.parse("remit: 1\nname: asking\ndefault: ask\n")


def ran() -> None:
    pytest.fail("it ran")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledger(request, tmp_path):
    if request.param == "memory":
        yield MemoryLedger()
        return
    if request.param == "sqlite":
        with SqliteLedger(tmp_path / "audit.db") as made:
            yield made
        return
    with PostgresLedger(request.getfixturevalue("url"), signer=KEY) as made:
        yield made


def kinds(ledger):
    return [each.facts().kind for each in ledger.select()]


def test_who_is_paused_does_nothing_until_somebody_lets_it_go_on(call, ledger):
    guard = Guard(POLICY, ledger=ledger)
    guard.pause("agent:bot", by=MARIA, reason="it sends too much")
    with pytest.raises(remit.Paused, match="paused by user:maria: it sends too much") as refused:
        call(guard, SEND, ran)
    assert refused.value.decision.paused
    assert guard.decide(SEND).paused
    assert [(each.subject, each.by) for each in guard.paused] == [("agent:bot", "user:maria")]
    guard.resume("agent:bot", by=MARIA)
    assert call(guard, SEND, lambda: 1) == 1
    assert guard.paused == ()


def test_pauses_and_what_they_stopped_are_on_record(ledger):
    guard = Guard(POLICY, ledger=ledger)
    guard.pause("agent:bot", by="user:maria", reason="why")
    with pytest.raises(remit.Paused):
        guard.call(SEND, ran)
    guard.resume("agent:bot", by="user:maria")
    leaves = [each.facts() for each in ledger.select()]
    assert [(leaf.kind, leaf.subject, leaf.action) for leaf in leaves] == [
        ("changed", "user:maria", "pause agent:bot"),
        ("refused", "agent:bot", "send"),
        ("changed", "user:maria", "resume agent:bot"),
    ]


def test_a_pause_of_one_leaves_others_alone_and_outlasts_theirs(ledger):
    guard = Guard(POLICY, ledger=ledger)
    guard.pause("agent:bot", by="user:maria")
    guard.pause("agent:other", by="user:maria")
    guard.resume("agent:other", by="user:maria")
    assert guard.call(Request(Subject("agent", "other"), Action("send")), lambda: 1) == 1
    with pytest.raises(remit.Paused):
        guard.call(SEND, ran)


def test_everybody_can_be_paused_and_that_ends_by_itself():
    guard = Guard(POLICY, ledger=MemoryLedger())
    guard.pause(by="user:maria")
    guard.pause("agent:bot", by="user:maria")
    with pytest.raises(remit.Paused):
        guard.call(Request(Subject("agent", "other"), Action("send")), ran)
    guard.resume(by="user:maria")
    assert guard.call(Request(Subject("agent", "other"), Action("send")), lambda: 1) == 1
    with pytest.raises(remit.Paused):
        guard.call(SEND, ran)


@pytest.mark.parametrize("alike", ["agent:BOT", " agent:bot", "agent:b\u200bot"])
def test_names_are_compared_as_they_are_spelled(alike):
    guard = Guard(POLICY, ledger=MemoryLedger())
    guard.pause(Subject(*alike.split(":")), by="user:maria")
    with pytest.raises(remit.Paused):
        guard.call(SEND, ran)
    with pytest.raises(ValueError, match="cannot let itself go on"):
        guard.resume("agent:bot", by=Subject(*alike.split(":")))


def test_a_guard_made_later_on_the_same_ledger_is_stopped_too(ledger):
    Guard(POLICY, ledger=ledger).pause("agent:bot", by="user:maria")
    with pytest.raises(remit.Paused):
        Guard(POLICY, ledger=ledger).call(SEND, ran)


def test_a_ledger_goes_when_nobody_holds_it():
    guard = Guard(POLICY, ledger=MemoryLedger())
    guard.pause("agent:bot", by="user:maria")
    held = weakref.ref(guard.ports.ledger)
    del guard
    gc.collect()
    assert held() is None


def test_approval_does_not_lift_a_pause_that_came_while_people_were_asked(call):
    class PausesMeanwhile(FixedApprover):
        def ask(self, question, /):
            guard.pause("agent:bot", by="user:maria")
            return super().ask(question)

    approver = PausesMeanwhile(approve=True, approver=MARIA)
    guard = Guard(ASKING, ledger=MemoryLedger(), approver=approver)
    with pytest.raises(remit.Paused):
        call(guard, SEND, ran)


def test_the_checks_of_a_run_are_stopped_too():
    guard = Guard(POLICY, ledger=MemoryLedger())
    with remit.run(guard=guard, agent=BOT, check=["step"]) as run:
        run.step("one")
        guard.pause("agent:bot", by="user:maria")
        with pytest.raises(remit.Paused):
            run.step("two")
        guard.resume("agent:bot", by="user:maria")


ELSEWHERE = """
import sys
from remit import Guard, Policy, SqliteLedger
with SqliteLedger(sys.argv[1]) as ledger:
    getattr(Guard(Policy(), ledger=ledger), sys.argv[2])("agent:bot", by="user:maria")
"""


def test_other_processes_are_stopped_and_let_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr("remit.pausing.LOOK_EVERY", 0)
    path = tmp_path / "audit.db"

    def elsewhere(act):
        subprocess.run([sys.executable, "-c", ELSEWHERE, path, act], check=True)

    with SqliteLedger(path) as ledger:
        guard = Guard(POLICY, ledger=ledger)
        assert guard.call(SEND, lambda: 1) == 1
        elsewhere("pause")
        with pytest.raises(remit.Paused):
            guard.call(SEND, ran)
        elsewhere("resume")
        assert guard.call(SEND, lambda: 1) == 1


def test_a_pause_stands_when_its_payload_is_erased(tmp_path):
    with SqliteLedger(tmp_path / "audit.db") as ledger:
        Guard(POLICY, ledger=ledger).pause("agent:bot", by="user:maria", reason="personal")
        asked = Erasure(subject="user:maria")
        assert ledger.erase(asked, by=MARIA, retention=Retention.preset("none")).count == 1
    with SqliteLedger(tmp_path / "audit.db") as ledger, pytest.raises(remit.Paused) as refused:
        Guard(POLICY, ledger=ledger).call(SEND, ran)
    assert refused.value.decision.reason == "paused by user:maria"


def test_a_ledger_that_cannot_be_read_stops_everybody(call, tmp_path):
    class Unreadable(SqliteLedger):
        def changes(self, start=0, /):
            raise OSError("the disk is gone")

    with (
        Unreadable(tmp_path / "audit.db") as ledger,
        pytest.raises(remit.Unavailable, match="is paused could not be found out"),
    ):
        call(Guard(POLICY, ledger=ledger), SEND, ran)


class Full(MemoryLedger):
    """Takes no changes."""

    def append(self, record, /):
        if record.kind is Kind.CHANGED:
            raise OSError("the disk is full")
        return super().append(record)


def test_nobody_is_paused_without_a_record():
    guard = Guard(POLICY, ledger=Full())
    with pytest.raises(remit.Unavailable):
        guard.pause("agent:bot", by="user:maria")
    assert guard.paused == ()
    assert guard.call(SEND, lambda: 1) == 1


@pytest.mark.parametrize("ledger", ["sqlite", "postgres"], indirect=True)
def test_what_was_changed_is_read_on_from_where_it_was_left(ledger):
    guard = Guard(POLICY, ledger=ledger)
    for _ in range(3):
        guard.pause("agent:bot", by="user:maria")
        guard.resume("agent:bot", by="user:maria")
    first, read = ledger.changes(0)
    assert (len(first), read) == (6, 6)
    guard.call(SEND, lambda: 1)
    guard.pause("agent:bot", by="user:maria")
    later, read = ledger.changes(read)
    assert ([each.index for each in later], read) == ([8], 9)
    assert list(ledger.select(Filter(start=9))) == []
