"""The SDK's own approvals as an approver: the run stops, a person answers, the run goes on.

The SDK keeps calls, arguments and answers in its `RunState`, and does not
authenticate it. So that state alone lifts nothing. What the person is shown is
noted here, as the request policy was asked about; when the run goes on, only a
call whose request has the same digest is answered for, once, and policy is asked
again with that answer. A note lives in this process, or in what `save` writes
under a key.

Whoever can write a state stored as plain text can still answer in the person's
place, though only to what the person was shown. `save` and `load` shut them out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec
from agents import Agent, AgentsException, FunctionTool, RunContextWrapper, RunState
from agents.items import ToolApprovalItem

from remit.acting import acting_for
from remit.adapters.openai_agents.current import (
    RequestOf,
    application_says,
    current_call,
    take_turn,
    whose_turn,
)
from remit.call import refuse
from remit.deciding import decide
from remit.errors import Blocked
from remit.guard import Guard
from remit.model import Approval, ApprovalRequest, Request, Subject

OPERATOR = Subject("user", "operator")

MOST_SHOWN = 10_000
"""Questions remembered at a time; runs may be abandoned while they wait."""


class _Shown(msgspec.Struct, frozen=True):
    """What a person is shown: the call, and why it needs them."""

    tool: str
    request: Request
    reason: str
    rules: tuple[str, ...]


class _Saved(msgspec.Struct, frozen=True):
    """A run that waits for people, and what they are shown."""

    state: str
    shown: dict[str, _Shown]


class InterruptionApprover:
    """Asks by interrupting the run: `result.interruptions`, `state.approve(item)`.

    Args:
        approver: in whose name `state.approve` and `state.reject` are called; or a function
            that says so when the run goes on.
        key: authenticates runs that are saved here and loaded in another process.
    """

    def __init__(
        self, *, approver: Subject | Callable[[], Subject] = OPERATOR, key: bytes = b""
    ) -> None:
        self.name_approver = approver if callable(approver) else lambda: approver
        self.key = key
        self.shown: dict[str, _Shown] = {}

    def ask(self, question: ApprovalRequest, /) -> tuple[Approval, ...]:
        """The person's answer to the call under way.

        Raises:
            LookupError: nobody was shown this call with these arguments.
        """
        call = current_call()
        if call is None or call.tool_call is None or not isinstance(call.agent, Agent):
            raise LookupError("no run of the SDK is under way that could be interrupted")
        shown = self.shown.get(call.tool_call_id)
        if shown is None or shown.request.digest != question.digest:
            raise LookupError(f"nobody was shown call {call.tool_call_id} as it is now")
        item = ToolApprovalItem(call.agent, call.tool_call, call.tool_name)
        status = call.get_approval_status(
            call.tool_name,
            call.tool_call_id,
            tool_namespace=call.tool_namespace,
            current_invocation=item,
        )
        if status is not True:
            raise LookupError(f"nobody has approved call {call.tool_call_id}")
        who, at = self.name_approver(), question.request.at
        return (Approval(approved=True, approver=who, digest=question.digest, at=at),)

    def save(self, state: RunState[Any, Any]) -> str:
        """*state* as text that only a holder of the key can change.

        Raises:
            ValueError: there is no key.
        """
        calls = [item.call_id or "" for item in state.get_interruptions()]
        shown = {call: self.shown[call] for call in calls if call in self.shown}
        body = msgspec.json.encode(_Saved(state.to_string(), shown)).decode()
        return f"{self._seal(body)}\n{body}"

    async def load(self, agent: Agent[Any], text: str) -> RunState[Any, Any]:
        """The run that `save` wrote.

        Raises:
            ValueError: there is no key, or the text was not written under it.
        """
        seal, _, body = text.partition("\n")
        if not hmac.compare_digest(seal.encode(), self._seal(body).encode()):
            raise ValueError("this run was not saved under this key, or was changed since")
        saved = msgspec.json.decode(body, type=_Saved)
        self.shown.update(saved.shown)
        return await RunState.from_string(agent, saved.state)

    def _seal(self, body: str) -> str:
        if not self.key:
            raise ValueError("to keep runs, give InterruptionApprover a key=")
        return hmac.new(self.key, body.encode(), hashlib.sha256).hexdigest()

    def _note(self, call: str, shown: _Shown) -> None:
        self.shown[call] = shown
        while len(self.shown) > MOST_SHOWN:
            # Nobody has come back to the oldest one, and whoever does is asked again.
            self.forget(next(iter(self.shown)))

    def forget(self, call: str) -> None:
        """An answer is good for one call."""
        self.shown.pop(call, None)

    def attach(self, tool: FunctionTool, guard: Guard, request_of: RequestOf) -> None:
        """Have *tool* interrupt the run where policy says that a person may lift the denial."""
        needs_approval, is_enabled = tool.needs_approval, tool.is_enabled

        async def needs(context: RunContextWrapper[Any], given: dict[str, Any], call: str) -> bool:
            with acting_for(whose_turn(context)):
                try:
                    request = guard.stamp(request_of(given))
                    decision = await decide(request, guard.async_ports)
                except (Blocked, ValueError, AgentsException):
                    # The call itself will meet the same trouble, and say so.
                    return await application_says(needs_approval, context, given, call)
            if decision.approval is not None:
                self._note(call, _Shown(tool.name, request, decision.reason, decision.rules))
                return True
            return decision.allowed and await application_says(needs_approval, context, given, call)

        async def enabled(context: RunContextWrapper[Any], agent: Any) -> bool:
            # The SDK names the agent here, and not when it asks whether a call needs approval.
            await self.turn(context, agent.name, guard)
            return await application_says(is_enabled, context, agent)

        tool.needs_approval, tool.is_enabled = needs, enabled

    async def turn(self, context: RunContextWrapper[Any], agent: str, guard: Guard) -> None:
        """Note whose turn it is in this run, and what a person has rejected in it."""
        take_turn(context, agent)
        # A rejected call never reaches its tool, so nobody else would record it.
        for call, shown in list(self.shown.items()):
            if context.is_tool_approved(shown.tool, call) is not False:
                continue
            self.forget(call)
            reason = f"{shown.reason}; {self.name_approver()} refused"
            if said := context.get_rejection_message(shown.tool, call):
                reason = f"{reason}: {said}"
            await refuse(shown.request, reason, guard.async_ports, rules=shown.rules)
