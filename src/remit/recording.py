"""What one call leaves: its steps in the ledger, and what readers are told of them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import msgspec

from remit.audit.case import Open, Proceed, Use
from remit.audit.record import ENDS, Kind, Record
from remit.canonical import NOTHING, Frozen
from remit.errors import Unavailable
from remit.model import Approval, Decision, Effect, Request
from remit.ports import Conceal, Ports, settle
from remit.readers import tell

UNDECIDED = Decision(Effect.DENY, "not decided yet")


class Recorded:
    """A call as its records have it: who asks for what, and what was decided on it so far."""

    __slots__ = ("conceal", "decision", "id", "ports", "request")

    id: str
    request: Request
    decision: Decision
    ports: Ports
    conceal: Conceal | None
    """What this call hides, besides what the ports do."""

    async def record(
        self,
        kind: Kind,
        approvals: tuple[Approval, ...] = (),
        body: Frozen = NOTHING,
        result: Any = msgspec.UNSET,
    ) -> None:
        """Keep one step of this call; having returned, it is durable, unless it is the end."""
        ports = self.ports
        move = None
        if kind is Kind.STARTED:
            approvals = self.request.approvals
            move = self.use()
        now, request, hides = ports.clock(), self.request, ports.conceal or self.conceal
        try:
            record = Record(
                kind,
                self.id,
                now,
                self.concealed(request) if hides else request,
                self.decision,
                approvals,
                body,
                result,
                move=move,
            )
            index = ports.ledger.append(record)
            if type(index) is not int and not _is_owed(kind, index):
                await settle(index, ports)
        except Exception as error:
            raise Unavailable(f"the ledger could not record {kind.value!r}: {error}") from error
        if ports.readers:
            tell(ports.readers, record)

    def concealed(self, request: Request) -> Request:
        """*request* as others than policy and people get to see it."""
        for conceal in (self.ports.conceal, self.conceal):
            if conceal is not None:
                request = conceal(request)
        return request

    def show(self, record: Record) -> None:
        """Tell the readers of what the inbox has kept of this call."""
        # The question is kept whole for people, who are shown what they decide on.
        request, move = self.concealed(record.request), record.move
        if isinstance(move, Open):
            move = Open(msgspec.structs.replace(move.question, request=request))
        tell(self.ports.readers, msgspec.structs.replace(record, request=request, move=move))

    def use(self) -> Use | Proceed | None:
        """What starting does to the questions that the ledger keeps."""
        kept = tuple(each for each in self.request.approvals if each.request or each.grant)
        if self.ports.inbox is None:
            if kept:
                why = "an approval is kept in an inbox, and there is none here to use it"
                raise Unavailable(why)
            return None
        digest = digest_of(self.request)
        return Use(self.id, digest, kept) if kept else Proceed(digest)


def _is_owed(kind: Kind, answer: object) -> bool:
    """Whether the ledger has taken over an end; it then keeps it, or nothing more."""
    return kind in ENDS and isinstance(answer, Future) and not answer.done()


def digest_of(request: Request) -> str:
    """The digest of *request*, whose ids may be no text that has bytes."""
    try:
        return request.digest
    except UnicodeEncodeError as error:
        raise Unavailable(f"{request.action.name} cannot be told from others: {error}") from error
