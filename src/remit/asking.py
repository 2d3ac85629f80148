"""Putting a denial to people, and what they have answered.

An approver has to be there: it is asked, and answers. An inbox keeps the question, so that
the answer may come when whoever asked is long gone; the same question finds it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from remit.audit.record import Kind
from remit.canonical import Frozen
from remit.driver import Ports, settle
from remit.errors import Pending, Unavailable
from remit.model import Approval, ApprovalRequest
from remit.ports import Approver, Inbox

Answers: TypeAlias = tuple[Approval, ...]
Keep: TypeAlias = Callable[[Kind, Answers, Frozen], Awaitable[None]]
"""Records a step of the call."""


async def ask(question: ApprovalRequest, ports: Ports, keep: Keep) -> Answers:
    """What people answer to *question*.

    Raises:
        Pending: nobody has answered yet.
        Unavailable: nobody could be asked.
    """
    if ports.inbox is not None:
        return await _ask_inbox(question, ports.inbox, ports)
    assert ports.approver is not None
    await keep(Kind.ASKED, (), Frozen(approval=question.id, digest=question.digest))
    answers = await _ask_approver(question, ports.approver, ports)
    if not answers:
        raise Pending(question)
    await keep(Kind.ANSWERED, answers, Frozen(approval=question.id))
    return answers


async def _ask_inbox(question: ApprovalRequest, inbox: Inbox, ports: Ports) -> Answers:
    """What people have answered, to this call or to one like it before, and nobody has used."""
    try:
        case = await settle(inbox.open(question), ports)
        if inbox.channel is not None and inbox.waits(case):
            answers = await _ask_approver(case.question, inbox.channel, ports)
            case = await settle(inbox.take(case, answers), ports)
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


async def _ask_approver(question: ApprovalRequest, approver: Approver, ports: Ports) -> Answers:
    try:
        answers = await settle(approver.ask(question), ports)
    except Exception as error:
        raise Unavailable(f"nobody could be asked about {question.request.action.name}") from error
    if not isinstance(answers, tuple) or not all(isinstance(one, Approval) for one in answers):
        raise Unavailable(f"the approver answered with {answers!r}, not a tuple of approvals")
    return answers
