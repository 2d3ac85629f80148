"""`HITLQueue`: what waits for a person. It is our inbox, with Kite Logik's methods.

    queue = HITLQueue("hitl.db")
    gate = PolicyGate(approver=queue)

A governed call that needs a person leaves its question in the queue and raises
`GovernanceError`; made again after somebody has approved, it runs, once. Questions and
answers are records of the ledger at *db_path*, in which the gate then records as well.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from remit.approvers.inbox import POLL_EVERY, Inbox
from remit.approvers.status import Status
from remit.audit.case import Case
from remit.canonical import Frozen, freeze
from remit.compat.kitelogik import verdicts
from remit.compat.kitelogik.models import RiskTier
from remit.errors import Conflict
from remit.ledgers.sqlite import SqliteLedger
from remit.model import (
    Action,
    ApprovalRequest,
    ApprovalTerms,
    Decision,
    Effect,
    Request,
    Session,
    Subject,
)

TIMEOUT = 300

_EXPIRY = Subject("system", "expiry")


class ActionStatus(StrEnum):
    """What has become of an action."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    TIMED_OUT = "TIMED_OUT"


_STATUS = {
    Status.WAITING: ActionStatus.PENDING,
    Status.APPROVED: ActionStatus.APPROVED,
    Status.USED: ActionStatus.APPROVED,
    Status.REFUSED: ActionStatus.DENIED,
    Status.EDITED: ActionStatus.DENIED,
    Status.RESPONDED: ActionStatus.DENIED,
    Status.WITHDRAWN: ActionStatus.TIMED_OUT,
    Status.EXPIRED: ActionStatus.TIMED_OUT,
}


@dataclass(slots=True)
class PendingAction:
    """An action that waits, or has waited."""

    id: str
    session_id: str
    tool_name: str
    args: Mapping[str, Any]
    risk_tier: str
    status: ActionStatus
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    denial_reason: str | None = None
    tenant_id: str | None = None


class HITLQueue:
    """The questions in the ledger at *db_path*.

    Args:
        db_path: where the ledger is; it is made when it is first needed.
        ledger: the ledger itself, where there is one already.
        wait: seconds that a governed call waits for an answer before it is refused for now.
        people: everybody who may answer, by `type:id`. None takes the word of the caller.
    """

    def __init__(
        self,
        db_path: str = "hitl.db",
        *,
        ledger: SqliteLedger | None = None,
        wait: float = 0.0,
        people: Mapping[str, Subject] | None = None,
    ) -> None:
        if db_path == ":memory:":
            raise ValueError("what waits outlives the program; name a file, not ':memory:'")
        self.db_path = db_path
        self._ledger = ledger
        self._wait = wait
        self._people = people
        self._lock = threading.Lock()
        self._made: Inbox | None = None
        self._deciding = threading.Lock()

    @property
    def inbox(self) -> Inbox:
        """The inbox itself, with quorums, edits, delegation and standing approvals."""
        with self._lock:
            if self._made is None:
                self._ledger = self._ledger or SqliteLedger(self.db_path)
                self._made = Inbox(self._ledger, wait=self._wait, people=self._people)
            return self._made

    def keeps_in(self, ledger: object) -> bool:
        """Whether it keeps its questions in *ledger*, as far as that is decided."""
        return self._ledger is ledger

    async def setup(self) -> None:
        """Open the ledger."""
        await asyncio.to_thread(lambda: self.inbox)

    async def enqueue(self, action: PendingAction) -> str:
        """Ask about *action*; the id of the question. Governed calls do this themselves."""
        question = _question(action)
        return (await asyncio.wrap_future(self.inbox.open(question))).id

    async def approve(self, action_id: str, decided_by: str = "human") -> bool:
        """Approve; False if it is too late, or *decided_by* may not."""
        return await asyncio.to_thread(self._answer, action_id, decided_by)

    async def deny(self, action_id: str, decided_by: str = "human", reason: str = "") -> bool:
        """Refuse; False if it is too late, or *decided_by* may not."""
        return await asyncio.to_thread(self._answer, action_id, decided_by, reason)

    async def get_status(self, action_id: str) -> PendingAction | None:
        """The action, as it stands; None if there is none."""
        return await asyncio.to_thread(self._find, action_id)

    async def get_pending(self) -> list[PendingAction]:
        """What waits, in the order in which it was asked."""
        return await asyncio.to_thread(lambda: [self._action(c) for c in self.inbox.cases()])

    async def expire_old(self, timeout_seconds: float = TIMEOUT) -> int:
        """Give up what has waited longer; how many that were."""
        return await asyncio.to_thread(self._expire, timeout_seconds)

    async def start_expiry_task(
        self, check_interval_seconds: float = 30.0, action_timeout_seconds: float = TIMEOUT
    ) -> asyncio.Task[None]:
        """A task that gives up what has waited too long, until it is cancelled.

        It is a convenience: an answer that comes too late counts for nothing without it.
        """

        async def look() -> None:
            while True:
                await asyncio.sleep(check_interval_seconds)
                await self.expire_old(action_timeout_seconds)

        return asyncio.create_task(look(), name="hitl-expiry")

    async def wait_for_decision(
        self, action_id: str, timeout_seconds: float = TIMEOUT
    ) -> PendingAction:
        """The action, once somebody has decided, here or elsewhere, or it was given up.

        Raises:
            ValueError: there is no such action.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            action = await self.get_status(action_id)
            if action is None:
                raise ValueError(f"there is no action {action_id!r} in the queue")
            if action.status is not ActionStatus.PENDING:
                return action
            left = deadline - time.monotonic()
            if left <= 0:
                await asyncio.to_thread(self._withdraw, action_id)
                continue
            await asyncio.sleep(min(left, POLL_EVERY))

    def close(self) -> None:
        """Sign what is there, and let go of the file."""
        with self._lock:
            ledger, self._ledger, self._made = self._ledger, None, None
        if ledger is not None:
            ledger.close()

    def _answer(self, action_id: str, by: str, refusal: str | None = None) -> bool:
        who = Subject.parse(by) if ":" in by else Subject("user", by)
        inbox = self.inbox
        with self._deciding:
            case = inbox.ledger.case(action_id)
            if case is None or inbox.status(case) is not Status.WAITING:
                return False
            try:
                if refusal is None:
                    inbox.approve(action_id, who)
                else:
                    inbox.refuse(action_id, who, reason=refusal)
            except Conflict:
                return False
            return True

    def _find(self, action_id: str) -> PendingAction | None:
        case = self.inbox.ledger.case(action_id)
        return None if case is None else self._action(case)

    def _action(self, case: Case) -> PendingAction:
        question = case.question
        status = _STATUS[self.inbox.status(case)]
        last = case.answers[-1] if case.answers else None
        return PendingAction(
            id=case.id,
            session_id=question.request.session.id,
            tool_name=question.request.context.get("tool_name", question.request.action.name),
            args=question.request.action.properties,
            risk_tier=verdicts.tier_of(question.decision.risk).value,
            status=status,
            created_at=_moment(question.at),
            decided_at=_moment(last.at) if last else None,
            decided_by=name_of(last.approver) if last else None,
            denial_reason=last.reason if last and not last.approved else None,
            tenant_id=question.request.session.tenant or None,
        )

    def _expire(self, timeout_seconds: float) -> int:
        before = time.time_ns() - int(timeout_seconds * 1e9)
        old = [case for case in self.inbox.cases() if case.question.at < before]
        return sum(self._withdraw(case.id) for case in old)

    def _withdraw(self, action_id: str) -> bool:
        try:
            self.inbox.withdraw(action_id, _EXPIRY, reason="nobody answered in time")
        except Conflict:
            return False
        return True


def name_of(person: Subject) -> str:
    """How Kite Logik calls *person*: by their id alone."""
    return person.id if person.type == "user" else str(person)


def _question(action: PendingAction) -> ApprovalRequest:
    identity = action.id or uuid.uuid4().hex
    at = int(action.created_at.timestamp() * 1e6) * 1000
    request = Request(
        Subject("agent", action.session_id),
        Action(action.tool_name, freeze(dict(action.args))),
        session=Session(action.session_id, tenant=action.tenant_id or ""),
        # Who asks twice by hand means two questions.
        context=Frozen(tool_name=action.tool_name, action_id=identity),
        at=at,
    )
    terms = ApprovalTerms()
    risk = verdicts.risk_of(RiskTier(action.risk_tier))
    decision = Decision(Effect.DENY, "a person has to approve it", risk=risk, approval=terms)
    return ApprovalRequest(identity, request, decision, terms, request.digest, at)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1e9, UTC)
