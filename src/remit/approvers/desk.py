"""Where people answer: the questions in a ledger, and what can be done about them.

    desk = Desk(SqliteLedger(".remit/ledger.db"))
    for case in desk.cases():
        desk.approve(case.id, Subject("user", "maria", {"roles": ["manager"]}))

Every answer is a record, and so is everything else that is done here. Who answers is
who the caller says: whoever can write to the ledger can answer in anybody's name, so
agents must not be able to.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from remit.approvers.batch import Batch, Outcome, answer_each, batches, named, unsettled
from remit.approvers.docketing import Docketing
from remit.approvers.status import Status, status
from remit.asking import answered, asked
from remit.audit.case import (
    Case,
    Delegation,
    Give,
    Grant,
    Move,
    Revoke,
    Standing,
    Withdraw,
)
from remit.audit.record import Kind, Record
from remit.errors import Conflict
from remit.model import (
    Action,
    Approval,
    ApprovalRequest,
    Decision,
    Properties,
    Request,
    Subject,
)
from remit.policy.approval import Answers, may_answer
from remit.policy.environment import compile_condition
from remit.ports import Decider


class Desk:
    """Answers the questions in *ledger*.

    Args:
        ledger: where they are kept.
        people: everybody who may answer, by `type:id`, with their roles and groups. None takes
            the word of whoever hands the answer in.
        clock: Unix time in nanoseconds; that of the ledger.
    """

    def __init__(
        self,
        ledger: Docketing,
        *,
        people: Mapping[str, Subject] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.ledger = ledger
        self.people = people
        self.clock = clock

    def status(self, case: Case) -> Status:
        """Where *case* stands now."""
        return status(case, self.clock())

    def cases(self, *, waiting: bool = True) -> tuple[Case, ...]:
        """The questions that need people, or all there are, in the order they were asked in."""
        found = self.ledger.cases(waiting=waiting)
        if not waiting:
            return found
        return tuple(case for case in found if self.status(case) is Status.WAITING)

    def case(self, identity: str) -> Case:
        """The question with this id, or with the only id that begins so.

        Raises:
            Conflict: there is none, or more than one.
        """
        found = self.ledger.case(identity)
        if found is not None:
            return found
        near = [case for case in self.ledger.cases(waiting=False) if case.id.startswith(identity)]
        if len(near) == 1 and identity:
            return near[0]
        many = f": {', '.join(case.id for case in near[:5])}" if near and identity else ""
        raise Conflict(f"{'more than one' if many else 'no'} approval is called {identity!r}{many}")

    def batches(self) -> tuple[Batch, ...]:
        """The questions that need people, like ones of one run together."""
        return batches(self.cases())

    def batch(self, identity: str) -> Batch:
        """The batch with this id, as it was shown; an id is not shortened.

        Raises:
            Conflict: there is none, any more.
        """
        return named(identity, self.batches())

    def approve(self, identity: str, by: Subject, *, reason: str = "", at: int = 0) -> Case:
        """Say yes to exactly what was asked.

        Args:
            identity: the id of the question.
            by: who says so.
            reason: why.
            at: when they did, by a clock that may be a little ahead of this one.

        Raises:
            Conflict: *by* may not, or it is too late.
        """
        return self._answer(self.case(identity), by, approved=True, reason=reason, at=at)

    def refuse(self, identity: str, by: Subject, *, reason: str = "", at: int = 0) -> Case:
        """Say no; before it is used, that takes back a yes. Arguments as for `approve`.

        Raises:
            Conflict: *by* may not, or it is too late.
        """
        return self._answer(self.case(identity), by, approved=False, reason=reason, at=at)

    def approve_all(self, batch: Batch, by: Subject, *, reason: str = "") -> tuple[Outcome, ...]:
        """Say yes to each question of *batch*, if it is the one that was shown and still waits.

        Each is answered by itself, with its own digest. One that cannot be approved keeps no
        other from it, and nothing that is asked later is approved. What became of each.
        """
        return self._answer_all(batch, by, approved=True, reason=reason)

    def refuse_all(self, batch: Batch, by: Subject, *, reason: str = "") -> tuple[Outcome, ...]:
        """Say no to each, likewise; that takes back a yes that was given since and not used."""
        return self._answer_all(batch, by, approved=False, reason=reason)

    def respond(self, identity: str, by: Subject, value: Any, *, reason: str = "") -> Case:
        """Let nothing run, and give the caller *value* as if it had.

        Raises:
            Conflict: *by* may not, or it is too late.
            NotData: *value* has no frozen form.
        """
        return self._answer(self.case(identity), by, approved=False, reason=reason, response=value)

    def edit(
        self,
        identity: str,
        by: Subject,
        args: Mapping[str, Any],
        decider: Decider,
        reason: str = "",
    ) -> Case:
        """Say no, and yes to the same call with other arguments, if policy asks about that too.

        The caller is told, and the call it makes then finds the approval. Returns the case
        of that call; where policy allows it without asking, the case that was refused.

        Raises:
            Conflict: *by* may not, it is too late, or policy denies the other call.
        """
        case = self.case(identity)
        action = Action(case.question.request.action.name, args)
        request = msgspec.structs.replace(
            case.question.request, action=action, at=self.clock(), approvals=()
        )
        decision = decider.decide(request)
        if not isinstance(decision, Decision):
            raise TypeError("an edit is decided by a policy that answers at once")
        if not decision.allowed and decision.approval is None:
            raise Conflict(f"that may not be done either: {decision.reason}", case)
        refused = self._answer(case, by, approved=False, reason=reason, instead=action.properties)
        if decision.approval is None:
            return refused
        new = ApprovalRequest(
            f"{case.id}-{secrets.token_hex(2)}",
            request,
            decision,
            decision.approval,
            request.digest,
            self.clock(),
        )
        return self._answer(self._open(new), by, approved=True, reason=reason)

    def withdraw(self, identity: str, by: Subject, *, reason: str = "") -> Case:
        """End a question that nobody needs answered any more.

        Raises:
            Conflict: it has ended already.
        """
        case = self.case(identity)
        args = {"approval": case.id, "reason": reason}
        self._change("approval.withdraw", by, args, Withdraw(case.id, str(by)))
        return self.case(case.id)

    def grant(
        self,
        identity: str,
        by: Subject,
        seconds: float,
        *,
        session: bool = True,
        when: str = "",
        reason: str = "",
    ) -> Grant:
        """Approve calls like the one of this question before they are made.

        Args:
            identity: a question that shows what such a call is.
            by: who approves.
            seconds: for how long; policy says how long it may be (`standing`).
            session: only calls of the same session.
            when: a condition in CEL that each of them has to meet as well.
            reason: why.

        Raises:
            Conflict: policy does not let it be, or not by them.
            ExprError: *when* is no condition.
        """
        case = self.case(identity)
        question, now = case.question, self.clock()
        if not 0 < seconds <= question.terms.standing:
            longest = f"for {question.terms.standing:g} seconds at most"
            longest = longest if question.terms.standing else "not at all"
            raise Conflict(f"policy lets such calls be approved in advance {longest}", case)
        if question.terms.quorum > 1:
            raise Conflict(f"that takes {question.terms.quorum} people, each time", case)
        self._may_answer(case, self._known(by), approved=True)
        if when:
            compile_condition(when)
        request = question.request
        grant = Grant(
            secrets.token_hex(8),
            self._known(by),
            question.terms,
            str(request.subject),
            request.action.name,
            now + int(seconds * 1e9),
            now,
            request.session.id if session else "",
            when,
            reason,
        )
        shown = {"grant": grant.id, "approval": case.id, "subject": grant.subject}
        shown |= {"action": grant.action, "session": grant.session, "when": when}
        args = {**shown, "reason": reason, "until": grant.until // 1000}
        self._change("approval.grant", grant.by, args, Give(grant))
        return grant

    def delegate(self, by: Subject, to: Subject, seconds: float, *, reason: str = "") -> Delegation:
        """Let *to* answer in the place of *by*, for *seconds*.

        Raises:
            Conflict: they are the same, or unknown here.
        """
        now, giver = self.clock(), self._known(by)
        if str(by) == str(to) or seconds <= 0:
            raise Conflict(f"{by} needs nobody's leave to answer as {to}")
        right = Delegation(
            secrets.token_hex(8), giver, self._known(to), now + int(seconds * 1e9), now
        )
        args = {"delegation": right.id, "to": str(to), "until": right.until // 1000}
        self._change("approval.delegate", giver, {**args, "reason": reason}, Give(right))
        return right

    def standing(self) -> tuple[Standing, ...]:
        """The standing approvals and delegations that hold now."""
        now = self.clock()
        return tuple(each for each in self.ledger.standing() if each.until > now)

    def revoke(self, identity: str, by: Subject, *, reason: str = "") -> None:
        """End a standing approval or a delegation; calls that have started are not stopped.

        Raises:
            Conflict: there is none of this id.
        """
        args = {"standing": identity, "reason": reason}
        self._change("approval.revoke", by, args, Revoke(identity))

    def _open(self, question: ApprovalRequest) -> Case:
        try:
            _kept(self.ledger.append(asked(question)))
        except Conflict as conflict:
            there = conflict.case
            # Of another question that has the same id, nothing that was answered is meant for this.
            if there is None or there.question.digest != question.digest:
                raise
            return there
        return Case(question)

    def _answer_all(
        self, batch: Batch, by: Subject, *, approved: bool, reason: str
    ) -> tuple[Outcome, ...]:
        name = batch.id if len(batch.cases) > 1 else ""

        def give(shown: Case) -> Case:
            case = unsettled(shown, self.ledger.case(shown.id), self.clock(), approved=approved)
            return self._answer(case, by, approved=approved, reason=reason, batch=name)

        return answer_each(batch, give)

    def _answer(
        self,
        case: Case,
        by: Subject,
        *,
        approved: bool,
        reason: str,
        response: Any = UNSET,
        instead: Properties | UnsetType = UNSET,
        at: int = 0,
        batch: str = "",
    ) -> Case:
        answer, delegation = self._may_answer(case, self._known(by), approved=approved, at=at)
        answer = msgspec.structs.replace(
            answer, reason=reason, response=response, instead=instead, batch=batch
        )
        _kept(self.ledger.append(answered(case.question, answer, delegation)))
        return self.case(case.id)

    def _may_answer(
        self, case: Case, by: Subject, *, approved: bool, at: int = 0
    ) -> tuple[Approval, str]:
        """The answer of *by*, in their own right or in somebody's place; and by which right."""
        question, now = case.question, max(self.clock(), at)
        own = Approval(approved, by, question.digest, now, request=case.id, asked=question.at)
        rights = [each for each in self.standing() if type(each) is Delegation]
        tried = [(own, "")]
        tried += [
            (msgspec.structs.replace(own, behalf=right.by), right.id)
            for right in rights
            if str(right.to) == str(by)
        ]
        for answer, right in tried:
            if not may_answer(answer, question.terms):
                continue
            if approved and Answers(question.request).own(answer):
                raise Conflict(f"{by} cannot approve requests of their own", case)
            return answer, right
        whose = " or ".join(question.terms.approvers)
        raise Conflict(f"{by} may not answer approval {case.id}: that takes {whose}", case)

    def _known(self, by: Subject) -> Subject:
        """*by*, with the roles and groups they really have."""
        if self.people is None:
            return by
        if str(by) not in self.people:
            raise Conflict(f"{by} is nobody who may answer here")
        return self.people[str(by)]

    def _change(self, name: str, by: Subject, args: Mapping[str, Any], move: Move) -> None:
        now = self.clock()
        request = Request(by, Action(name, args), at=now)
        _kept(self.ledger.append(Record(Kind.CHANGED, f"change-{now}", now, request, move=move)))


def _kept(answer: int | Future[int]) -> int:
    return answer.result() if isinstance(answer, Future) else answer
