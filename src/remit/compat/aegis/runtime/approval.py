"""Who is asked about an action that needs a person."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from remit.approvers.terminal import login
from remit.compat.aegis.core.decision import PolicyDecision
from remit.model import Subject
from remit.visible import visible

WIDTH = 60


@runtime_checkable
class ApprovalHandler(Protocol):
    """Puts a decision to somebody. Only a literal True approves."""

    async def request_approval(self, decision: PolicyDecision, /) -> bool:
        """Whether they approve."""
        ...


class CLIApprovalHandler:
    """Asks at the terminal, while everything else goes on. Without input, the answer is no."""

    def __init__(self) -> None:
        self.approver = Subject("user", login())

    async def request_approval(self, decision: PolicyDecision, /) -> bool:
        """Show what would happen, and wait for a y or an n."""
        return await asyncio.to_thread(_ask_here, decision)


class AutoApprovalHandler:
    """Approves everything. For tests and demonstrations."""

    approver = Subject("service", "auto-approval")

    async def request_approval(self, decision: PolicyDecision, /) -> bool:
        """Yes."""
        del decision
        return True


class CallbackApprovalHandler:
    """Asks a function, which may be asynchronous. A text, a 1 or a task approves nothing."""

    def __init__(self, callback: Callable[[PolicyDecision], bool | Awaitable[bool]]) -> None:
        self.callback = callback

    async def request_approval(self, decision: PolicyDecision, /) -> bool:
        """What the function says."""
        return await asked(self.callback, decision)


async def asked(
    ask: Callable[[PolicyDecision], object | Awaitable[object]], decision: PolicyDecision
) -> bool:
    """Whether *ask* says a literal True, now or once it has been waited for."""
    answer = ask(decision)
    if inspect.isawaitable(answer):
        answer = await answer
    return answer is True


def _ask_here(decision: PolicyDecision) -> bool:
    sys.stdout.write(_box(decision))
    sys.stdout.flush()
    while True:
        try:
            answer = input("  Approve? [y/n]: ").strip().lower()
        except EOFError:
            sys.stdout.write("\n  Nobody is there to answer: denied (fail-closed).\n")
            return False
        if answer in {"y", "yes"}:
            return True
        if answer in {"n", "no"}:
            return False
        sys.stdout.write("  Please enter 'y' or 'n'.\n")


def _box(decision: PolicyDecision) -> str:
    """What a person has to know, without anything that a terminal would obey or hide."""
    action = decision.action
    facts = {
        "Action": action.type,
        "Target": action.target,
        "Risk": decision.risk_level.name,
        "Rule": decision.matched_rule,
        "Agent": action.agent_id,
        "Params": repr(dict(action.params)) if action.params else "",
        "Desc": action.description,
    }
    line = "=" * WIDTH
    told = [f"  {name + ':':<8} {visible(fact)}" for name, fact in facts.items() if fact]
    return "\n".join(["", line, "  APPROVAL REQUIRED", line, *told, line, ""])
