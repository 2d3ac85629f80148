"""`PolicyGate`: an evaluator, a ledger, and whoever may lift a denial, for many sessions.

What a gate is asked with its `evaluate` methods is answered and not recorded: nothing runs.
What is governed by it (`governed`, `GovernedToolbox`) goes through a guard of ours.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from remit.compat.kitelogik import requests, verdicts
from remit.compat.kitelogik.audit_store import AuditStore
from remit.compat.kitelogik.credentials import CredentialBroker
from remit.compat.kitelogik.evaluators import Evaluator, PolicyEvaluator, awaited, evaluator_of
from remit.compat.kitelogik.hitl_queue import HITLQueue
from remit.compat.kitelogik.later import Later, recover
from remit.compat.kitelogik.models import (
    GovernanceEvent,
    PolicyDecision,
    SanitizedResponse,
    SessionContext,
    ToolCallInput,
)
from remit.compat.kitelogik.opa_client import OPAClient
from remit.compat.kitelogik.sanitizer import sanitize_tool_output
from remit.default import LEDGER
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Decision, Request
from remit.ports import Approver, Inbox, Ledger

UNREACHABLE = "opa_connection_failure"
BAD_TOKEN = "credential_validation"  # noqa: S105 - the name of a rule

_log = logging.getLogger(__name__)


class PolicyGate:
    """Asks *opa_client*, after it has looked at the token of the session.

    Args:
        opa_client: what decides; none: the project's YAML policy, in this process.
        tracer: Kite Logik's; not used here.
        credential_broker: who knows which tokens are good. With one, a session without a
            token is refused.
        ledger: keeps the records of governed calls; none: that of the queue, or else
            `.remit/ledger.db`, made at the first of them.
        approver: who is asked about what needs a human; none: it stays denied.

    Raises:
        TypeError: *opa_client* has not the methods of one.
        ValueError: the queue keeps its questions in another ledger than *ledger*.
    """

    def __init__(
        self,
        opa_client: PolicyEvaluator | None = None,
        tracer: object = None,
        credential_broker: CredentialBroker | None = None,
        *,
        ledger: Ledger | AuditStore | None = None,
        approver: Approver | Inbox | HITLQueue | None = None,
    ) -> None:
        self.opa: PolicyEvaluator = OPAClient() if opa_client is None else opa_client
        self._evaluator: Evaluator = evaluator_of(self.opa)
        self.tracer = tracer
        if isinstance(approver, HITLQueue) and ledger is not None:
            kept = ledger.ledger if isinstance(ledger, AuditStore) else ledger
            if not approver.keeps_in(kept):
                raise ValueError("questions and calls are in one ledger: HITLQueue(ledger=...)")
        self._approver = approver
        self._broker = credential_broker
        self._ledger: Ledger | None = None
        self._given = ledger
        self._lock = threading.Lock()

    @property
    def ledger(self) -> Ledger:
        """Where governed calls are recorded."""
        with self._lock:
            if self._ledger is None:
                self._ledger = self._find_ledger()
            return self._ledger

    @property
    def approver(self) -> Approver | Inbox | None:
        """Who is asked."""
        return self._approver.inbox if isinstance(self._approver, HITLQueue) else self._approver

    def _find_ledger(self) -> Ledger:
        if isinstance(self._given, AuditStore):
            return self._given.ledger
        if self._given is not None:
            return self._given
        approver = self.approver
        if isinstance(approver, Inbox):
            kept: Ledger = approver.ledger
            return kept
        LEDGER.parent.mkdir(exist_ok=True)
        return SqliteLedger(LEDGER)

    def decide(self, request: Request, /) -> Later[Decision]:
        """The answer to *request*. Whatever the evaluator does wrong is a denial, on record."""
        if refused := self._credentials(request):
            return verdicts.decided(refused)
        try:
            found = self._evaluator.decide(request)
        except Exception as error:  # noqa: BLE001 - whatever an evaluator does wrong is one answer
            return _unreachable(error)
        return recover(found, _unreachable) if isinstance(found, Future) else found

    def verdict(self, decision: Decision) -> PolicyDecision:
        """A decision in Kite Logik's words."""
        return self._evaluator.verdict(decision)

    async def evaluate_tool_call(
        self, tool_call: ToolCallInput, context: SessionContext
    ) -> PolicyDecision:
        """Whether a tool may be called so."""
        fields = {name: getattr(tool_call, name) for name in tool_call.__struct_fields__}
        return await self._answer(
            requests.call(
                fields["action"],
                fields["args"],
                context,
                tool_name=fields["tool_name"],
                resource_path=fields["resource_path"],
            )
        )

    async def evaluate(self, event: GovernanceEvent) -> PolicyDecision:
        """Whether that may happen."""
        found = self.decide(requests.of_event(event))
        decision: Decision = await awaited(found) if isinstance(found, Future) else found
        return self.verdict(decision)

    async def evaluate_plan(
        self, steps: Sequence[Mapping[str, Any]], context: SessionContext
    ) -> PolicyDecision:
        """Whether the plan may be followed: as a plan, and each of its steps as a call.

        A step that a person would be asked about is one they will be asked about then.
        """
        plan = GovernanceEvent(
            event_type="agent.plan",
            session_id=context.session_id,
            action="submit_plan",
            context=context,
            steps=[dict(step) for step in steps],
        )
        verdict = await self.evaluate(plan)
        for number, step in enumerate(plan.steps, 1):
            if not verdict.allow:
                break
            found = await self._answer(_call_of(step, context))
            if found.deny:
                verdict = found.model_copy(update={"reason": f"step {number}: {found.reason}"})
        return verdict

    def sanitize_response(self, content: str) -> SanitizedResponse:
        """What is left of a tool's answer when attempts to instruct the model are taken out."""
        return sanitize_tool_output(content)

    async def _answer(self, request: Request) -> PolicyDecision:
        decision: Decision = await awaited(self.decide(request))
        return self.verdict(decision)

    def _credentials(self, request: Request) -> PolicyDecision | None:
        if self._broker is None or self._broker.vouches_for(request.session):
            return None
        _log.warning("the token of session %s is not good", request.session.id)
        return verdicts.refusal("Invalid or expired session token — access denied", BAD_TOKEN)


def _call_of(step: Mapping[str, Any], context: SessionContext) -> Request:
    """The call that a step of a plan proposes; a step without a name is one of the name ''."""
    keys = ("action", "tool_name", "tool", "name")
    named = [step[key] for key in keys if isinstance(step.get(key), str)]
    found = [step[key] for key in ("args", "arguments", "input") if isinstance(step.get(key), dict)]
    return requests.call(named[0] if named else "", found[0] if found else {}, context)


def _unreachable(error: Exception) -> Decision:
    _log.critical("the policy engine gave no decision, so it is no: %s", error)
    return verdicts.decided(
        verdicts.refusal(
            "OPA policy engine unreachable — all tool calls denied until connection is restored",
            UNREACHABLE,
        )
    )
