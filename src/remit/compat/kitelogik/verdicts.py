"""Kite Logik's three flags and our one effect.

    deny                     denied outright
    requires_hitl            denied, unless somebody lifts it; also where `allow` is set
    allow                    allowed
    none of them             denied softly: the agent may try something else

In this order, and in one place. What an engine answers is read strictly: flags are
booleans, tiers are ones that exist, and what the document says beside them must be known;
only names with an underscore in front are taken for a policy's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.compat.kitelogik.models import PolicyDecision, RiskTier
from remit.deciders.answer import Malformed
from remit.model import ApprovalTerms, Decision, Effect, Request, Risk
from remit.policy.approval import Answers

DENY = "data.kitelogik.main.deny[_]"
HITL = "data.kitelogik.main.requires_hitl"
ALLOW = "data.kitelogik.main.allow"

SOFT = "Change the arguments and try again"

_SEVERITY = {
    RiskTier.INFORMATIONAL: 0,
    RiskTier.OPERATIONAL: 1,
    RiskTier.TRANSACTIONAL_LOW: 2,
    RiskTier.TRANSACTIONAL_HIGH: 3,
    RiskTier.DESTRUCTIVE: 4,
    RiskTier.SECURITY_CRITICAL: 5,
}
_RISKS = {
    RiskTier.INFORMATIONAL: Risk.LOW,
    RiskTier.OPERATIONAL: Risk.LOW,
    RiskTier.TRANSACTIONAL_LOW: Risk.MEDIUM,
    RiskTier.TRANSACTIONAL_HIGH: Risk.HIGH,
    RiskTier.DESTRUCTIVE: Risk.CRITICAL,
    RiskTier.SECURITY_CRITICAL: Risk.CRITICAL,
}
_TIERS = {
    None: RiskTier.OPERATIONAL,
    Risk.LOW: RiskTier.OPERATIONAL,
    Risk.MEDIUM: RiskTier.TRANSACTIONAL_LOW,
    Risk.HIGH: RiskTier.TRANSACTIONAL_HIGH,
    Risk.CRITICAL: RiskTier.SECURITY_CRITICAL,
}
_KNOWN = {
    "allow", "deny", "deny_reason", "hitl_reason", "requires_hitl", "risk_tier", "rule_matched",
    "rules",
}  # fmt: skip


class Judged(Decision, frozen=True):
    """A decision that an evaluator made, and how it said it."""

    verdict: PolicyDecision | None = None


def tier_of(risk: Risk | None) -> RiskTier:
    """The tier of a rule that only says its risk."""
    return _TIERS[risk]


def risk_of(tier: RiskTier) -> Risk:
    """How we call *tier*."""
    return _RISKS[tier]


def severest(*tiers: RiskTier) -> RiskTier:
    """The highest of *tiers*."""
    return max(tiers, key=_SEVERITY.__getitem__)


def refusal(reason: str, rule: str) -> PolicyDecision:
    """A denial that comes from before or beside the policy."""
    return PolicyDecision(
        allow=False,
        deny=True,
        risk_tier=RiskTier.SECURITY_CRITICAL,
        requires_hitl=False,
        reason=reason,
        rule_matched=rule,
        rules=[rule],
    )


def settled(verdict: PolicyDecision) -> PolicyDecision:
    """*verdict* with the one flag that counts."""
    deny = verdict.deny
    hitl = verdict.requires_hitl and not deny
    allow = verdict.allow and not deny and not hitl
    if (hitl, allow) == (verdict.requires_hitl, verdict.allow):
        return verdict
    flags = {"deny": deny, "requires_hitl": hitl, "allow": allow}
    return verdict.model_copy(update=flags)


def judged(given: PolicyDecision, request: Request, *, policy: str = "") -> Judged:
    """The decision on *request* that an evaluator's answer comes to, approvals included."""
    verdict = settled(given)
    if not verdict.requires_hitl:
        return decided(verdict, policy=policy)
    terms = ApprovalTerms()
    people = Answers(request).lift(terms)
    if not people:
        return decided(verdict, terms=terms, policy=policy)
    reason = f"{verdict.reason}; approved by {', '.join(people)}"
    lifted = {"allow": True, "requires_hitl": False, "reason": reason}
    return decided(verdict.model_copy(update=lifted), policy=policy)


def decided(
    verdict: PolicyDecision, *, terms: ApprovalTerms | None = None, policy: str = ""
) -> Judged:
    """*verdict* as a decision; *terms* are those of the denial, if somebody may lift it."""
    soft = not (verdict.allow or verdict.deny or terms)
    return Judged(
        effect=Effect.ALLOW if verdict.allow else Effect.DENY,
        reason=verdict.reason,
        rules=tuple(verdict.rules) or tuple(filter(None, [verdict.rule_matched])),
        risk=_RISKS[verdict.risk_tier],
        advice=SOFT if soft else "",
        approval=terms,
        policy=policy,
        verdict=verdict,
    )


def verdict_of(decision: Decision, tiers: Mapping[str, RiskTier]) -> PolicyDecision:
    """*decision* in Kite Logik's words; *tiers* are those of rules that say theirs."""
    if isinstance(decision, Judged) and decision.verdict is not None:
        return decision.verdict.model_copy(update={"reason": decision.reason})
    hitl = decision.approval is not None
    soft = not decision.rules and not decision.errors
    deny = not decision.allowed and not hitl and not soft and not decision.advice
    matched = ALLOW if decision.allowed else HITL if hitl else DENY if deny else None
    said = [tiers.get(rule, RiskTier.OPERATIONAL) for rule in decision.rules] if tiers else []
    return PolicyDecision(
        allow=decision.allowed,
        deny=deny,
        risk_tier=severest(*said) if said else tier_of(decision.risk),
        requires_hitl=hitl,
        reason=decision.reason,
        rule_matched=matched,
        rules=list(decision.rules),
    )


def read(document: Any) -> PolicyDecision:
    """The verdict in what `data.kitelogik.main` came to.

    Raises:
        Malformed: it is none.
    """
    if not isinstance(document, dict):
        raise Malformed(f"data.kitelogik.main is a document, not {document!r:.80}")
    unknown = [key for key in document if key not in _KNOWN and not key.startswith("_")]
    if unknown:
        raise Malformed(f"data.kitelogik.main says {', '.join(unknown)}, which nobody knows")
    denials = document.get("deny", False)
    deny = denials if isinstance(denials, bool) else bool(_texts("deny", denials))
    reasons = _texts("deny_reason", document.get("deny_reason", []))
    if not isinstance(denials, bool):
        reasons = reasons or _texts("deny", denials)
    tier = _tier(document.get("risk_tier", RiskTier.OPERATIONAL.value))
    given = PolicyDecision(
        allow=document.get("allow", False),
        deny=deny,
        risk_tier=tier,
        requires_hitl=document.get("requires_hitl", False),
        reason="",
        rule_matched=document.get("rule_matched"),
        rules=_texts("rules", document.get("rules", [])),
    )
    verdict = settled(given)
    if verdict.requires_hitl:
        reasons = _texts("hitl_reason", document.get("hitl_reason", []))
    return verdict.model_copy(
        update={"reason": _reason(verdict, reasons), "rule_matched": _matched(verdict)}
    )


def _texts(name: str, value: Any) -> list[str]:
    """A set of texts, which is a list or a document whose members are all true."""
    if isinstance(value, dict) and all(held is True for held in value.values()):
        return sorted(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value)
    raise Malformed(f"{name} is a set of texts, not {value!r:.80}")


def _tier(name: Any) -> RiskTier:
    if not isinstance(name, str) or name not in RiskTier.__members__:
        raise Malformed(f"risk_tier {name!r:.80} is none; it is one of {', '.join(RiskTier)}")
    return RiskTier(name)


def _matched(verdict: PolicyDecision) -> str | None:
    flags = ((verdict.deny, DENY), (verdict.requires_hitl, HITL), (verdict.allow, ALLOW))
    return verdict.rule_matched or next((rule for held, rule in flags if held), None)


def _reason(verdict: PolicyDecision, reasons: list[str]) -> str:
    if reasons and not verdict.allow:
        return "; ".join(reasons)
    if verdict.deny:
        return "Hard blocked by policy"
    how = "Allowed" if verdict.allow else "Denied"
    return f"{how} — risk tier: {verdict.risk_tier}"
