"""Who is asked about a denial that may be lifted: the handlers of `on_policy_block`.

A handler is asked once, only about what policy lets somebody lift, and in the name of whoever
it says has answered: where policy names approvers, it has to be one of them. What it lifts
goes on from where it was; nothing runs twice, and nothing else is lifted by it.
"""

from __future__ import annotations

import builtins
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypedDict

from remit.approvers.terminal import login
from remit.compat.waxell.errors import PolicyViolationError
from remit.compat.waxell.types import ApprovalDecision
from remit.compat.waxell.verdicts import verdict
from remit.model import Approval, ApprovalRequest, Subject
from remit.visible import visible

Answer: TypeAlias = ApprovalDecision | bool
Handler: TypeAlias = Callable[[PolicyViolationError], Answer | Awaitable[Answer]]

NOBODY_SAID = Subject("user", "on_policy_block")


class BlockMetadata(TypedDict):
    """What a handler shows of a denial."""

    reason: str
    action_type: str
    approvers: list[str]
    timeout_minutes: float | None


class HandlerApprover:
    """An approver that asks a handler."""

    def __init__(self, handler: Handler, *, clock: Callable[[], int]) -> None:
        self.handler = handler
        self.clock = clock

    def ask(
        self, question: ApprovalRequest, /
    ) -> tuple[Approval, ...] | Awaitable[tuple[Approval, ...]]:
        """What the handler says of *question*."""
        answer = self.handler(_told(question))
        if isinstance(answer, Awaitable):
            return self._later(question, answer)
        return self._read(question, answer)

    async def _later(
        self, question: ApprovalRequest, answer: Awaitable[Answer]
    ) -> tuple[Approval, ...]:
        return self._read(question, await answer)

    def _read(self, question: ApprovalRequest, answer: Any) -> tuple[Approval, ...]:
        now = self.clock()
        late = now - question.at > question.terms.within * 1e9
        who, approved, reason = NOBODY_SAID, answer is True, ""
        if isinstance(answer, ApprovalDecision):
            who = _who(answer.approver)
            late = late or answer.timed_out
            approved = answer.approved is True
        if late:
            approved, reason = False, "the answer came too late"
        return (Approval(approved, who, question.digest, now, reason),)


def extract_block_metadata(error: PolicyViolationError) -> BlockMetadata:
    """What a handler shows of *error*."""
    result = error.policy_result
    return {
        "reason": result.reason,
        "action_type": str(result.metadata.get("action_type", "")),
        "approvers": list(result.metadata.get("approvers", ())),
        "timeout_minutes": result.metadata.get("timeout_minutes"),
    }


def prompt_approval(error: PolicyViolationError) -> ApprovalDecision:
    """Ask whoever sits at the terminal. Without one, and at the end of input, the answer is no."""
    shown = extract_block_metadata(error)
    began = time.monotonic()
    approved = sys.stdin.isatty() and _asked(shown)
    return ApprovalDecision(approved, f"user:{login()}", elapsed_seconds=time.monotonic() - began)


def auto_approve(error: PolicyViolationError) -> ApprovalDecision:  # noqa: ARG001 - a handler
    """Say yes, as `user:auto_approve`. For tests."""
    return ApprovalDecision(approved=True, approver="user:auto_approve", elapsed_seconds=0.0)


def auto_deny(error: PolicyViolationError) -> ApprovalDecision:  # noqa: ARG001 - a handler
    """Say no, as `user:auto_deny`. For tests."""
    return ApprovalDecision(approved=False, approver="user:auto_deny", elapsed_seconds=0.0)


def _asked(shown: BlockMetadata) -> bool:
    facts = {
        "because": shown["reason"],
        "wants to": shown["action_type"],
        "ask": ", ".join(shown["approvers"]),
        "within": f"{shown['timeout_minutes']:g} min" if shown["timeout_minutes"] else "",
    }
    lines = [f"{name:>10}  {visible(fact)}" for name, fact in facts.items() if fact]
    sys.stderr.write("\n".join(["approval needed", *lines, ""]))
    while True:
        try:
            answer = builtins.input("   approve?  [y/n] ").strip().casefold()
        except (EOFError, KeyboardInterrupt):
            return False
        if answer in {"y", "yes", "n", "no"}:
            return answer in {"y", "yes"}


def _told(question: ApprovalRequest) -> PolicyViolationError:
    request, decision = question.request, question.decision
    workflow = str(request.run.get("name") or "")
    doing = workflow if request.action.name.startswith("run.") and workflow else request.action.name
    message = f"{request.subject.id} may not {request.action.name}: {decision.reason}"
    return PolicyViolationError(message, verdict(decision, doing))


def _who(approver: str) -> Subject:
    if not approver:
        return NOBODY_SAID
    return Subject.parse(approver) if ":" in approver else Subject("user", approver)
