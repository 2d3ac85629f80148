"""Rules about several actions together: sequences that must not happen, and risk that adds up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from remit.compat.aegis.core.action import Action
from remit.compat.aegis.core.decision import Approval, PolicyDecision
from remit.compat.aegis.core.risk import RiskLevel
from remit.errors import PolicyError
from remit.policy.vocabulary import Vocabulary


@dataclass(frozen=True)
class PlanViolation:
    """A rule about plans that a plan breaks."""

    rule_name: str
    description: str
    involved_actions: tuple[Action, ...]
    approval: Approval
    risk_level: RiskLevel


@dataclass(frozen=True)
class SequencePattern:
    """Actions that must not follow each other, whatever stands between them."""

    name: str
    steps: tuple[str, ...]
    approval: Approval = Approval.BLOCK
    risk_level: RiskLevel = RiskLevel.CRITICAL
    description: str = ""
    window: int = 0
    """How many steps the last may be after the first; 0: any number."""

    def find(self, names: Sequence[str], start: int = 0) -> tuple[int, ...]:
        """Where it happens in *names*, ending at *start* or later; empty if it does not.

        Names are compared as those of a rule that blocks: what looks like a step is one.
        """
        if len(self.steps) < 2:
            return ()
        words = Vocabulary()
        steps = [1 << words.number(step, strict=True) for step in self.steps]
        fits = [words.find(name) for name in names]
        for first, bits in enumerate(fits):
            if bits & steps[0]:
                end = first + self.window + 1 if self.window else len(fits)
                found = _follow(fits[:end], steps, first, start)
                if found:
                    return found
        return ()


def _follow(fits: list[int], steps: list[int], first: int, start: int) -> tuple[int, ...]:
    """Where each of the *steps* comes after the one before, as early as it can."""
    found = [first]
    for number, step in enumerate(steps[1:], 2):
        begin = max(found[-1] + 1, start if number == len(steps) else 0)
        place = next((each for each in range(begin, len(fits)) if fits[each] & step), None)
        if place is None:
            return ()
        found.append(place)
    return tuple(found)


@dataclass(frozen=True)
class CumulativeRiskThreshold:
    """How much risk a plan may add up to."""

    max_total_risk: int
    on_exceed: Approval = Approval.BLOCK


@dataclass
class PlanRules:
    """All rules about plans."""

    sequence_patterns: list[SequencePattern] = field(default_factory=list)
    cumulative_risk: CumulativeRiskThreshold | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Self:
        """The rules in *data*.

        Raises:
            PolicyError: it has a key or a value that means nothing.
        """
        if data is None:
            return cls()
        _known(data, "plan_rules", ("sequence_patterns", "cumulative_risk"))
        patterns = [_pattern(each) for each in data.get("sequence_patterns") or ()]
        threshold = data.get("cumulative_risk")
        return cls(patterns, None if threshold is None else _threshold(threshold))

    def merge(self, other: PlanRules) -> PlanRules:
        """The rules of both; of two thresholds, the lower."""
        thresholds = [each for each in (self.cumulative_risk, other.cumulative_risk) if each]
        lowest = min(thresholds, key=lambda each: each.max_total_risk, default=None)
        return PlanRules(self.sequence_patterns + other.sequence_patterns, lowest)

    def evaluate(
        self, decisions: Iterable[PolicyDecision], before: Sequence[str] = ()
    ) -> list[PlanViolation]:
        """What a plan breaks, of which the actions named in *before* have already been done."""
        planned = list(decisions)
        names = [*before, *(decision.action.type for decision in planned)]
        return [
            *self._sequences(planned, names, len(before)),
            *self._risks(planned),
        ]

    def _sequences(
        self, planned: list[PolicyDecision], names: list[str], start: int
    ) -> Iterator[PlanViolation]:
        for pattern in self.sequence_patterns:
            found = pattern.find(names, start)
            if found:
                steps = " -> ".join(pattern.steps)
                yield PlanViolation(
                    pattern.name,
                    pattern.description or f"Sequence pattern detected: {steps}",
                    tuple(planned[place - start].action for place in found if place >= start),
                    pattern.approval,
                    pattern.risk_level,
                )

    def _risks(self, planned: list[PolicyDecision]) -> Iterator[PlanViolation]:
        threshold = self.cumulative_risk
        total = sum(decision.risk_level for decision in planned)
        if threshold is not None and total > threshold.max_total_risk:
            yield PlanViolation(
                "cumulative_risk",
                f"Total risk {total} exceeds threshold {threshold.max_total_risk}",
                tuple(decision.action for decision in planned),
                threshold.on_exceed,
                RiskLevel.CRITICAL,
            )


def _pattern(data: Mapping[str, Any]) -> SequencePattern:
    known = ("name", "steps", "approval", "risk_level", "description", "window")
    _known(data, "a sequence pattern", known)
    steps = data.get("steps")
    texts = isinstance(steps, list | tuple) and all(isinstance(step, str) for step in steps)
    if not texts or len(steps or ()) < 2:
        raise _mistake(f"the steps of a sequence pattern are two patterns or more, not {steps!r}")
    window = data.get("window", 0)
    if type(window) is not int or window < 0:
        raise _mistake(f"{window!r} is no window; write a whole number")
    return SequencePattern(
        name=str(data.get("name", "sequence")),
        steps=tuple(steps or ()),
        approval=_approval(data.get("approval", "block")),
        risk_level=_risk(data.get("risk_level", "critical")),
        description=str(data.get("description", "")),
        window=window,
    )


def _threshold(data: Mapping[str, Any]) -> CumulativeRiskThreshold:
    _known(data, "cumulative_risk", ("max_total_risk", "on_exceed"))
    most = data.get("max_total_risk")
    if type(most) is not int:
        raise _mistake(f"max_total_risk is a whole number, not {most!r}")
    return CumulativeRiskThreshold(most, _approval(data.get("on_exceed", "block")))


def _known(data: Any, what: str, keys: tuple[str, ...]) -> None:
    if not isinstance(data, Mapping):
        raise _mistake(f"{what} is a mapping of keys to values, not {data!r}")
    unknown = [key for key in data if key not in keys]
    if unknown:
        raise _mistake(f"unknown key {unknown[0]!r} in {what}; there are {', '.join(keys)}")


def _approval(name: Any) -> Approval:
    if name not in list(Approval):
        raise _mistake(f"{name!r} is no approval; write {', '.join(Approval)}")
    return Approval(name)


def _risk(name: Any) -> RiskLevel:
    if str(name).upper() not in RiskLevel.__members__:
        raise _mistake(f"{name!r} is no risk_level; write low, medium, high, critical")
    return RiskLevel[str(name).upper()]


def _mistake(message: str) -> PolicyError:
    return PolicyError(message, file="plan_rules")
