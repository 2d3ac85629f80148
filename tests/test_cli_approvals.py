"""`remit approvals`: people answer from a terminal what a program has asked."""

from __future__ import annotations

import pytest
from cli_shell import Shell, process

import remit as library
from remit import Guard, Inbox, Pending, Policy, Session, SqliteLedger

POLICY = """
remit: 1
name: refunds
rules:
  - id: large
    action: refund
    when: args.amount > 100
    effect: ask
    approvers: [role:manager]
    standing: 8h
    risk: high
    reason: Refunds over $100 need a manager
  - {id: small, action: refund, when: args.amount <= 100, effect: allow}
  - {id: no, action: refund, when: args.amount < 0, effect: deny, reason: That is a payment}
"""
MANAGER = ("--as", "maria", "--role", "manager")


class Program:
    """What asks; each `refund` is made by a guard of its own, as after a restart."""

    def refund(self, amount, order="o-1\x1b[2J"):
        with SqliteLedger(".remit/ledger.db") as ledger:
            guard = Guard(Policy.parse(POLICY), ledger=ledger, approver=Inbox(ledger))
            with library.acting_as("agent:support", session=Session("s-1", user="ursula")):
                request = guard.request("refund", order=order, amount=amount)
                return guard.call(request, lambda: amount)

    def asks(self, amount, **given):
        with pytest.raises(Pending) as pending:
            self.refund(amount, **given)
        return pending.value.approval_request.id


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".remit").mkdir()
    (tmp_path / "remit.yaml").write_text(POLICY)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "REMIT_USER", "REMIT_PEOPLE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    SqliteLedger(tmp_path / ".remit" / "ledger.db").close()
    return Shell(capsys)


@pytest.fixture
def program(remit):
    return Program()


def test_what_waits_is_listed_and_shown_with_nothing_hidden(remit, program):
    asked = program.asks(400)
    listed = remit("approvals", "list")
    assert (listed.code, asked in listed.out, "waiting" in listed.out) == (0, True, True)
    shown = remit("approvals", "show", asked[:8]).out
    for fact in ("agent:support for ursula", "role:manager", "Refunds over $100", "400", "high"):
        assert fact in shown
    assert "o-1\\x1b[2J" in shown
    assert "\x1b" not in shown + listed.out


def test_an_approval_releases_one_call(remit, program):
    asked = program.asks(400)
    assert "is approved" in remit("approvals", "approve", asked, "--yes", *MANAGER).out
    assert program.refund(400) == 400
    assert program.asks(400) != asked
    (used, waiting) = remit("approvals", "list", "--all", "--json").lines
    assert (used["status"], waiting["status"]) == ("used", "waiting")


def test_several_can_be_approved_at_once_each_for_its_own_call(remit, program):
    asked = [program.asks(amount) for amount in (200, 300)]
    assert remit("approvals", "approve", *asked, "--yes", *MANAGER).code == 0
    assert [program.refund(300), program.refund(200)] == [300, 200]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("approve", "{id}", "--yes", "--as", "dora"), 1, "that takes role:manager"),
        (("approve", "{id}", "--yes", "--as", "ursula", "--role", "manager"), 1, "of their own"),
        (("approve", "nothing", "--yes", *MANAGER), 1, "no approval is called 'nothing'"),
        (("approve", "{id}", *MANAGER), 2, "--yes approves without"),
        (("show", "zz"), 1, "no approval is called 'zz'"),
        (("grant", "{id}", "--for", "9h", *MANAGER), 1, "for 28800 seconds at most"),
        (("grant", "{id}", "--for", "soon", *MANAGER), 2, "write it like 45s, 15m, 2h or 5d"),
        (("grant", "{id}", "--for", "1h", "--when", "args.", *MANAGER), 3, "--when: 1:6"),
        (("respond", "{id}", "voucher", *MANAGER), 3, "a text needs quotes"),
        (("edit", "{id}", '{"order": "o-1", "amount": -5}', *MANAGER), 1, "That is a payment"),
        (("revoke", "7f3a", *MANAGER), 1, "no standing right 7f3a"),
        (("list", "--ledger", "gone.db"), 4, "name one with --ledger"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(remit, program, arguments, code, message):
    asked = program.asks(400)
    ended = remit("approvals", *(each.replace("{id}", asked) for each in arguments))
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


def test_a_refusal_reaches_the_agent_with_its_reason(remit, program):
    asked = program.asks(400)
    assert "is refused" in remit("approvals", "deny", asked, "-m", "no receipt", *MANAGER).out
    with pytest.raises(library.Denied, match="user:maria refused: no receipt"):
        program.refund(400)


def test_other_arguments_can_be_approved(remit, program):
    asked = program.asks(400, order="o-1")
    edited = remit("approvals", "edit", asked, '{"order": "o-1", "amount": 200}', *MANAGER)
    assert "is approved" in edited.out
    with pytest.raises(library.Denied, match="would approve other arguments"):
        program.refund(400, order="o-1")
    assert program.refund(200, order="o-1") == 200


def test_somebody_can_answer_in_its_place(remit, program):
    asked = program.asks(400)
    assert remit("approvals", "respond", asked, '{"voucher": 400}', *MANAGER).code == 0
    assert program.refund(400) == {"voucher": 400}


def test_calls_are_approved_in_advance_listed_and_taken_back(remit, program):
    asked = program.asks(400)
    granted = remit(
        "approvals", "grant", asked, "--for", "2h", "--when", "args.amount < 500", *MANAGER
    )
    identity = granted.out.split()[1]
    assert program.refund(450) == 450
    program.asks(600)
    assert identity in remit("approvals", "standing").out
    assert remit("approvals", "revoke", identity, *MANAGER).code == 0
    assert remit("approvals", "standing").out == "nothing was given\n"
    program.asks(450)


def test_somebody_else_may_answer_for_a_while(remit, program):
    asked = program.asks(400)
    delegated = remit("approvals", "delegate", "dora", "--for", "5d", *MANAGER)
    assert "user:dora may answer for user:maria until" in delegated.out
    assert remit("approvals", "approve", asked, "--yes", "--as", "dora").code == 0
    assert program.refund(400) == 400


def test_a_question_can_be_withdrawn(remit, program):
    asked = program.asks(400)
    assert "is withdrawn" in remit("approvals", "withdraw", asked, *MANAGER).out
    assert remit("approvals", "list").out == "nothing waits for an answer\n"


def test_a_file_can_say_who_there_is(remit, program, tmp_path):
    people = tmp_path / "people.yaml"
    people.write_text("user:maria: {roles: [manager]}\nuser:dora: {groups: [desk]}\n")
    asked = program.asks(400)
    known = ("--people", str(people), "--yes")
    assert remit("approvals", "approve", asked, *known, "--as", "dora").code == 1
    assert remit("approvals", "approve", asked, *known, "--as", "eve").code == 1
    assert remit("approvals", "approve", asked, *known, *MANAGER).code == 2
    assert remit("approvals", "approve", asked, *known, "--as", "maria").code == 0
    people.write_text("maria: {roles: manager}\n")
    wrong = remit("approvals", "approve", asked, *known, "--as", "maria")
    assert (wrong.code, "write it like user:maria" in wrong.err) == (3, True)


def test_every_answer_is_on_record(remit, program):
    asked = program.asks(400)
    remit("approvals", "approve", asked, "--yes", "-m", "lost parcel", *MANAGER)
    program.refund(400)
    kinds = [each["leaf"]["kind"] for each in remit("log", "list", "--json").lines]
    assert kinds == ["asked", "answered", "started", "returned"]
    assert remit("log", "verify").code == 0


def test_the_console_script_answers(remit, program, tmp_path):
    asked = program.asks(400)
    done = process(
        "approvals", "approve", asked, "--yes", "--role", "manager", REMIT_USER="user:maria"
    )
    assert (done.code, "is approved" in done.out) == (0, True)
