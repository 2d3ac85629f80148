"""Why a policy decides as it does: every rule, and what of it applied to the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remit.expr.errors import EvalError
from remit.expr.values import Timestamp
from remit.model import ApprovalTerms, Decision, Request
from remit.policy.anatomy import Anatomy, Part
from remit.policy.candidates import Candidate
from remit.policy.consult import Vocabularies
from remit.policy.located import Place
from remit.policy.rule import Condition, Rule, RuleEffect
from remit.policy.shown import show
from remit.policy.unmet import Unmet


class Match(StrEnum):
    """What became of a rule."""

    MATCHED = "matched"
    LIFTED = "lifted"
    """It matched, and approvers have lifted it."""
    ERRED = "erred"
    """Its condition has no value: a match where it denies or asks, no match where it allows."""
    NOT_MATCHED = "not matched"


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule in the light of one request."""

    label: str
    rule: Rule
    match: Match
    why: str
    """What did not fit (`action`, `subject`, `resource` or `when`), or went wrong; else empty."""
    decided: Part | None = None
    """The part of the condition that decided; none if there is no condition to look at."""
    saw: tuple[tuple[str, str], ...] = ()
    """What the condition reads, and what stood there."""
    monitored: bool = False

    @property
    def effect(self) -> RuleEffect:
        """What the rule does when it applies."""
        return self.rule.effect

    @property
    def place(self) -> Place:
        """Where the rule stands."""
        return self.rule.place

    @property
    def condition(self) -> str:
        """What stands after `when`; empty if nothing does."""
        return self.rule.when.text if self.rule.when else ""

    @property
    def value(self) -> bool | None:
        """What the condition came to; None if it has no value, or was not looked at."""
        if self.decided is None or self.match is Match.ERRED:
            return None
        return self.match is not Match.NOT_MATCHED

    @property
    def because(self) -> str:
        """The value of the condition in words, and what it follows from; empty without one."""
        if self.decided is None:
            return ""
        came_to = "no value" if self.value is None else show(self.value)
        if self.decided.whole:
            return came_to + f": {self.decided.error}" * bool(self.decided.error)
        return f"{came_to}, because of {self.decided}"

    def __str__(self) -> str:
        head = f"{self.label}  {self.effect}  {self.match}"
        if self.why:
            head += f": {self.why}"
        if self.monitored:
            head += "  (monitored)"
        lines = [head]
        if self.condition:
            lines.append(f"    when {' '.join(self.condition.split())}")
        if self.because:
            lines.append(f"    {self.because}")
        lines += [f"    {name} = {value}" for name, value in self.saw]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and every rule of the policy beside it."""

    decision: Decision
    rules: tuple[Explained, ...]

    @property
    def candidates(self) -> tuple[Explained, ...]:
        """The rules about this action."""
        return tuple(rule for rule in self.rules if rule.why != "action")

    def __str__(self) -> str:
        decision = self.decision
        verb = "ask" if decision.approval else decision.effect.value
        others = len(self.rules) - len(self.candidates)
        lines = [f"{verb}: {decision.reason}", *map(str, (*self.candidates, *decision.claims))]
        if others:
            lines.append(f"({others} rules are about other actions)")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Explainer:
    """Looks at the rules of a policy one by one."""

    words: Vocabularies
    request: Request
    lifters: Mapping[ApprovalTerms, tuple[str, ...]]

    def explain(self, candidate: Candidate) -> Explained:
        """What became of *candidate*."""
        when = candidate.rule.when
        match, why = self._match(candidate)
        if match is Match.NOT_MATCHED and why != "when":
            when = None
        return Explained(
            label=candidate.label,
            rule=candidate.rule,
            match=match,
            why=why,
            decided=Anatomy(when).decisive(self.request) if when else None,
            saw=saw(when, self.request) if when else (),
            monitored=candidate.monitored,
        )

    def _match(self, candidate: Candidate) -> tuple[Match, str]:
        words, request = self.words, self.request
        if not candidate.action & words.action.find(request.action.name):
            return Match.NOT_MATCHED, "action"
        if candidate.subject and not candidate.subject & words.subject.find(str(request.subject)):
            return Match.NOT_MATCHED, "subject"
        if candidate.resource and not candidate.resource & words.resource.find(
            str(request.resource)
        ):
            return Match.NOT_MATCHED, "resource"
        when = candidate.rule.when
        try:
            holds = when is None or when.program.evaluate(request) is True
        except (EvalError, Unmet) as error:
            return Match.ERRED, str(error)
        if not holds:
            return Match.NOT_MATCHED, "when"
        people = self.lifters.get(candidate.rule.terms) if candidate.rule.terms else None
        if people:
            return Match.LIFTED, f"by {', '.join(people)}"
        return Match.MATCHED, ""


def saw(condition: Condition, request: Request) -> tuple[tuple[str, str], ...]:
    """What *condition* reads of *request*: `("args.amount", "500")`."""
    reads = sorted(".".join(read) for read in condition.program.reads)
    return tuple((read, _look(read.split("."), request)) for read in reads)


def _look(names: list[str], request: Request) -> str:
    value: Any = {"args": request.action.properties, "now": Timestamp(request.at)}.get(names[0])
    if value is None:
        value = getattr(request, names[0])
    for name in names[1:]:
        held = value if isinstance(value, Mapping) else _members(value)
        if name not in held:
            return "(absent)"
        value = held[name]
    return show(value)


def _members(value: Any) -> Mapping[str, Any]:
    """The fields of a noun of the model, with the facts of a session among them."""
    fields = getattr(value, "__struct_fields__", ())
    return {**getattr(value, "facts", {}), **{name: getattr(value, name) for name in fields}}
