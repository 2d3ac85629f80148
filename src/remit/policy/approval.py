"""Do the approvals in a request lift a denial that may be lifted?

An approval counts when it says yes to exactly this request (its digest), is
neither too old nor from the future, and comes from somebody the terms name who
is not the requester, nor the person the requester acts for. As many people as
the quorum asks for must have answered so; one refusal outweighs them all.

Who answers in somebody's place counts as themselves, with the other's right to
answer: two answers of one person are one, however many stand behind them.
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
        named = [answer for answer in self._answers if may_answer(answer, terms)]
        # A no holds for as long as a yes would.
        if any(each.approved is not True and not self._old(each, terms) for each in named):
            return ()
        people = {
            spell(str(answer.approver)): str(answer.approver)
            for answer in named
            if answer.approved is True and self._timely(answer, terms) and not self.own(answer)
        }
        return tuple(people.values()) if len(people) >= max(terms.quorum, 1) else ()

    def _timely(self, answer: Approval, terms: ApprovalTerms) -> bool:
        return self._at - answer.at >= -SKEW and not self._old(answer, terms)

    def _old(self, answer: Approval, terms: ApprovalTerms) -> bool:
        return self._at - answer.at >= terms.ttl * 1e9

    def own(self, answer: Approval) -> bool:
        """Whether the requester answers, or the person it acts for, or either has it answered."""
        people = [answer.approver, *([answer.behalf] if answer.behalf else [])]
        names = {spell(name) for who in people for name in (str(who), who.id)}
        return not self._requesters.isdisjoint(names)


def _requesters(request: Request) -> set[str]:
    """The requester as `type:id`; the person it acts for, however the session writes them."""
    requesters = {spell(str(request.subject))}
    if user := spell(request.session.user):
        requesters |= {user, spell(f"user:{user}")}
    return requesters


def may_answer(answer: Approval, terms: ApprovalTerms) -> bool:
    """Whether the terms name who answers, or in whose place they do, by the time they do."""
    if not terms.approvers:
        return True
    names = list(terms.approvers)
    for escalation in terms.escalations:
        if answer.asked and answer.at - answer.asked >= escalation.after * 1e9:
            names += escalation.approvers
    people = [answer.approver, *([answer.behalf] if answer.behalf else [])]
    return any(_is(who, name) for who in people for name in names)


def _is(approver: Subject, name: str) -> bool:
    kind, _, value = name.partition(":")
    if kind == "user":
        return approver.type == "user" and approver.id == value
    held = approver.properties.get("roles" if kind == "role" else "groups")
    # A text would be searched for parts of the name.
    return isinstance(held, tuple) and value in held
