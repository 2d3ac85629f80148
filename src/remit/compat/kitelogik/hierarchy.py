"""`HierarchicalEvaluator`: what an organisation says, and what a project says."""

from __future__ import annotations

from typing import NamedTuple

from remit.compat.kitelogik import verdicts
from remit.compat.kitelogik.evaluators import Evaluator, PolicyEvaluator, evaluator_of
from remit.compat.kitelogik.later import Later, then
from remit.compat.kitelogik.models import PolicyDecision, ResolutionStep, RiskTier
from remit.model import ApprovalTerms, Decision, Request

_SKIPPED = ResolutionStep(
    tier="project",
    allow=False,
    deny=False,
    risk_tier=RiskTier.OPERATIONAL.value,
    reason="Skipped — global deny",
)


class _Said(NamedTuple):
    """What one tier says, with the approvals of the request taken into account."""

    tier: str
    verdict: PolicyDecision
    terms: ApprovalTerms | None
    policy: str

    @property
    def step(self) -> ResolutionStep:
        verdict = self.verdict
        return ResolutionStep(
            tier=self.tier,
            allow=verdict.allow,
            deny=verdict.deny,
            risk_tier=verdict.risk_tier.value,
            reason=verdict.reason,
            rule_matched=verdict.rule_matched,
        )


class HierarchicalEvaluator(Evaluator):
    """Allows what both allow; denies what one denies; asks a person where one would."""

    def __init__(
        self, global_evaluator: PolicyEvaluator, project_evaluator: PolicyEvaluator
    ) -> None:
        self._global = evaluator_of(global_evaluator)
        self._project = evaluator_of(project_evaluator)

    def decide(self, request: Request, /) -> Later[Decision]:
        """What both say, merged; the project is not asked about what is denied above it."""

        def below(decision: Decision) -> Later[Decision]:
            first = _said("global", self._global, decision)
            if first.verdict.deny:
                return _merged([first], [first.step, _SKIPPED])
            return then(
                self._project.decide(request),
                lambda decision: _both(first, _said("project", self._project, decision)),
            )

        return then(self._global.decide(request), below)

    async def health(self) -> bool:
        """Whether both can answer."""
        return await self._global.health() and await self._project.health()


def _said(tier: str, evaluator: Evaluator, decision: Decision) -> _Said:
    return _Said(tier, evaluator.verdict(decision), decision.approval, decision.policy)


def _both(first: _Said, second: _Said) -> Decision:
    return _merged([first, second], [first.step, second.step])


def _merged(tiers: list[_Said], trace: list[ResolutionStep]) -> Decision:
    denying = [one for one in tiers if one.verdict.deny]
    asking = [one for one in tiers if one.terms is not None]
    refusing = [one for one in tiers if not one.verdict.allow]
    # Denied above an ask, above a soft denial; whoever says the strictest is why it is so.
    saying = denying or asking or refusing or tiers
    verdict = PolicyDecision(
        allow=not refusing,
        deny=bool(denying),
        requires_hitl=bool(asking) and not denying,
        risk_tier=verdicts.severest(*(one.verdict.risk_tier for one in tiers)),
        reason="; ".join(f"[{one.tier}] {one.verdict.reason}" for one in saying),
        rule_matched=next((v.rule_matched for _, v, _, _ in saying if v.rule_matched), None),
        rules=[rule for one in saying for rule in one.verdict.rules],
        resolution_trace=trace,
    )
    terms = asking[0].terms if asking and not denying else None
    policy = ",".join(one.policy for one in tiers if one.policy)
    return verdicts.decided(verdict, terms=terms, policy=policy)
