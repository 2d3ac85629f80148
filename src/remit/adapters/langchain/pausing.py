"""How a graph waits for people: it is interrupted, and goes on with what the ledger says.

LangGraph runs a node again when it goes on, and hands it every answer it was ever
resumed with, in the same order. So an answer counts only if it repeats the ticket of
the interrupt, which names the question and what has been answered to it so far: what is
handed in again later, for another question or after the next answer, is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from langchain_core.messages import ToolCall
from langgraph.types import interrupt
from msgspec import UNSET

from remit.audit.case import Case
from remit.canonical import digest
from remit.errors import Conflict
from remit.model import Approval, ApprovalRequest, Subject
from remit.ports import Ports, settle


class Pause:
    """Interrupts the graph for a question.

    Args:
        approver: whose the answers are that a run is resumed with. None: nobody's, and they
            answer nothing.
    """

    def __init__(self, approver: Subject | Callable[[], Subject] | None) -> None:
        self.approver = approver

    async def wait(self, question: ApprovalRequest, call: ToolCall, ports: Ports) -> None:
        """Return when the call may be made again: the run was resumed, perhaps with an answer.

        Raises:
            GraphInterrupt: nobody has resumed it since.
        """
        assert ports.inbox is not None
        case = await settle(ports.inbox.open(question), ports)
        problem = ""
        while True:
            answer = self._answer(interrupt(_shown(case, call, problem)), case)
            if answer is None:
                continue
            try:
                await settle(ports.inbox.take(case, (answer,)), ports)
            except Conflict as conflict:
                problem = str(conflict)
            else:
                return

    def _answer(self, given: object, case: Case) -> Approval | None:
        """What the run was resumed with, if it answers *case*."""
        if self.approver is None or not isinstance(given, Mapping):
            return None
        kind, said = given.get("type"), given.get("message", "")
        if given.get("ticket") != _ticket(case) or kind not in {"approve", "reject", "respond"}:
            return None
        return Approval(
            kind == "approve",
            self.approver() if callable(self.approver) else self.approver,
            case.question.digest,
            0,
            "" if kind == "respond" else str(said),
            response=said if kind == "respond" else UNSET,
        )


def _ticket(case: Case) -> str:
    answers = [[str(each.approver), each.approved, str(each.at)] for each in case.answers]
    return f"{case.id}/{digest(answers)[-16:]}"


def _shown(case: Case, call: ToolCall, problem: str) -> dict[str, Any]:
    """What the client of the graph sees, in the words of LangChain's own approvals."""
    question = case.question
    shown = {
        "type": "tool_approval",
        "tool_call_id": call["id"],
        "name": call["name"],
        "args": msgspec.json.decode(msgspec.json.encode(question.request.action.properties)),
        "description": question.decision.reason,
        "rules": list(question.decision.rules),
        "approvers": list(question.terms.approvers),
        "approval": case.id,
        "ticket": _ticket(case),
    }
    return {**shown, "problem": problem} if problem else shown
