"""An approver that is a function of the application's own."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from remit.model import Approval, ApprovalRequest, Subject

Answer: TypeAlias = bool | Approval | None

SOMEBODY = Subject("user", "callback")


class CallbackApprover:
    """Asks a function, which may be asynchronous.

    The function gets the `ApprovalRequest`. `True` approves in the name of
    *approver*, an `Approval` says itself who answered, and None means nobody
    has answered yet. Everything else is a refusal: a text, a 1, a mock that
    is true because everything about it is, approve nothing.
    """

    def __init__(
        self,
        function: Callable[[ApprovalRequest], Answer | Awaitable[Answer]],
        *,
        approver: Subject = SOMEBODY,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.function = function
        self.approver = approver
        self.clock = clock

    def ask(
        self, question: ApprovalRequest, /
    ) -> tuple[Approval, ...] | Awaitable[tuple[Approval, ...]]:
        """What the function says, as approvals."""
        answer = self.function(question)
        if isinstance(answer, Awaitable):
            return self.later(question, answer)
        return self.approvals(question, answer)

    async def later(
        self, question: ApprovalRequest, answer: Awaitable[Answer]
    ) -> tuple[Approval, ...]:
        """The same, once the function has answered."""
        return self.approvals(question, await answer)

    def approvals(self, question: ApprovalRequest, answer: object) -> tuple[Approval, ...]:
        """Read the function's answer; only a literal True approves."""
        if answer is None:
            return ()
        if isinstance(answer, Approval):
            return (answer,)
        return (Approval(answer is True, self.approver, question.digest, self.clock()),)
