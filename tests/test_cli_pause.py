"""Commands that stop subjects, and let them go on."""

import pytest
from cli_shell import Shell

from remit import Action, Guard, Paused, Policy, Request, SqliteLedger, Subject

SEND = Request(Subject("agent", "bot"), Action("send"))
OPEN = Policy.parse("remit: 1\nname: open\ndefault: allow\n")


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_LEDGER", "l.db")
    return Shell(capsys)


@pytest.fixture
def guard(remit, monkeypatch):
    monkeypatch.setattr("remit.pausing.LOOK_EVERY", 0)
    with SqliteLedger("l.db") as ledger:
        yield Guard(OPEN, ledger=ledger)


@pytest.mark.parametrize("who", ["bot", "agent:bot", "*"])
def test_a_program_is_stopped_and_let_go_on_from_a_shell(remit, guard, who):
    assert guard.call(SEND, lambda: 1) == 1
    assert remit("pause", who, "--reason", "why", "--by", "maria").code == 0
    with pytest.raises(Paused, match="paused by user:maria: why"):
        guard.call(SEND, lambda: pytest.fail("it ran"))
    assert remit("resume", who, "--by", "maria").code == 0
    assert guard.call(SEND, lambda: 1) == 1


def test_who_is_paused_is_listed(remit, guard):
    assert remit("paused").out == "nobody is paused\n"
    remit("pause", "bot", "--reason", "it\x1b[2Jhides", "--by", "user:maria")
    guard.pause(by="user:ops")
    listed = remit("paused").out.splitlines()
    assert listed[0] == "agent:bot is paused by user:maria: it\\x1b[2Jhides"
    assert listed[1] == "* is paused by user:ops"
    assert [each["subject"] for each in remit("paused", "--json").json] == ["agent:bot", "*"]


def test_nobody_lets_themselves_go_on(remit, guard):
    remit("pause", "user:maria", "--by", "user:ops")
    ended = remit("resume", "user:maria", "--by", "user:maria")
    assert ended.code == 1
    assert "cannot let itself go on" in ended.err


@pytest.mark.parametrize("command", [["pause", "bot"], ["resume", "bot"], ["paused"]])
def test_a_ledger_that_is_not_there_is_not_made(remit, command, tmp_path):
    ended = remit(*command, "--ledger", "none.db")
    assert ended.code == 4
    assert not (tmp_path / "none.db").exists()
