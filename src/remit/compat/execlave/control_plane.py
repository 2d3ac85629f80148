"""The control plane, in this process: policies, agents, pauses and approvals, with a ledger.

What Execlave's dashboard does, methods do here. Every change is a record before it counts.
Several clients may share one, and clients elsewhere share its pauses and approvals by
recording in the same ledger.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from remit.approvers.inbox import Inbox
from remit.audit.case import Case
from remit.compat.execlave.policies import LIMIT, PolicySpec, spec
from remit.default import LEDGER, METER
from remit.guard import Guard
from remit.ledgers.sqlite import SqliteLedger
from remit.meters.memory import MemoryMeter
from remit.meters.sqlite import SqliteMeter
from remit.model import REMIT, Decision, Pause, Request, Subject
from remit.policy import Policy
from remit.ports import Ledger, Meter

APPROVAL_WAIT = 1800.0
"""Seconds that a call waits for people, as Execlave's does."""


class ControlPlane:
    """Keeps what clients ask for.

    Args:
        ledger: keeps the records; none: `.remit/ledger.db`.
        policy: one of ours, which decides as well. Without it, what no policy is about is
            allowed, as in Execlave.
        meter: counts what budgets and rates are about; none: in this process, or, with the ledger
            in `.remit`, in `.remit/meter.db`.
        people: who may answer what is asked, as for `Inbox`.
        approval_wait: seconds that a call waits for them.
        clock: Unix time in nanoseconds.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        *,
        policy: Policy | None = None,
        meter: Meter | None = None,
        people: Mapping[str, Subject] | None = None,
        approval_wait: float = APPROVAL_WAIT,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        if ledger is None:
            LEDGER.parent.mkdir(exist_ok=True)
            ledger = SqliteLedger(LEDGER)
            meter = meter or SqliteMeter(METER)
        self.meter: Meter = meter or MemoryMeter(clock=clock)
        self.ledger: Ledger = ledger
        keeps: Any = ledger
        self.inbox = Inbox(keeps, wait=approval_wait, people=people, clock=clock)
        self.guard = Guard(self, ledger=ledger, meter=self.meter, approver=self.inbox, clock=clock)
        self._native = policy
        self._specs: dict[str, PolicySpec] = {}
        self._agents: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._policy = self._compiled({})

    # Policies.

    def decide(self, request: Request, /) -> Decision:
        """What the policies say as of now."""
        return self._policy.decide(request)

    @property
    def policies(self) -> tuple[PolicySpec, ...]:
        """Those that were added."""
        return tuple(self._specs.values())

    def add_policy(
        self,
        given: PolicySpec | Mapping[str, Any] | None = None,
        /,
        *,
        by: Subject = REMIT,
        **more: Any,
    ) -> PolicySpec:
        """Add a policy, or replace the one of the same name.

        Raises:
            ValueError: it cannot be enforced here.
            PolicyError: its condition is none.
            Unavailable: it could not be recorded, so it does not count.
        """
        made = spec(more if given is None else given)
        with self._lock:
            known = self._specs.get(made.id)
            if known is not None and known.name != made.name:
                raise ValueError(f"{made.name!r} and {known.name!r} have one id, {made.id}")
            self._replace({**self._specs, made.id: made}, "policy.added", made.name, by)
        return made

    def remove_policy(self, name: str, *, by: Subject = REMIT) -> None:
        """Enforce the policy of that name no more.

        Raises:
            KeyError: there is none.
        """
        with self._lock:
            others = {key: each for key, each in self._specs.items() if each.name != name}
            if len(others) == len(self._specs):
                raise KeyError(name)
            self._replace(others, "policy.removed", name, by)

    def violation(self, rule: str, decision: Decision) -> dict[str, Any]:
        """What is told of *rule*, which has decided, or would have."""
        known = self._specs.get(rule.rpartition("/")[2].removesuffix(LIMIT))
        if known is not None:
            return known.told()
        risk = decision.risk.value if decision.risk else "high"
        return {
            "policyId": rule,
            "policyName": rule,
            "policyType": rule,
            "message": decision.reason,
            "enforcementMode": "block",
            "severity": risk,
        }

    def _replace(self, specs: dict[str, PolicySpec], act: str, name: str, by: Subject) -> None:
        policy = self._compiled(specs)
        facts = {"name": name, "before": self._policy.digest, "after": policy.digest}
        self.guard.record_change(act, facts, by=by)
        self._specs, self._policy = specs, policy

    def _compiled(self, specs: Mapping[str, PolicySpec]) -> Policy:
        written = [each.written() for each in specs.values() if each.is_active]
        document = {
            "remit": 1,
            "name": "execlave",
            "default": "allow" if self._native is None else "abstain",
            "rules": [rule for rules, _ in written for rule in rules],
            "limits": [limit for _, limits in written for limit in limits],
        }
        policy = Policy.parse(msgspec.json.encode(document), file="execlave")
        return policy if self._native is None else policy.stack(self._native)

    # Agents.

    def register(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Know an agent from now on, or know it better; it keeps its id."""
        key = given["agentId"]
        with self._lock:
            known = self._agents.get(key, {"id": str(uuid.uuid4())})
            agent = {**known, **given}
            if agent != known:
                self.guard.record_change("agent.registered", agent)
                self._agents[key] = agent
        return dict(agent)

    @property
    def agents(self) -> tuple[dict[str, Any], ...]:
        """Those that were registered."""
        return tuple(map(dict, self._agents.values()))

    # The kill switch.

    def pause(self, agent_id: str, *, by: Subject | str, reason: str = "") -> Pause:
        """Stop the agent: its traces and checks raise `AgentPausedError` until it is resumed."""
        return self.guard.pause(subject(agent_id), by=by, reason=reason)

    def resume(self, agent_id: str, *, by: Subject | str, reason: str = "") -> None:
        """Let the agent go on."""
        self.guard.resume(subject(agent_id), by=by, reason=reason)

    # People.

    @property
    def approvals(self) -> tuple[Case, ...]:
        """What waits for people."""
        return tuple(case for case in self.inbox.cases() if self.inbox.waits(case))

    def approve(self, approval_id: str, by: Subject, *, reason: str = "") -> Case:
        """Say yes to exactly what was asked.

        Raises:
            Conflict: *by* may not, or it is too late.
        """
        return self.inbox.approve(approval_id, by, reason=reason)

    def deny(self, approval_id: str, by: Subject, *, reason: str = "") -> Case:
        """Say no.

        Raises:
            Conflict: *by* may not, or it is too late.
        """
        return self.inbox.refuse(approval_id, by, reason=reason)


def subject(agent_id: str | None) -> Subject:
    """Who the agent is to policies and records. Its id is never read as `type:id`."""
    return Subject("agent", agent_id or "unnamed")
