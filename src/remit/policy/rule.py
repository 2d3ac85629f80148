"""A policy as it was written: documents of rules, and nothing about how they are evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from remit.model import ApprovalTerms, Obligation, Risk
from remit.policy.located import Place

if TYPE_CHECKING:
    from remit.expr.compile import Program

Patterns: TypeAlias = tuple[str, ...]

ANY: Patterns = ("*",)

DEFAULT_ID = "default"
"""What a decision calls the `default: ask` of a document; no rule may be called so."""


class RuleEffect(StrEnum):
    """What a rule does when it applies."""

    DENY = "deny"
    ASK = "ask"
    """Deny, unless an approver lifts it; then allow."""
    ALLOW = "allow"


class Default(StrEnum):
    """What a document says when none of its rules applies."""

    DENY = "deny"
    ASK = "ask"
    ALLOW = "allow"
    ABSTAIN = "abstain"
    """This layer has no opinion."""


class Mode(StrEnum):
    """Whether a rule counts."""

    ENFORCE = "enforce"
    MONITOR = "monitor"
    """It only reports what it would have done."""


class Order(StrEnum):
    """Which of the rules that apply decide."""

    SEVERITY = "severity"
    """The strictest, wherever they stand."""
    FIRST_MATCH = "first-match"
    """The first, as in a firewall."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What stands after `when`."""

    text: str
    program: Program
    place: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy: an effect, and when it applies."""

    id: str
    effect: RuleEffect
    place: Place
    action: Patterns
    subject: Patterns = ANY
    resource: Patterns = ANY
    when: Condition | None = None
    mode: Mode = Mode.ENFORCE
    risk: Risk | None = None
    reason: str = ""
    advice: str = ""
    terms: ApprovalTerms | None = None
    """Who may lift it; every ask has terms, a denial may."""
    obligations: tuple[Obligation, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One policy file: a layer of the policy it is part of."""

    name: str
    file: str
    digest: str
    """SHA-256 of its bytes, in hexadecimal."""
    rules: tuple[Rule, ...] = ()
    default: Default = Default.DENY
    order: Order = Order.SEVERITY
    mode: Mode = Mode.ENFORCE
