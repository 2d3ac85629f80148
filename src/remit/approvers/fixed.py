"""An approver that always gives the same answer. For tests and dry runs."""

from __future__ import annotations

from remit.model import Approval, ApprovalRequest, Subject

TESTER = Subject("user", "tester")


class FixedApprover:
    """Answers every question alike, at the moment it is asked."""

    def __init__(self, *, approve: bool, approver: Subject = TESTER, reason: str = "") -> None:
        self.approve = approve
        self.approver = approver
        self.reason = reason

    def ask(self, question: ApprovalRequest, /) -> tuple[Approval, ...]:
        """The answer, bound to what was asked."""
        at = question.request.at
        return (Approval(self.approve, self.approver, question.digest, at, self.reason),)
