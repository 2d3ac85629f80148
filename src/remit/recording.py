"""What one call leaves: its steps in the ledger, and what readers are told of them."""

from __future__ import annotations

from collections.abc import Awaitable
from concurrent.futures import Future
from typing import Any

import msgspec

from remit.audit.case import Open, Proceed, Use
from remit.audit.record import ENDS, Kind, Record
from remit.canonical import NOTHING, Frozen
from remit.errors import Unavailable
from remit.model import Approval, Decision, Effect, Request
from remit.ports import Conceal, Maybe, Ports, settle
from remit.readers import tell

UNDECIDED = Decision(Effect.DENY, "not decided yet")


class Recorded:
    """A call as its records have it: who asks for what, and what was decided on it so far."""

    __slots__ = ("conceal", "decision", "id", "ports", "request", "shown")

    id: str
    request: Request
    decision: Decision
    ports: Ports
    conceal: Conceal | None
    """What this call hides, besides what the ports do."""
    shown: tuple[Request, Request] | None
    """The request that was concealed last, and how it was."""

    async def record(
        self,
        kind: Kind,
        approvals: tuple[Approval, ...] = (),
        body: Frozen = NOTHING,
        result: Any = msgspec.UNSET,
    ) -> None:
        """Keep one step of this call; having returned, it is durable, unless it is the end."""
        waits = self.keep(kind, approvals, body, result)
        if waits is not None:
            await waits

    def keep(
        self,
        kind: Kind,
        approvals: tuple[Approval, ...] = (),
        body: Frozen = NOTHING,
        result: Any = msgspec.UNSET,
    ) -> Awaitable[None] | None:
        """Hand one step of this call to the ledger: kept, or what to wait for until it is.

        To hand over at once and wait where there is something to wait for spares a coroutine
        for each step, which in memory costs as much as the step.
        """
        ports = self.ports
        move = None
        if kind is Kind.STARTED:
            approvals = self.request.approvals
            move = self.use()
        now, request = ports.clock(), self.request
        try:
            if ports.conceal is not None or self.conceal is not None:
                request = self.concealed(request)
            record = Record(
                kind, self.id, now, request, self.decision, approvals, body, result, move
            )
            index = ports.ledger.append(record)
            waits = not (type(index) is int or _is_taken(kind, index))
        except Exception as error:
            raise _unkept(kind, error) from error
        if waits:
            return self._kept(record, index)
        if ports.readers:
            tell(ports.readers, record)
        return None

    async def _kept(self, record: Record, answer: Maybe[int]) -> None:
        """Wait until the ledger has taken *record*."""
        try:
            await settle(answer, self.ports)
        except Exception as error:
            raise _unkept(record.kind, error) from error
        if self.ports.readers:
            tell(self.ports.readers, record)

    def concealed(self, request: Request) -> Request:
        """*request* as others than policy and people get to see it."""
        if self.shown is not None and self.shown[0] is request:
            return self.shown[1]
        hidden = request if self.ports.conceal is None else self.ports.conceal(request)
        hidden = hidden if self.conceal is None else self.conceal(hidden)
        self.shown = request, hidden
        return hidden

    def show(self, record: Record) -> None:
        """Tell the readers of what the inbox has kept of this call."""
        # The question is kept whole for people, who are shown what they decide on.
        request, move = self.concealed(record.request), record.move
        if isinstance(move, Open):
            move = Open(msgspec.structs.replace(move.question, request=request))
        tell(self.ports.readers, msgspec.structs.replace(record, request=request, move=move))

    def use(self) -> Use | Proceed | None:
        """What starting does to the questions that the ledger keeps."""
        approvals = self.request.approvals
        kept = approvals and tuple(each for each in approvals if each.request or each.grant)
        if self.ports.inbox is None:
            if kept:
                why = "an approval is kept in an inbox, and there is none here to use it"
                raise Unavailable(why)
            return None
        digest = digest_of(self.request)
        return Use(self.id, digest, kept) if kept else Proceed(digest)


def _unkept(kind: Kind, error: Exception) -> Unavailable:
    return Unavailable(f"the ledger could not record {kind.value!r}: {error}")


def _is_taken(kind: Kind, answer: object) -> bool:
    """Whether the ledger has written it; or taken over an end, which it keeps, or nothing more.

    Raises:
        Exception: it could not.
    """
    if not isinstance(answer, Future):
        return False
    if not answer.done():
        return kind in ENDS
    answer.result()
    return True


def digest_of(request: Request) -> str:
    """The digest of *request*, whose ids may be no text that has bytes."""
    try:
        return request.digest
    except UnicodeEncodeError as error:
        raise Unavailable(f"{request.action.name} cannot be told from others: {error}") from error
