"""Answers that come in from elsewhere, each taken once.

An answer is a person's, about one question, from one moment. One that is no later than what that
person has answered to the question since counts for nothing: it was delivered twice, or somebody
plays it again. So this needs no memory but the ledger, and holds on every machine.
"""

from __future__ import annotations

import msgspec

from remit.approvers.desk import Desk
from remit.approvers.signing import TOLERANCE
from remit.audit.case import Case
from remit.errors import Conflict
from remit.model import Approval, Subject


class Said(msgspec.Struct, frozen=True):
    """What somebody has answered, as a message says."""

    approval: str
    digest: str
    """Of the request they saw."""
    by: Subject
    approved: bool
    at: int
    """When they did. Unix time in nanoseconds."""
    reason: str = ""


def take(desk: Desk, said: Said) -> Case:
    """The case, with the answer in it; as it is, if it has the answer already.

    Raises:
        Conflict: it is about another request, not by somebody who may answer, or an old one.
    """
    case = desk.ledger.case(said.approval)
    if case is None:
        raise Conflict(f"there is no approval {said.approval} here")
    if said.digest != case.question.digest:
        raise Conflict(f"the answer is about another request than approval {case.id}", case)
    last = last_of(case, said.by)
    if last is not None and said.at <= last.at:
        if said.approved is last.approved:
            return case
        raise Conflict(f"{said.by} has answered approval {case.id} since", case)
    # A yes is good for a while after it was given; a no is as good when it comes late.
    if said.approved and desk.clock() - said.at > TOLERANCE * 10**9:
        raise Conflict(f"{said.by} approved too long ago; they have to say so again", case)
    answer = desk.approve if said.approved else desk.refuse
    return answer(case.id, said.by, reason=said.reason, at=said.at)


def last_of(case: Case, by: Subject) -> Approval | None:
    """What *by* has answered last."""
    return next((each for each in case.answers if str(each.approver) == str(by)), None)
