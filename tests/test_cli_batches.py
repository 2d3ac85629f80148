"""`remit approvals`: like questions of one run, answered from a terminal with one decision."""

from __future__ import annotations

import re

import pytest
from cli_shell import terminal
from test_cli_approvals import MANAGER, POLICY, Program, program, remit  # noqa: F401 - fixtures

import remit as library
from remit import Denied, Inbox, SqliteLedger, Subject

# ruff: noqa: F811 - the fixtures that tests name are imported


@pytest.fixture
def asked(program):
    """Three refunds of one session, the last of which hides something."""
    return [program.asks(amount, order=order) for amount, order in QUESTIONS]


QUESTIONS = ((200, "o-1"), (300, "o-2"), (400, "o-3\x1b[2J"))
BORIS = Subject("user", "boris", {"roles": ["manager"]})


def the_batch(remit):
    (line,) = remit("approvals", "list", "--batches", "--json").lines
    return line["batch"]


def test_like_questions_are_listed_in_one_line(remit, program, asked):
    listed = remit("approvals", "list", "--batches")
    header, line = listed.out.splitlines()
    assert (listed.code, header.split()[:2]) == (0, ["batch", "questions"])
    assert line.split()[:2] == [the_batch(remit), "3"]
    for word in ("agent:support", "refund", "with order, with amount", "high", "Refunds over $100"):
        assert word in line


def test_as_json_a_batch_holds_all_of_its_questions(remit, program, asked):
    (batch,) = remit("approvals", "list", "--batches", "--json").lines
    assert (batch["run"], batch["session"], batch["action"]) == (None, "s-1", "refund")
    assert batch["differ"] == ["with order", "with amount"]
    assert [one["id"] for one in batch["approvals"]] == asked
    assert remit("approvals", "show", "--batch", batch["batch"], "--json").json == batch
    assert len({one["digest"] for one in batch["approvals"]}) == 3


def test_what_is_the_same_is_shown_once_and_the_rest_side_by_side(remit, program, asked):
    shown = remit("approvals", "show", "--batch", the_batch(remit)).out
    for fact in ("agent:support for ursula", "role:manager", "s-1", "3 questions"):
        assert shown.count(fact) == 1
    header, *rows = shown.splitlines()[-4:]
    assert re.split("  +", header) == ["approval", "with order", "with amount"]
    for row, identity, (amount, order) in zip(rows, asked, QUESTIONS, strict=True):
        assert row.split() == [identity, order.replace("\x1b", "\\x1b"), str(amount)]
    assert "\x1b" not in shown


def test_on_a_terminal_nothing_of_what_differs_is_cut(remit, program):
    long = ["o" * 100 + end for end in ("-one", "-two")]
    for order in long:
        program.asks(400, order=order)
    drawn = terminal("approvals", "show", "--batch", the_batch(remit))
    text = re.sub(r"\x1b\[[0-9;]*m", "", drawn)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    folded = "".join(line[18:].strip() for line in text.splitlines())
    assert all(order in folded for order in long)


def test_facts_that_differ_in_too_much_are_shown_one_question_below_the_other(remit, program):
    with SqliteLedger(".remit/ledger.db") as ledger:
        policy = library.Policy.parse(POLICY)
        guard = library.Guard(policy, ledger=ledger, approver=Inbox(ledger))
        with library.acting_as("agent:support", session=library.Session("s-1")):
            for amount in (200, 300):
                args = {f"a{n}": f"{n}-{amount}" for n in range(5)}
                with pytest.raises(library.Pending):
                    guard.call(guard.request("refund", amount=amount, **args), lambda: 1)
    shown = remit("approvals", "show", "--batch", the_batch(remit)).out
    assert shown.count("approval ") == 2
    assert all(f"with a{n}" in shown and f"{n}-300" in shown for n in range(5))


def test_a_batch_is_approved_with_one_command_each_for_its_own_call(remit, program, asked):
    done = remit("approvals", "approve", "--batch", the_batch(remit), "--yes", *MANAGER)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"approval {one} is approved" for one in asked]
    assert [program.refund(amount, order=order) for amount, order in QUESTIONS] == [200, 300, 400]
    assert program.asks(200, order="o-1") not in asked
    shown = remit("approvals", "show", asked[0]).out
    assert re.search("user:maria approved at .*, with batch [0-9a-f]{16}", shown)


def test_a_batch_is_denied_with_one_command(remit, program, asked):
    denied = remit("approvals", "deny", "--batch", the_batch(remit), "-m", "closed", *MANAGER)
    assert (denied.code, denied.out.count("is refused")) == (0, 3)
    for amount, order in QUESTIONS:
        with pytest.raises(Denied, match="user:maria refused: closed"):
            program.refund(amount, order=order)


def test_what_was_asked_since_a_batch_was_shown_is_not_approved_with_it(remit, program, asked):
    batch = the_batch(remit)
    program.asks(500)
    late = remit("approvals", "approve", "--batch", batch, "--yes", *MANAGER)
    assert (late.code, late.out) == (1, "")
    assert "others wait by now than when it was shown" in late.err
    assert len(remit("approvals", "list", "--json").lines) == 4


def test_on_a_terminal_what_is_approved_is_what_was_shown(remit, program, asked, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    late = []

    def meanwhile(prompt):
        assert prompt == "approve all 3? [y/n] "
        late.append(program.asks(500))
        with SqliteLedger(".remit/ledger.db") as ledger:
            Inbox(ledger).refuse(asked[1], BORIS)
        return "y"

    monkeypatch.setattr("builtins.input", meanwhile)
    done = remit("approvals", "approve", "--batch", the_batch(remit), *MANAGER)
    assert done.code == 1
    assert done.out.splitlines()[-3:] == [
        f"approval {asked[0]} is approved",
        f"approval {asked[1]} was not answered: approval {asked[1]} is refused by now",
        f"approval {asked[2]} is approved",
    ]
    assert done.err == "remit: 1 of 3 questions could not be answered\n"
    assert [line["id"] for line in remit("approvals", "list", "--json").lines] == late


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("approve", "--yes"), 2, "name approvals, or with --batch one batch of them"),
        (("approve", "5d1c", "--batch", "{batch}", "--yes"), 2, "name approvals, or with --batch"),
        (("deny",), 2, "name approvals, or with --batch"),
        (("show",), 2, "name approvals, or with --batch"),
        (("show", "--batch", "5d1c"), 1, "no batch is called '5d1c'"),
        (("approve", "--batch", "{batch}"), 2, "--yes approves without"),
        (("list", "--batches", "--all"), 2, "leave --all out"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(remit, asked, arguments, code, message):
    batch = the_batch(remit)
    ended = remit("approvals", *(each.replace("{batch}", batch) for each in arguments))
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err


def test_who_may_not_answer_is_told_so_for_each(remit, program, asked):
    done = remit("approvals", "approve", "--batch", the_batch(remit), "--yes", "--as", "dora")
    assert (done.code, done.out.count("that takes role:manager")) == (1, 3)
    assert "3 of 3 questions could not be answered" in done.err


def test_where_nothing_waits_there_is_no_batch(remit, program):
    assert remit("approvals", "list", "--batches").out == "nothing waits for an answer\n"


@pytest.fixture
def between_looks(monkeypatch):
    """What happens between two looks of `watch`; it is interrupted after the last of *steps*."""

    def happens(*steps):
        left = list(steps)

        def sleep(_seconds):
            if not left:
                raise KeyboardInterrupt
            left.pop(0)()

        monkeypatch.setattr("remit.cli.approvals.list.time.sleep", sleep)

    return happens


def test_whoever_watches_sees_like_questions_together_and_again_when_one_joins(
    remit, program, asked, between_looks
):
    between_looks(lambda: program.asks(500), lambda: None, lambda: approve(asked[0]))
    watched = remit("approvals", "watch", "--batches")
    assert watched.code == 130
    assert [int(number) for number in re.findall(r"(\d) questions", watched.out)] == [3, 4]
    assert watched.out.splitlines()[-1] == f"approval {asked[0]} is approved"


def test_whoever_watches_is_told_of_each_question_and_of_its_changes(
    remit, program, asked, between_looks
):
    between_looks(lambda: approve(asked[0]))
    watched = remit("approvals", "watch", "--json")
    assert [(one["id"], one["status"]) for one in watched.lines] == [
        *((each, "waiting") for each in asked),
        (asked[0], "approved"),
    ]
    between_looks()
    (batch, settled) = remit("approvals", "watch", "--batches", "--json").lines
    assert [one["id"] for one in batch["approvals"]] == asked[1:]
    assert settled["id"] == asked[0]


def approve(identity):
    with SqliteLedger(".remit/ledger.db") as ledger:
        Inbox(ledger).approve(identity, BORIS)
