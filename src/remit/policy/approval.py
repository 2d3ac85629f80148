"""Do the approvals in a request lift a denial that may be lifted?

An approval counts when it says yes to exactly this request (its digest), is
neither too old nor from the future, and comes from somebody the terms name who
is not the requester, nor the person the requester acts for. As many people as
the quorum asks for must have answered so; one refusal outweighs them all.
"""

from __future__ import annotations

from remit.model import Approval, ApprovalTerms, Request, Subject
from remit.policy.names import spell

SKEW = 5 * 10**9
"""How far another machine's clock may be ahead of ours, in nanoseconds."""


class Answers:
    """The approvals of one request that are about this request."""

    def __init__(self, request: Request) -> None:
        self._at = request.at
        self._requesters = _requesters(request)
        digest = request.digest
        self._answers = [answer for answer in request.approvals if answer.digest == digest]

    def lift(self, terms: ApprovalTerms) -> tuple[str, ...]:
        """Who lifted a denial with these *terms*; nobody, unless enough did and none refused."""
        named = [answer for answer in self._answers if _named(answer.approver, terms)]
        if any(answer.approved is not True for answer in named):
            return ()
        people = {
            spell(str(answer.approver)): str(answer.approver)
            for answer in named
            if self._timely(answer, terms) and not self._own(answer.approver)
        }
        return tuple(people.values()) if len(people) >= max(terms.quorum, 1) else ()

    def _timely(self, answer: Approval, terms: ApprovalTerms) -> bool:
        return -SKEW <= self._at - answer.at <= terms.ttl * 1e9

    def _own(self, approver: Subject) -> bool:
        return not self._requesters.isdisjoint({spell(str(approver)), spell(approver.id)})


def _requesters(request: Request) -> set[str]:
    """The requester as `type:id`; the person it acts for, however the session writes them."""
    requesters = {spell(str(request.subject))}
    if user := spell(request.session.user):
        requesters |= {user, spell(f"user:{user}")}
    return requesters


def _named(approver: Subject, terms: ApprovalTerms) -> bool:
    return not terms.approvers or any(_is(approver, name) for name in terms.approvers)


def _is(approver: Subject, name: str) -> bool:
    kind, _, value = name.partition(":")
    if kind == "user":
        return approver.type == "user" and approver.id == value
    held = approver.properties.get("roles" if kind == "role" else "groups")
    # A text would be searched for parts of the name.
    return isinstance(held, tuple) and value in held
