"""`remit approvals inbox`: what waits can be answered from one screen of 80 by 24."""

from __future__ import annotations

import asyncio
import builtins

import pytest
from cli_shell import Shell
from test_cli_approvals import POLICY
from textual.worker import WorkerCancelled

import remit as library
from remit import Denied, Desk, Guard, Inbox, MemoryLedger, Pending, Policy, Session, Subject
from remit.cli.approvals.full_screen import InboxApp, Prompt

MARIA = Subject("user", "maria", {"roles": ["manager"]})


class Program:
    def __init__(self):
        self.ledger = MemoryLedger()
        self.guard = Guard(Policy.parse(POLICY), ledger=self.ledger, approver=Inbox(self.ledger))

    def refund(self, amount, order="o-1"):
        with library.acting_as("agent:support", session=Session("s-1", user="ursula")):
            request = self.guard.request("refund", order=order, amount=amount)
            return self.guard.call(request, lambda: amount)

    def asks(self, amount, **given):
        with pytest.raises(Pending) as pending:
            self.refund(amount, **given)
        return pending.value.approval_request.id


@pytest.fixture
def program():
    return Program()


@pytest.fixture
def policies(tmp_path):
    (tmp_path / "remit.yaml").write_text(POLICY)
    return (tmp_path / "remit.yaml",)


async def settle(pilot):
    while True:
        try:
            await pilot.app.workers.wait_for_complete()
            break
        except WorkerCancelled:
            # The look of every second has taken the place of the one that was waited for.
            continue
    await pilot.pause()


async def look(pilot):
    pilot.app.look()
    await settle(pilot)


async def fill(pilot, *values):
    """Type *values* into the fields of the prompt, and go on from each."""
    for field, value in zip(pilot.app.screen.query(".field"), values, strict=True):
        field.value = value
        await press(pilot, "enter")


async def press(pilot, *keys):
    await pilot.press(*keys)
    await settle(pilot)


def text_of(pilot, selector):
    return pilot.app.query_one(selector).visual.plain


def told(pilot):
    return [each.message for each in pilot.app._notifications]


def screen_test(test):
    """Run *test* with a screen that is up, and somebody at its keys."""

    def run(program, policies):
        async def up():
            app = InboxApp(Desk(program.ledger), MARIA, policies)
            app.NOTIFICATION_TIMEOUT = 600  # what is said stays until the test has read it
            async with app.run_test(size=(80, 24), notifications=True) as pilot:
                await settle(pilot)
                await test(pilot, program)

        asyncio.run(up())

    run.__name__ = test.__name__
    return run


@screen_test
async def test_what_waits_is_listed_and_shown_with_nothing_hidden(pilot, program):
    assert text_of(pilot, "#head") == "nothing waits; you answer as user:maria"
    asked = program.asks(400, order="[red]o-1[/]\x1b[2J")
    await look(pilot)
    assert text_of(pilot, "#head") == "1 question waiting; you answer as user:maria"
    shown = text_of(pilot, "#facts")
    for fact in (asked, "agent:support for ursula", "with amount  400", "role:manager", "high"):
        assert fact in shown
    assert "[red]o-1[/]\\x1b[2J" in shown
    assert "\x1b" not in shown


@screen_test
async def test_a_approves_what_is_shown_with_a_reason(pilot, program):
    program.asks(200)
    asked = program.asks(300)
    await look(pilot)
    await press(pilot, "down", "a")
    assert isinstance(pilot.app.screen, Prompt)
    await fill(pilot, "quick")
    assert told(pilot) == [f"approval {asked} is approved"]
    assert Desk(program.ledger).case(asked).answers[0].reason == "quick"
    assert program.refund(300) == 300
    assert text_of(pilot, "#head").startswith("1 question")


@screen_test
async def test_d_refuses(pilot, program):
    program.asks(400)
    await look(pilot)
    await press(pilot, "d")
    await fill(pilot, "no")
    with pytest.raises(Denied, match="user:maria refused: no"):
        program.refund(400)


@screen_test
async def test_e_approves_other_arguments(pilot, program):
    program.asks(400)
    await look(pilot)
    await press(pilot, "e")
    assert pilot.app.screen.query(".field").first().value == '{"order":"o-1","amount":400}'
    await fill(pilot, '{"order": "o-1", "amount": 150}', "less")
    with pytest.raises(Denied, match="would approve other arguments"):
        program.refund(400)
    assert program.refund(150) == 150


@screen_test
async def test_r_answers_in_its_place(pilot, program):
    program.asks(400)
    await look(pilot)
    await press(pilot, "r")
    await fill(pilot, '"voucher"', "instead")
    assert program.refund(400) == "voucher"


@screen_test
async def test_escape_takes_it_back(pilot, program):
    program.asks(400)
    await look(pilot)
    await press(pilot, "a", "q", "escape")
    assert not isinstance(pilot.app.screen, Prompt)
    assert len(Desk(program.ledger).cases()) == 1


@screen_test
async def test_what_comes_in_meanwhile_changes_nothing_about_what_is_answered(pilot, program):
    first, second = program.asks(200), program.asks(300)
    await look(pilot)
    await press(pilot, "down", "a")
    Desk(program.ledger).approve(first, MARIA)
    await look(pilot)
    program.asks(500)
    await look(pilot)
    await press(pilot, "enter")
    assert told(pilot) == [f"approval {second} is approved"]


@screen_test
async def test_whoever_was_looking_at_a_question_still_does(pilot, program):
    first, second = program.asks(200), program.asks(300)
    await look(pilot)
    await press(pilot, "down")
    Desk(program.ledger).approve(first, MARIA)
    await look(pilot)
    assert second in text_of(pilot, "#facts")


@screen_test
async def test_what_cannot_be_done_is_said(pilot, program):
    asked = program.asks(400)
    await look(pilot)
    await press(pilot, "e")
    await fill(pilot, "{", "")
    await press(pilot, "r")
    await fill(pilot, "", "")
    await press(pilot, "a")
    Desk(program.ledger).withdraw(asked, MARIA)
    await press(pilot, "enter")
    not_json, nothing, late = told(pilot)
    assert not_json.startswith("the value is not JSON")
    assert nothing.startswith("the value is not JSON")
    assert late == f"approval {asked} was withdrawn"


@screen_test
async def test_keys_without_a_question_do_nothing(pilot, program):
    await press(pilot, "a", "d", "e", "r")
    assert not isinstance(pilot.app.screen, Prompt)
    await press(pilot, "q")
    assert not pilot.app.is_running


@screen_test
async def test_b_shows_like_questions_together_with_what_they_differ_in(pilot, program):
    asked = [program.asks(amount) for amount in (200, 300)]
    await look(pilot)
    await press(pilot, "b")
    assert text_of(pilot, "#head").startswith("2 questions")
    assert pilot.app.query_one("#list").option_count == 1
    shown = text_of(pilot, "#facts")
    assert shown.count("agent:support for ursula") == 1
    header, *rows = [line.split() for line in shown.splitlines()[-3:]]
    assert (header, rows) == (
        ["approval", "with", "amount"],
        [[asked[0], "200"], [asked[1], "300"]],
    )
    await press(pilot, "b")
    assert pilot.app.query_one("#list").option_count == 2


@screen_test
async def test_what_has_no_room_side_by_side_is_shown_one_below_the_other(pilot, program):
    orders = ["o" * 50 + end for end in ("-1", "-2\x1b[2J")]
    for order in orders:
        program.asks(200, order=order)
    await look(pilot)
    await press(pilot, "b")
    shown = text_of(pilot, "#facts")
    assert shown.count("approval ") == 2
    assert all(f"with order   {order}".replace("\x1b", "\\x1b") in shown for order in orders)


@screen_test
async def test_a_approves_all_that_was_shown_and_nothing_that_came_in_meanwhile(pilot, program):
    first = program.asks(200)
    program.asks(300)
    await look(pilot)
    await press(pilot, "b", "a")
    Desk(program.ledger).refuse(first, MARIA)
    late = program.asks(400)
    await look(pilot)
    await fill(pilot, "all late")
    approved, refused = told(pilot)
    assert refused == f"approval {first} is refused by now"
    assert approved.endswith("is approved")
    assert program.refund(300) == 300
    with pytest.raises(Denied):
        program.refund(200)
    assert [case.id for case in Desk(program.ledger).cases()] == [late]


@screen_test
async def test_d_refuses_all_that_is_shown(pilot, program):
    for amount in (200, 300, 400):
        program.asks(amount)
    await look(pilot)
    await press(pilot, "b", "d")
    await fill(pilot, "closed")
    assert told(pilot) == ["3 questions: refused"]
    for amount in (200, 300, 400):
        with pytest.raises(Denied, match="user:maria refused: closed"):
            program.refund(amount)


@screen_test
async def test_other_answers_are_for_one_question_at_a_time(pilot, program):
    for amount in (200, 300):
        program.asks(amount)
    await look(pilot)
    await press(pilot, "b", "e", "r")
    assert not isinstance(pilot.app.screen, Prompt)
    assert told(pilot) == ["that is done one by one: press b first"] * 2


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_LEDGER", "REMIT_USER", "REMIT_PEOPLE"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


def test_without_a_terminal_it_says_so(remit):
    ended = remit("approvals", "inbox")
    assert (ended.code, "there is no terminal to fill" in ended.err) == (2, True)


def test_without_textual_it_says_how_to_get_it(remit, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "textual" or name.endswith("full_screen"):
            raise ModuleNotFoundError(f"No module named {name!r}", name="textual")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    ended = remit("approvals", "inbox")
    assert ended.code == 1
    assert "needs textual: pip install 'remit[tui]'" in ended.err
