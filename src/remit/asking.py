"""Putting a denial to people, and what they have answered.

An approver has to be there: it is asked, and answers. An inbox keeps the question, so that
the answer may come when whoever asked is long gone; the same question finds it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from remit.audit.case import Answer, Open
from remit.audit.record import Kind, Record
from remit.canonical import Frozen
from remit.errors import Pending, Unavailable
from remit.model import Approval, ApprovalRequest
from remit.ports import Approver, Inbox, Ports, settle

Answers: TypeAlias = tuple[Approval, ...]
Keep: TypeAlias = Callable[[Kind, Answers, Frozen], Awaitable[None]]
"""Records a step of the call."""
Show: TypeAlias = Callable[[Record], None]
"""Tells the readers of a record that the inbox has kept."""


async def ask(question: ApprovalRequest, ports: Ports, keep: Keep, show: Show) -> Answers:
    """What people answer to *question*.

    Raises:
        Pending: nobody has answered yet.
        Unavailable: nobody could be asked.
    """
    if ports.inbox is not None:
        return await _ask_inbox(question, ports.inbox, ports, show)
    assert ports.approver is not None
    await keep(Kind.ASKED, (), Frozen(approval=question.id, digest=question.digest))
    answers = await _ask_approver(question, ports.approver, ports)
    if not answers:
        raise Pending(question)
    await keep(Kind.ANSWERED, answers, Frozen(approval=question.id))
    return answers


async def _ask_inbox(question: ApprovalRequest, inbox: Inbox, ports: Ports, show: Show) -> Answers:
    """What people have answered, to this call or to one like it before, and nobody has used."""
    try:
        case = await settle(inbox.open(question), ports)
        # What was answered before it was asked has been approved in advance.
        if case.id == question.id and not case.answers:
            show(asked(question))
        if inbox.channel is not None and inbox.waits(case):
            answers = await _ask_approver(case.question, inbox.channel, ports)
            known, case = case.answers, await settle(inbox.take(case, answers), ports)
            for each in case.answers:
                if each not in known:
                    show(answered(case.question, each))
        if inbox.wait and inbox.waits(case):
            case = await settle(inbox.settled(case), ports)
        waits = inbox.waits(case)
    except Unavailable:
        raise
    except Exception as error:
        why = f"the inbox could not keep the question about {question.request.action.name}"
        raise Unavailable(f"{why}: {error}") from error
    if waits:
        raise Pending(case.question)
    return case.answers


def asked(question: ApprovalRequest) -> Record:
    """The record that *question* begins to wait in an inbox."""
    about = question.request, question.decision
    body = Frozen(digest=question.digest)
    return Record(Kind.ASKED, question.id, question.at, *about, body=body, move=Open(question))


def answered(question: ApprovalRequest, answer: Approval, right: str = "") -> Record:
    """The record of an *answer* to a question that waits, given by a *right* to stand in."""
    about = question.request, question.decision
    move = Answer(question.id, answer, right)
    return Record(Kind.ANSWERED, question.id, answer.at, *about, (answer,), move=move)


async def _ask_approver(question: ApprovalRequest, approver: Approver, ports: Ports) -> Answers:
    try:
        answers = await settle(approver.ask(question), ports)
    except Exception as error:
        raise Unavailable(f"nobody could be asked about {question.request.action.name}") from error
    if not isinstance(answers, tuple) or not all(isinstance(one, Approval) for one in answers):
        raise Unavailable(f"the approver answered with {answers!r}, not a tuple of approvals")
    return answers
