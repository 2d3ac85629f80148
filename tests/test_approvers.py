"""Approvers: who is shown what, and what counts as yes."""

from __future__ import annotations

import asyncio
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.approvers import CallbackApprover, FixedApprover, TerminalApprover
from remit.approvers.terminal import describe
from remit.model import (
    Action,
    Approval,
    ApprovalRequest,
    ApprovalTerms,
    Decision,
    Effect,
    Request,
    Resource,
    Risk,
    Session,
    Subject,
)
from remit.visible import visible

REQUEST = Request(
    Subject("agent", "support"),
    Action("refund", {"amount": 250, "note": "hi\x1b[2J\u202e\nok", "to": ["bob"]}),
    Resource("order", "o-1"),
    Session(user="ann"),
    at=7,
)
TERMS = ApprovalTerms(("role:manager",), quorum=2)
DECISION = Decision(
    Effect.DENY, "Refunds over $100 need a manager", ("refund",), risk=Risk.HIGH, approval=TERMS
)
QUESTION = ApprovalRequest("a-1", REQUEST, DECISION, TERMS, REQUEST.digest)


class Tty(io.StringIO):
    def isatty(self):
        return True


def answer(text, source=Tty):
    screen = io.StringIO()
    approver = TerminalApprover(Subject("user", "maria"), source=source(text), screen=screen)
    (approval,) = approver.ask(QUESTION)
    return approval, screen.getvalue()


@pytest.mark.parametrize("text", ["y\n", "YES\n", "maybe\ny\n", "  y \n"])
def test_only_y_at_a_terminal_approves(text):
    approval, _ = answer(text)
    assert (approval.approved, approval.digest) == (True, QUESTION.digest)


@pytest.mark.parametrize("text", ["n\n", "No\n", "", "maybe\n", "\n\n"])
def test_anything_else_and_the_end_of_input_refuse(text):
    assert not answer(text)[0].approved


def test_without_a_terminal_the_answer_is_no():
    approval, screen = answer("y\n", source=io.StringIO)
    assert (approval.approved, approval.reason) == (False, "there is no terminal to ask at")
    assert screen == ""


def test_a_person_is_shown_everything_they_answer_for():
    shown = describe(QUESTION).splitlines()
    facts = dict(line.strip().split("  ", 1) for line in shown if "with" not in line)
    assert facts == {
        "who": "agent:support for ann",
        "wants to": "refund",
        "on": "order:o-1",
        "risk": "high",
        "rule": "refund",
        "because": "Refunds over $100 need a manager",
        "ask": "role:manager (2 of them)",
    }
    assert [line.strip() for line in shown if "with" in line] == [
        "with  amount = 250",
        r"with  note = hi\x1b[2J\u202e\nok",
        'with  to = ["bob"]',
    ]


@given(st.text())
def test_nothing_a_terminal_obeys_or_hides_is_shown_raw(text):
    shown = visible(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1


def test_a_fixed_approver_always_says_the_same():
    (approval,) = FixedApprover(approve=False, reason="closed").ask(QUESTION)
    assert approval == Approval(
        approved=False,
        approver=Subject("user", "tester"),
        digest=QUESTION.digest,
        at=7,
        reason="closed",
    )


@pytest.mark.parametrize(("says", "approved"), [(True, True), (False, False), (1, False)])
def test_a_callback_may_be_synchronous_or_not(says, approved):
    async def later(_):
        return says

    (now,) = CallbackApprover(lambda _: says).ask(QUESTION)
    (soon,) = asyncio.run(CallbackApprover(later).ask(QUESTION))
    assert now.approved is soon.approved is approved


def test_a_callback_may_answer_in_a_persons_name_or_not_yet():
    lea = Approval(approved=True, approver=Subject("user", "lea"), digest="d", at=1)
    assert CallbackApprover(lambda _: lea).ask(QUESTION) == (lea,)
    assert CallbackApprover(lambda _: None).ask(QUESTION) == ()
