"""Where a question stands, as far as its answers tell at one moment."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import UNSET

from remit.audit.case import Case
from remit.model import Approval
from remit.policy.approval import Answers, may_answer


class Status(StrEnum):
    """What has become of a question."""

    WAITING = "waiting"
    """Nobody has answered, or not enough people."""
    APPROVED = "approved"
    """Enough people have said yes, and no call has used it yet."""
    REFUSED = "refused"
    """Somebody has said no, which holds for as long as a yes would."""
    EDITED = "edited"
    """Somebody would say yes to other arguments."""
    RESPONDED = "responded"
    """Somebody has given what the caller is to get instead."""
    USED = "used"
    """A call was released by it. No other will be."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """Nobody answered in time, or the answers have become too old."""


SETTLED = frozenset({Status.APPROVED, Status.REFUSED, Status.EDITED, Status.RESPONDED})
"""Those in which whoever asks gets an answer."""


def status(case: Case, now: int) -> Status:
    """Where *case* stands at *now*, Unix time in nanoseconds."""
    if case.used_by:
        return Status.USED
    if case.withdrawn:
        return Status.WITHDRAWN
    terms, request = case.question.terms, case.question.request
    good = tuple(each for each in case.answers if case.good(each, now))
    refusals = [each for each in good if not each.approved and may_answer(each, terms)]
    if refusals:
        return _refused(refusals[-1])
    answered = msgspec.structs.replace(request, approvals=good, at=now)
    if Answers(answered).lift(terms):
        return Status.APPROVED
    return Status.EXPIRED if now >= case.question.until else Status.WAITING


def _refused(refusal: Approval) -> Status:
    if refusal.response is not UNSET:
        return Status.RESPONDED
    return Status.REFUSED if refusal.instead is UNSET else Status.EDITED
