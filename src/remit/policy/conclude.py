"""From the candidates that apply to the decision. Severity is fixed, and the strictest layer wins.

outright   a denial nobody may lift, by rule or by default
liftable   a denial somebody may lift; lifted, it is as if it had not matched
ask        a denial somebody may lift; lifted, it allows
allow
abstain    if every layer does, nothing allows it, and it is denied
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from remit.model import ApprovalTerms, Decision, Effect, Obligation, Risk
from remit.policy.candidates import Candidate, Errors, Layer, ones
from remit.policy.consult import Shape
from remit.policy.rule import DEFAULT_ID, Default, Rule, RuleEffect

DEFAULT_TERMS = ApprovalTerms()
"""The terms of `default: ask`: anyone but the requester."""

Lifters: TypeAlias = Mapping[ApprovalTerms, tuple[str, ...]]
"""Terms that have been met, and who met them."""


class Severity(IntEnum):
    """How strict an answer is."""

    ABSTAIN = 0
    ALLOW = 1
    ASK = 2
    LIFTABLE = 3
    OUTRIGHT = 4


_DEFAULTS = {
    Default.DENY: Severity.OUTRIGHT,
    Default.ALLOW: Severity.ALLOW,
    Default.ABSTAIN: Severity.ABSTAIN,
}
_VERBS = {
    RuleEffect.DENY: "denies it",
    RuleEffect.ASK: "asks for an approval",
    RuleEffect.ALLOW: "allows it",
}


class Deciding(NamedTuple):
    """A rule that decides; the name of `default: ask` is that of a rule."""

    label: str
    effect: RuleEffect
    terms: ApprovalTerms | None
    rule: Rule | None = None
    error: str = ""


class Answer(NamedTuple):
    """What one layer says, and the rules that say it; none where the default does."""

    severity: Severity
    deciding: tuple[Deciding, ...] = ()


def conclude(shape: Shape, bits: int, errors: Errors, lifters: Lifters, policy: str) -> Decision:
    """The decision when just the candidates of *bits* apply."""
    erred = dict(errors)
    found = {bit: _deciding(shape.candidates[bit], erred.get(bit, "")) for bit in ones(bits)}
    answers = [_answer(layer, found, lifters) for layer in shape.layers]
    severity = max((answer.severity for answer in answers), default=Severity.ABSTAIN)
    deciding = [
        rule for answer in answers if answer.severity is severity for rule in answer.deciding
    ]
    terms = deciding[0].terms if severity in {Severity.LIFTABLE, Severity.ASK} else None
    if terms is not None:
        deciding = [each for each in deciding if each.terms == terms]
    rules = [each.rule for each in deciding if each.rule is not None]
    allowed = severity is Severity.ALLOW
    return Decision(
        effect=Effect.ALLOW if allowed else Effect.DENY,
        reason=_reason(severity, deciding, lifters),
        rules=tuple(each.label for each in deciding),
        errors=tuple(f"{shape.candidates[bit].label}: {why}" for bit, why in errors),
        risk=_highest(rule.risk for rule in rules),
        advice=next((rule.advice for rule in rules if rule.advice), ""),
        approval=terms,
        obligations=_duties(rules) if allowed else (),
        monitored=tuple(
            f"{rule.label}: {rule.effect}" for bit, rule in found.items() if bit in shape.monitors
        ),
        policy=policy,
    )


def _answer(layer: Layer, found: Mapping[int, Deciding], lifters: Lifters) -> Answer:
    """What *layer* says, from the strictest down."""
    ranges = (layer.denials, layer.asks, layer.allows)
    rules = [rule for bit, rule in found.items() if any(bit in each for each in ranges)]
    standing = [rule for rule in rules if rule.terms not in lifters]
    denials = [rule for rule in standing if rule.effect is RuleEffect.DENY]
    if outright := [rule for rule in denials if rule.terms is None]:
        return Answer(Severity.OUTRIGHT, tuple(outright))
    if denials:
        return Answer(Severity.LIFTABLE, tuple(denials))
    if asks := [rule for rule in standing if rule.effect is RuleEffect.ASK]:
        return Answer(Severity.ASK, tuple(asks))
    if grants := [rule for rule in rules if rule.effect is not RuleEffect.DENY]:
        return Answer(Severity.ALLOW, tuple(grants))
    return _default(layer, lifters)


def _default(layer: Layer, lifters: Lifters) -> Answer:
    if layer.default is not Default.ASK:
        return Answer(_DEFAULTS[layer.default])
    asking = Deciding(layer.prefix + DEFAULT_ID, RuleEffect.ASK, DEFAULT_TERMS)
    return Answer(Severity.ALLOW if DEFAULT_TERMS in lifters else Severity.ASK, (asking,))


def _deciding(candidate: Candidate, error: str) -> Deciding:
    rule = candidate.rule
    return Deciding(candidate.label, rule.effect, rule.terms, rule, error)


def _reason(severity: Severity, deciding: list[Deciding], lifters: Lifters) -> str:
    if not deciding:
        return "no rule denies it" if severity is Severity.ALLOW else "no rule allows it"
    first = deciding[0]
    if severity is Severity.ALLOW and first.terms is not None:
        return f"rule {first.label!r} allows it, approved by {', '.join(lifters[first.terms])}"
    if first.rule is None:
        return "no rule allows it without an approval"
    if first.rule.reason:
        return first.rule.reason
    because = ", because its condition cannot be evaluated" if first.error else ""
    return f"rule {first.label!r} {_VERBS[first.effect]}{because}"


def _highest(risks: Iterable[Risk | None]) -> Risk | None:
    order = list(Risk)
    return max((risk for risk in risks if risk is not None), key=order.index, default=None)


def _duties(deciding: Iterable[Rule]) -> tuple[Obligation, ...]:
    """What the deciding rules oblige to, each duty once."""
    duties: list[Obligation] = []
    for rule in deciding:
        duties += [duty for duty in rule.obligations if duty not in duties]
    return tuple(duties)
