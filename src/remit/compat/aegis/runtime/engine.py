"""`Runtime`: a policy, an executor, whoever is asked, and an audit log.

Every action goes through the one governed call of ours: it is decided on by the policy as it is
when it runs, recorded before it runs, and given the parameters that were decided on.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from remit import model, ports, who_acts
from remit.canonical import NOTHING, Frozen, Rebuild, freeze_with_rebuild
from remit.compat.aegis.adapters.base import BaseExecutor
from remit.compat.aegis.core.action import Action, given
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.plan import ExecutionPlan
from remit.compat.aegis.core.plan_rules import PlanViolation
from remit.compat.aegis.core.policy import Policy
from remit.compat.aegis.core.request import Asked, action_of
from remit.compat.aegis.core.result import Result, ResultStatus, refused
from remit.compat.aegis.runtime.approval import ApprovalHandler, CLIApprovalHandler
from remit.compat.aegis.runtime.audit import AuditLogger
from remit.compat.aegis.runtime.enforcing import HandlerApprover, Stricter, stricter
from remit.compat.aegis.runtime.executing import (
    ActionFailed,
    Ended,
    Users,
    carry_out,
    is_always_ready,
    result_of,
)
from remit.compat.aegis.runtime.hooks import RuntimeHooks, tell
from remit.compat.aegis.runtime.redaction import conceal
from remit.compat.aegis.runtime.rows import DENIED
from remit.errors import Blocked, Denied, NotData, Pending
from remit.guard import Guard
from remit.model import ApprovalTerms, Decision, Request, Session

REMEMBERED = 1000
"""Actions of the session that rules about sequences look back on."""

AT_ONCE = 16
"""Actions of a plan that run at a time, where they may run in parallel."""

SKIPPED = "Skipped due to prior failure"

Handler = ApprovalHandler | ports.Approver | ports.Inbox


class Runtime:
    """Plans actions, and runs what a policy lets run.

    Args:
        executor: carries actions out.
        policy: decides on them.
        approval_handler: is asked: one of Aegis, or an approver or an `Inbox` of ours.
        audit_logger: keeps the records.
        session_id: names the session in them.
        hooks: are told what happens.
        agent_id: whose actions they are, where an action does not say.
        parent_session_id: the session that this one is part of.
        approval_timeout: seconds after which silence is a no.

    Raises:
        TypeError: one of them is not what it should be.
    """

    def __init__(
        self,
        *,
        executor: BaseExecutor,
        policy: Policy,
        approval_handler: Handler | None = None,
        audit_logger: AuditLogger | None = None,
        session_id: str | None = None,
        hooks: RuntimeHooks | None = None,
        agent_id: str = "",
        parent_session_id: str = "",
        approval_timeout: float = ApprovalTerms().within,
    ) -> None:
        self.executor = executor
        self.audit = AuditLogger() if audit_logger is None else audit_logger
        self.hooks = RuntimeHooks() if hooks is None else hooks
        self.session_id = session_id or secrets.token_hex(6)
        self.agent_id = agent_id
        self.approval_timeout = approval_timeout
        parent = Frozen(parent_session_id=parent_session_id) if parent_session_id else NOTHING
        self._session = Session(self.session_id, facts=parent)
        self._policy = _checked(policy)
        self._lock = threading.Lock()
        self._guard: Guard | None = None
        self.approval = CLIApprovalHandler() if approval_handler is None else approval_handler
        self._users = Users()
        self._done: deque[str] = deque(maxlen=REMEMBERED)

    @property
    def policy(self) -> Policy:
        """What decides now."""
        return self._policy

    @property
    def approval(self) -> Handler:
        """Who is asked."""
        return self._approval

    @approval.setter
    def approval(self, handler: Handler) -> None:
        if not isinstance(handler, ports.Inbox) and not any(
            callable(getattr(handler, name, None)) for name in ("request_approval", "ask")
        ):
            raise TypeError(f"{handler!r} can be asked nothing: it has no request_approval")
        self._approval, self._guard = handler, None

    @property
    def guard(self) -> Guard:
        """The guard that its calls go through, and others may."""
        ledger, guard = self.audit.ledger, self._guard
        if guard is None or guard.ledger is not ledger:
            self._guard = guard = Guard(
                self,
                ledger=ledger,
                approver=self._approver(),
                readers=[self.audit],
                conceal=conceal,
            )
        return guard

    def _approver(self) -> ports.Approver | ports.Inbox:
        handler = self._approval
        if isinstance(handler, ports.Inbox):
            return handler
        if isinstance(handler, ApprovalHandler):
            return HandlerApprover(handler, self)
        return handler

    def decide(self, request: Request, /) -> Decision:
        """Answer a request of ours by the policy as it is now. A runtime is a `Decider`."""
        return self._policy.decide(request)

    def update_policy(self, policy: Policy) -> None:
        """Have *policy* decide from now on. It is on record before it does.

        Raises:
            TypeError: it is no policy.
            Unavailable: it could not be recorded, and what was decides still.
        """
        _checked(policy)
        with self._lock:
            changed = {"before": self._policy.digest, "after": policy.digest}
            self.guard.record_change("policy.replaced", changed)
            self._policy = policy

    def plan(self, actions: Iterable[Action]) -> ExecutionPlan:
        """What would be decided now on each of *actions*, and on all of them."""
        policy = self._policy
        decisions = [policy.evaluate(self._own(action)) for action in actions]
        return ExecutionPlan(decisions, self._violations(policy, decisions))

    async def execute(
        self, plan: ExecutionPlan, *, dry_run: bool = False, parallel: bool = False
    ) -> list[Result]:
        """Run what may run of *plan*. After one that failed or was denied, the rest is skipped.

        The policy is asked again about each, with what it was decided on when it was planned.

        Raises:
            Exception: what the executor itself raises; it is on record, and the rest is skipped.
        """
        broken = [*plan.plan_violations, *self._violations(self._policy, plan.decisions)]
        decisions = stricter(plan.decisions, broken)
        why = next((each for each in broken if each.approval is Approval.BLOCK), None)
        if dry_run:
            results = [await self._dry(decision) for decision in decisions]
        else:
            async with self._users.using(self.executor):
                run = self._all_at_once if parallel else self._one_by_one
                results = await run(decisions)
        for result in results:
            if why is not None and result.status is ResultStatus.BLOCKED:
                result.error = f"Blocked by plan rule: {why.description}"
        return results

    async def run_one(self, action: Action, *, dry_run: bool = False) -> Result:
        """Plan and run one action."""
        if dry_run or self._foretells:
            (result,) = await self.execute(self.plan([action]), dry_run=dry_run)
            return result
        if is_always_ready(self.executor):
            return await self._run(action, None)
        async with self._users.using(self.executor):
            return await self._run(action, None)

    async def __aenter__(self) -> Self:
        await self._users.begin(self.executor)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._users.end(self.executor)
        finally:
            await asyncio.to_thread(self.audit.close)

    def request(self, asked: Asked, action: model.Action, at: int) -> Request:
        """The request of an action, in this session."""
        return asked.request(action, who_acts(), at, self._session, self.agent_id)

    def tool_call(
        self, request: Request, execute: Callable[[], Any], guard: Guard
    ) -> Awaitable[Ended]:
        """Run a function in the place of the executor, if *guard*, one of its own, allows it."""
        planned = self._planned(request) if self._foretells else None
        return self._governed(request, execute, planned, lambda: action_of(request), guard)

    @property
    def _foretells(self) -> bool:
        """Whether it matters what would be decided; else an action is decided on once."""
        return self.hooks.on_decision is not None or self._policy.plan_rules is not None

    def _planned(self, request: Request) -> PolicyDecision:
        policy = self._policy
        decision = policy.verdict(action_of(request), policy.decide(request))
        return stricter([decision], self._violations(policy, [decision]))[0]

    def _own(self, action: Action) -> Action:
        """*action* with parameters that nobody else can change, and an agent."""
        try:
            params = _copied(*_frozen(action))
        except NotData:
            params = action.params
        return replace(action, agent_id=action.agent_id or self.agent_id, params=params)

    def _violations(
        self, policy: Policy, decisions: Sequence[PolicyDecision]
    ) -> list[PlanViolation]:
        rules = policy.plan_rules
        return [] if rules is None else rules.evaluate(decisions, tuple(self._done))

    async def _dry(self, decision: PolicyDecision) -> Result:
        await tell(self.hooks.on_decision, decision)
        action = decision.action
        if decision.approval is Approval.BLOCK:
            result = refused(action, ResultStatus.BLOCKED, _by_rule(decision.matched_rule))
        else:
            sign = "would_execute" if decision.may_run_now else "approval_required"
            result = Result(action, ResultStatus.SUCCESS, {"dry_run": True, sign: True})
        await tell(self.hooks.on_execute, result)
        return result

    async def _all_at_once(self, decisions: Sequence[PolicyDecision]) -> list[Result]:
        room = asyncio.Semaphore(AT_ONCE)

        async def run(decision: PolicyDecision) -> Result:
            async with room:
                return await self._run(decision.action, decision)

        # All of them end before the executor is torn down, also if one of them raises.
        ended = await asyncio.gather(*map(run, decisions), return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return [each for each in ended if isinstance(each, Result)]

    async def _one_by_one(self, decisions: Sequence[PolicyDecision]) -> list[Result]:
        results: list[Result] = []
        for number, decision in enumerate(decisions, 1):
            try:
                result = await self._run(decision.action, decision)
            except BaseException:
                await self._skip(decisions[number:])
                raise
            results.append(result)
            if not result.ok and result.status is not ResultStatus.BLOCKED:
                return results + await self._skip(decisions[number:])
        return results

    async def _skip(self, decisions: Sequence[PolicyDecision]) -> list[Result]:
        skipped = [refused(each.action, ResultStatus.SKIPPED, SKIPPED) for each in decisions]
        for decision, result in zip(decisions, skipped, strict=True):
            await self.audit.note(self.session_id, decision, result)
        return skipped

    async def _run(self, action: Action, planned: PolicyDecision | None) -> Result:
        """One action, carried out by the executor; it may be *planned* and decided on before."""
        guard = self.guard
        try:
            frozen, rebuild = _frozen(action)
        except NotData:
            asked = model.Action(action.type)
            request = self.request(Asked.of(action), asked, guard.clock())
            why = "a parameter is no data, and nobody can decide on it"
            denied = self._refusal(await guard.refuse(request, why, guard.async_ports))
            return refused(self._own(action), denied.status, str(denied.error))
        asked = model.Action(action.type, frozen)
        request = self.request(Asked.of(action), asked, guard.clock())
        results: list[Result] = []

        async def execute() -> Any:
            # What the approver saw and the ledger has is what the executor gets.
            decided = given(action, _copied(frozen, rebuild), self.agent_id)
            results.append(await carry_out(self.executor, decided))
            return results[0].data

        def own() -> Action:
            if planned is not None:
                return action
            return given(action, _copied(frozen, rebuild), self.agent_id)

        ended = await self._governed(request, execute, planned, own, guard)
        if ended.result is not None:
            return ended.result
        if ended.ok and results:
            return results[0]
        return result_of(own(), ended, request)

    async def _governed(
        self,
        request: Request,
        execute: Callable[[], Any],
        planned: PolicyDecision | None,
        action: Callable[[], Action],
        guard: Guard,
    ) -> Ended:
        """The one way to anything that runs. Hooks are told of *action*."""
        hooks = self.hooks
        if planned is not None:
            await tell(hooks.on_decision, planned)
            guard = guard.replace(decider=Stricter(self._policy, planned))

        def started() -> Any:
            self._done.append(request.action.name)
            return execute()

        refusals: list[Blocked] = []
        try:
            data = await guard.acall(request, started, otherwise=refusals.append)
            ended = self._refusal(refusals[0]) if refusals else Ended(ResultStatus.SUCCESS, data)
        except ActionFailed as failed:
            ended = Ended(ResultStatus.FAILED, result=failed.result)
        except Blocked as error:
            ended = self._refusal(error)
        except Exception as error:
            if hooks.on_execute is not None:
                failure = Ended(ResultStatus.FAILED, error=str(error))
                await tell(hooks.on_execute, result_of(action(), failure, request))
            raise
        if hooks.on_execute is not None:
            await tell(hooks.on_execute, ended.result or result_of(action(), ended, request))
        return ended

    def _refusal(self, error: Blocked) -> Ended:
        if isinstance(error, Pending):
            return Ended(ResultStatus.DENIED, error=f"Waiting for approval: {error}")
        if not isinstance(error, Denied):
            return Ended(ResultStatus.BLOCKED, error=str(error))
        decision = error.decision
        if decision.approval is not None:
            return Ended(ResultStatus.DENIED, error=DENIED)
        if not decision.policy:
            return Ended(ResultStatus.BLOCKED, error=decision.reason)
        return Ended(ResultStatus.BLOCKED, error=_by_rule(self._policy.decisive(decision)))


def _by_rule(rule: str) -> str:
    return f"Blocked by policy rule: {rule}"


def _checked(policy: Policy) -> Policy:
    if not isinstance(policy, Policy):
        raise TypeError(f"{policy!r} is no policy")
    return policy


def _frozen(action: Action) -> tuple[Frozen, Rebuild | None]:
    """The parameters of *action*, frozen, and the way back.

    Raises:
        NotData: one of them is no data.
    """
    params = action.params
    return freeze_with_rebuild(params if type(params) is dict else dict(params))


def _copied(frozen: Frozen, rebuild: Rebuild | None) -> Any:
    return frozen if rebuild is None else rebuild(frozen)
