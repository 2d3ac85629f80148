"""The inbox: questions that outlive the process that asks them.

    inbox = Inbox(ledger)
    guard = Guard(policy, ledger=ledger, approver=inbox)

A call that needs somebody's approval leaves its question in the ledger and raises
`Pending`, at once or after `wait` seconds. The same call, made again by this process
or another, finds the question: as long as nobody has answered it is pending, a refusal
refuses it, and an approval lets policy decide again and is used up by the call it
releases, in the transaction that records its start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from remit.approvers.desk import Desk
from remit.approvers.docketing import Docketing
from remit.approvers.status import SETTLED
from remit.audit.case import Case, Grant
from remit.errors import Conflict
from remit.expr.errors import EvalError
from remit.model import Approval, ApprovalRequest, Request, Subject
from remit.policy.approval import Answers
from remit.policy.environment import compile_condition
from remit.ports import Approver

T = TypeVar("T")

POLL_EVERY = 0.1
"""Seconds between two looks at a question that a call waits for."""


class Inbox(Desk):
    """Keeps the questions of guards in *ledger*, until somebody answers.

    Args:
        ledger: the one that the guard records in.
        channel: is asked as well: at a terminal, by e-mail, in a chat. It may answer now or
            never; what it does not answer waits here.
        wait: seconds that a call waits for an answer before it is `Pending`.
        people: as for `Desk`.
        clock: Unix time in nanoseconds; that of the ledger.
    """

    def __init__(
        self,
        ledger: Docketing,
        *,
        channel: Approver | None = None,
        wait: float = 0.0,
        people: Mapping[str, Subject] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(ledger, people=people, clock=clock)
        self.channel = channel
        self.wait = wait

    def open(self, question: ApprovalRequest, /) -> Future[Case]:
        """The case of *question*: the one that waits already, or a new one."""
        return _beside(lambda: self._opened(question))

    def take(self, case: Case, answers: Sequence[Approval], /) -> Future[Case]:
        """*case*, with what the channel has answered."""
        return _beside(lambda: self._taken(case, answers))

    def settled(self, case: Case, /) -> Future[Case]:
        """*case* once people have settled it, or after `wait` seconds as it is then."""
        return _beside(lambda: self._waited(case))

    def waits(self, case: Case, /) -> bool:
        """Whether *case* still needs people."""
        return self.status(case) not in SETTLED

    def _opened(self, question: ApprovalRequest) -> Case:
        refused = self._refused(question.digest)
        if refused and refused.question.terms == question.terms and not self.waits(refused):
            return refused
        granted = self._granted(question)
        return self._open(question) if granted is None else Case(question, (granted,))

    def _taken(self, case: Case, answers: Sequence[Approval]) -> Case:
        for each in answers:
            if each.digest != case.question.digest:
                raise Conflict(f"{each.approver} has answered another question than this", case)
            case = self._answer(
                case,
                each.approver,
                approved=each.approved,
                reason=each.reason,
                response=each.response,
                instead=each.instead,
            )
        return case

    def _waited(self, case: Case) -> Case:
        deadline = time.monotonic() + self.wait
        while self.waits(case) and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(POLL_EVERY, left))
            case = self.ledger.case(case.id) or case
        return case

    def _refused(self, digest: str) -> Case | None:
        now = self.clock()
        for case in self.ledger.open_cases(digest):
            if case.refusal(now) is not None:
                return case
        return None

    def _granted(self, question: ApprovalRequest) -> Approval | None:
        """The answer of a standing approval to *question*."""
        now, request = self.clock(), question.request
        for grant in self.standing():
            if type(grant) is Grant and _covers(grant, question):
                why = grant.reason or "approved in advance"
                answer = Approval(
                    True,  # noqa: FBT003 - the field's place
                    grant.by,
                    question.digest,
                    now,
                    why,
                    grant=grant.id,
                )
                if not Answers(request).own(answer):
                    return answer
        return None


def _covers(grant: Grant, question: ApprovalRequest) -> bool:
    request = question.request
    same = (
        grant.terms == question.terms
        and grant.subject == str(request.subject)
        and grant.action == request.action.name
        and grant.session in {"", request.session.id}
    )
    return same and (not grant.when or _holds(grant.when, request))


def _holds(when: str, request: Request) -> bool:
    try:
        return compile_condition(when).evaluate(request) is True
    except EvalError:
        return False


def _beside(work: Callable[[], T]) -> Future[T]:
    """What *work* answers, in a thread of its own: people are asked rarely, and slowly."""
    future: Future[T] = Future()

    def answer() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for it has to answer for it
            future.set_exception(error)

    Thread(target=answer, name="remit-inbox", daemon=True).start()
    return future
