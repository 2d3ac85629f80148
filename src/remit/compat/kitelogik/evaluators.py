"""What answers a gate: a decider of ours that has Kite Logik's methods besides."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol, runtime_checkable

from remit.compat.kitelogik import requests, verdicts
from remit.compat.kitelogik.later import Later, then
from remit.compat.kitelogik.models import (
    GovernanceEvent,
    PolicyDecision,
    PolicyInput,
    ResolutionStep,
    RiskTier,
)
from remit.deciders.errand import Errand
from remit.deciders.keeper import Keeper
from remit.deciders.loop import LoopThread
from remit.model import Decision, Request


@runtime_checkable
class PolicyEvaluator(Protocol):
    """What Kite Logik asks of one."""

    async def health(self) -> bool:
        """Whether it can answer."""
        ...

    async def evaluate(self, policy_input: PolicyInput, /) -> PolicyDecision:
        """The answer to a call of a tool."""
        ...

    async def evaluate_event(self, event: GovernanceEvent, /) -> PolicyDecision:
        """The answer to an event."""
        ...


class Evaluator:
    """One that decides on requests, now or later, for callers with a loop and without one."""

    tiers: Mapping[str, RiskTier] = {}
    """The tiers of rules, where the rules say them and a decision does not."""

    def decide(self, request: Request, /) -> Later[Decision]:
        """The answer to *request*, as a decision."""
        raise NotImplementedError

    def verdict(self, decision: Decision) -> PolicyDecision:
        """A decision of this evaluator in Kite Logik's words."""
        return verdicts.verdict_of(decision, self.tiers)

    async def health(self) -> bool:
        """Whether it can answer."""
        return True

    async def evaluate(self, policy_input: PolicyInput) -> PolicyDecision:
        """The answer to a call of a tool."""
        return self.verdict(await awaited(self.decide(requests.of_input(policy_input))))

    async def evaluate_event(self, event: GovernanceEvent) -> PolicyDecision:
        """The answer to an event."""
        return self.verdict(await awaited(self.decide(requests.of_event(event))))


class Foreign(Evaluator):
    """Any object with Kite Logik's methods.

    They are coroutines, and callers may have no loop, so they run in one that is kept for them.
    """

    def __init__(self, evaluator: PolicyEvaluator) -> None:
        self.evaluator = evaluator
        self._keeper = Keeper(lambda: LoopThread("remit-evaluator"))

    def decide(self, request: Request, /) -> Later[Decision]:
        """What the object says, read strictly."""
        answer = self._keeper.worker.submit(self._ask(request))
        return then(answer, lambda given: verdicts.judged(_checked(given), request))

    async def _ask(self, request: Request) -> Any:
        if requests.is_plain_call(request):
            return await self.evaluator.evaluate(requests.input_of(request))
        return await self.evaluator.evaluate_event(requests.event_of(request))

    async def health(self) -> bool:
        """What the object says of itself."""
        well: bool = await awaited(self._keeper.worker.submit(_true(self.evaluator)))
        return well


async def _true(evaluator: PolicyEvaluator) -> bool:
    return await evaluator.health() is True


def evaluator_of(given: object) -> Evaluator:
    """*given* as an evaluator of ours.

    One of ours whose `evaluate` somebody has replaced is asked as they wish: by `evaluate`.

    Raises:
        TypeError: it has not the methods of one.
    """
    kind = type(given)
    if issubclass(kind, Evaluator) and kind.evaluate is Evaluator.evaluate:
        assert isinstance(given, Evaluator)
        return given
    if isinstance(given, PolicyEvaluator):
        return Foreign(given)
    raise TypeError(f"{given!r} has no health, evaluate and evaluate_event")


async def awaited(answer: Later[Any]) -> Any:
    """*answer*, without holding up the loop."""
    if isinstance(answer, Errand):
        return await answer.on_loop()
    return await asyncio.wrap_future(answer) if isinstance(answer, Future) else answer


def _checked(given: Any) -> PolicyDecision:
    """*given*, which may be Kite Logik's own, as a decision of ours."""
    if isinstance(given, PolicyDecision):
        return given
    names = ("allow", "deny", "risk_tier", "requires_hitl", "reason", "rule_matched")
    fields = {name: getattr(given, name) for name in names}
    # Kite Logik's tiers are members of an enumeration of its own.
    fields["risk_tier"] = RiskTier(str(fields["risk_tier"]))
    trace = [
        ResolutionStep(**{name: getattr(step, name) for name in ResolutionStep.__struct_fields__})
        for step in getattr(given, "resolution_trace", [])
    ]
    return PolicyDecision(**fields, resolution_trace=trace)
