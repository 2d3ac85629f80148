"""Questions to people that a ledger keeps, and what may become of each.

A question, an answer, and the use of an answer are records like any other. Beside
the log a ledger keeps where each question stands, and moves it in the transaction
that keeps the record:

    asked      Open      unless the same question waits already
    answered   Answer    while it waits: a person's last answer is the one that counts
    started    Use       once, with all of the answers, none of which is too old
               Proceed   where nobody had to be asked, and nobody has refused it
    changed    Withdraw  it waits no longer
    changed    Give      a standing answer, or the right to answer in somebody's place
    changed    Revoke    it

A record whose move cannot be made is not kept, and `Conflict` says why. So however
many threads, processes and machines try, an approval releases one call, and an
answer that was taken back releases none. Times are compared with the clock of the
ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from remit.errors import Conflict
from remit.model import Approval, ApprovalRequest, ApprovalTerms, Subject

SKEW = 5 * 10**9
"""How far the clock of whoever answers may be from the ledger's, in nanoseconds."""


class Case(msgspec.Struct, frozen=True):
    """A question, the answers to it, and what became of it."""

    question: ApprovalRequest
    answers: tuple[Approval, ...] = ()
    """One a person: their last."""
    used_by: str = ""
    """The call that an approval released."""
    withdrawn: str = ""
    """Who withdrew it; it waits no longer."""

    @property
    def id(self) -> str:
        """The id of the approval request."""
        return self.question.id

    @property
    def closed(self) -> bool:
        """Whether nothing more can become of it."""
        return bool(self.used_by or self.withdrawn)

    def refusal(self, now: int) -> Approval | None:
        """The no that stands, though it may be older than a yes would be good for."""
        if self.closed or self.lapsed(now) or not self.answers:
            return None
        refusals = [each for each in self.answers if not each.approved and self.good(each, now)]
        last = max(refusals or self.answers, key=lambda each: each.at)
        return None if last.approved else last

    def lapsed(self, now: int) -> bool:
        """Whether it waits no longer, and no answer to it is good any more."""
        return now >= self.question.until and not any(self.good(each, now) for each in self.answers)

    def good(self, answer: Approval, now: int) -> bool:
        """Whether *answer* is not too old."""
        return now - answer.at < self.question.terms.ttl * 1e9


class Grant(msgspec.Struct, frozen=True, tag="grant"):
    """Somebody's answer to questions that will be asked: a standing approval.

    It answers what it was given for: the same rules' terms, subject and action, and
    the same session if it names one, as long as its condition holds.
    """

    id: str
    by: Subject
    terms: ApprovalTerms
    subject: str
    action: str
    until: int
    at: int
    session: str = ""
    when: str = ""
    """A condition in CEL that the request has to meet as well."""
    reason: str = ""


class Delegation(msgspec.Struct, frozen=True, tag="delegation"):
    """The right to answer in somebody's place, for a while."""

    id: str
    by: Subject
    to: Subject
    until: int
    at: int


Standing: TypeAlias = Grant | Delegation
"""What holds until it ends or is revoked."""


class Open(msgspec.Struct, frozen=True):
    """Begin a case."""

    question: ApprovalRequest


class Answer(msgspec.Struct, frozen=True):
    """Add a person's answer, or put it in the place of their last."""

    case: str
    approval: Approval
    delegation: str = ""
    """By which they answer in somebody's place."""


class Withdraw(msgspec.Struct, frozen=True):
    """End a case that nobody needs answered any more."""

    case: str
    by: str


class Use(msgspec.Struct, frozen=True):
    """Start *call* on the strength of these answers."""

    call: str
    digest: str
    approvals: tuple[Approval, ...]


class Proceed(msgspec.Struct, frozen=True):
    """Start a call that nobody has to approve, unless somebody has refused it."""

    digest: str


class Give(msgspec.Struct, frozen=True):
    """Begin a standing right."""

    standing: Standing


class Revoke(msgspec.Struct, frozen=True):
    """End one."""

    id: str


Move: TypeAlias = Open | Answer | Withdraw | Use | Proceed | Give | Revoke


class Docket:
    """The cases and standing rights that some moves are about, and what becomes of them.

    A ledger loads what `wanted` names, makes the moves in the order of the records, and
    writes back what changed. A move is made as a whole or not at all.

    Args:
        cases: those named, and those that are open under a digest that is named.
        standing: those named that are not revoked.
        now: the ledger's clock. Unix time in nanoseconds.
    """

    def __init__(self, cases: dict[str, Case], standing: dict[str, Standing], now: int) -> None:
        self.cases = cases
        self.standing = standing
        self.now = now
        self.changed: dict[str, Case] = {}
        self.given: dict[str, Standing] = {}
        self.revoked: set[str] = set()

    def make_all(self, moves: Iterable[Move | None]) -> dict[int, Conflict]:
        """Make one move after the other; those that cannot be made, by their place, and why."""
        refused: dict[int, Conflict] = {}
        for place, move in enumerate(moves):
            try:
                if move is not None:
                    self.make(move)
            except Conflict as conflict:
                refused[place] = conflict
        return refused

    def make(self, move: Move) -> None:
        """Make *move*.

        Raises:
            Conflict: it cannot be made.
        """
        match move:
            case Open(question):
                self._open(question)
            case Answer():
                self._answer(move)
            case Withdraw(case, by):
                self._keep(msgspec.structs.replace(self._waiting(case), withdrawn=by))
            case Use():
                self._use(move)
            case Proceed(digest):
                self._proceed(digest)
            case Give(standing):
                self.standing[standing.id] = self.given[standing.id] = standing
            case Revoke(identity):
                self._revoke(identity)

    def _open(self, question: ApprovalRequest) -> None:
        if question.id in self.cases:
            raise Conflict(f"approval {question.id} is there already", self.cases[question.id])
        asked = (question.digest, question.terms)
        same = [
            case
            for case in self.cases.values()
            if not case.closed and (case.question.digest, case.question.terms) == asked
        ]
        for case in same:
            if not case.lapsed(self.now):
                raise Conflict(f"approval {case.id} asks the same", case)
        for case in same:
            self._keep(msgspec.structs.replace(case, withdrawn="nobody in time"))
        self._keep(Case(question))

    def _answer(self, move: Answer) -> None:
        case, answer = self._waiting(move.case), move.approval
        if abs(self.now - answer.at) > SKEW:
            raise Conflict("the clock of whoever answers is not that of the ledger", case)
        if self.now >= case.question.until:
            raise Conflict(f"approval {case.id} waited until it was too late to answer", case)
        # Who says yes to several at once has not seen what was said to this one meanwhile.
        if answer.batch and answer.approved and case.refusal(self.now) is not None:
            raise Conflict(f"approval {case.id} is refused by now", case)
        if move.delegation:
            self._holding(move.delegation)
        others = tuple(each for each in case.answers if str(each.approver) != str(answer.approver))
        self._keep(msgspec.structs.replace(case, answers=(*others, answer)))

    def _use(self, move: Use) -> None:
        for answer in move.approvals:
            if answer.grant:
                self._holding(answer.grant)
        used: list[Case] = []
        for identity in {each.request: None for each in move.approvals if each.request}:
            case = self._waiting(identity)
            carried = [each for each in move.approvals if each.request == identity]
            if case.question.digest != move.digest:
                raise Conflict(f"approval {identity} is about another call", case)
            if len(carried) != len(case.answers) or any(e not in case.answers for e in carried):
                raise Conflict(f"approval {identity} has been answered anew", case)
            self._releases(case)
            used.append(msgspec.structs.replace(case, used_by=move.call))
        for case in used:
            self._keep(case)

    def _releases(self, case: Case) -> None:
        """Whether the answers still make up a yes; who may give one was seen to when they did."""
        good = [each for each in case.answers if case.good(each, self.now)]
        if not all(each.approved for each in good):
            raise Conflict(f"approval {case.id} is refused", case)
        if len({str(each.approver) for each in good}) < max(case.question.terms.quorum, 1):
            raise Conflict(f"the answers to approval {case.id} are too old", case)

    def _proceed(self, digest: str) -> None:
        for case in self.cases.values():
            if case.question.digest == digest and case.refusal(self.now) is not None:
                raise Conflict(f"somebody has refused it: approval {case.id}", case)

    def _revoke(self, identity: str) -> None:
        if identity not in self.standing:
            raise Conflict(f"there is no standing right {identity}, or it was revoked")
        del self.standing[identity]
        self.given.pop(identity, None)
        self.revoked.add(identity)

    def _waiting(self, identity: str) -> Case:
        case = self.cases.get(identity)
        if case is None:
            raise Conflict(f"there is no approval {identity} here")
        if case.used_by:
            raise Conflict(f"approval {identity} was used by call {case.used_by}", case)
        if case.withdrawn:
            raise Conflict(f"approval {identity} was withdrawn", case)
        return case

    def _holding(self, identity: str) -> Standing:
        standing = self.standing.get(identity)
        if standing is None:
            raise Conflict(f"there is no standing right {identity}, or it was revoked")
        if self.now >= standing.until:
            raise Conflict(f"the standing right {identity} has ended")
        return standing

    def _keep(self, case: Case) -> None:
        self.cases[case.id] = self.changed[case.id] = case


class Wanted(msgspec.Struct, frozen=True):
    """What a docket needs to know before moves are made."""

    cases: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    """Open cases about these requests."""
    standing: frozenset[str] = frozenset()


def wanted(moves: Iterable[Move | None]) -> Wanted:
    """The cases and standing rights that *moves* are about."""
    cases, digests, standing = set[str](), set[str](), set[str]()
    for move in moves:
        match move:
            case Open(question):
                cases.add(question.id)
                digests.add(question.digest)
            case Proceed(digest):
                digests.add(digest)
            case Answer(case, _, delegation):
                cases.add(case)
                standing.add(delegation)
            case Withdraw(case, _):
                cases.add(case)
            case Use(_, _, approvals):
                cases |= {each.request for each in approvals}
                standing |= {each.grant for each in approvals}
            case Give(right):
                standing.add(right.id)
            case Revoke(identity):
                standing.add(identity)
            case None:
                pass
    return Wanted(frozenset(cases - {""}), frozenset(digests), frozenset(standing - {""}))


def uses(approvals: Iterable[Approval]) -> tuple[str, ...]:
    """The approval requests that a call with *approvals* uses up, each once."""
    return tuple(dict.fromkeys(each.request for each in approvals if each.request))


def subject_of(move: Move | None) -> str:
    """The id of the approval request or standing right that *move* is about; or nothing."""
    match move:
        case Open(question):
            return question.id
        case Answer(case) | Withdraw(case):
            return case
        case Give(standing):
            return standing.id
        case Revoke(identity):
            return identity
        case _:
            return ""


encode_case = msgspec.json.Encoder().encode
decode_case = msgspec.json.Decoder(Case).decode
decode_standing = msgspec.json.Decoder(Standing).decode

__all__ = [
    "SKEW",
    "Answer",
    "Case",
    "Delegation",
    "Docket",
    "Give",
    "Grant",
    "Move",
    "Open",
    "Proceed",
    "Revoke",
    "Standing",
    "Use",
    "Wanted",
    "Withdraw",
    "decode_case",
    "decode_standing",
    "encode_case",
    "subject_of",
    "uses",
    "wanted",
]
