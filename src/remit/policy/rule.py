"""A policy as it was written: documents of rules, and nothing about how they are evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from remit.model import ApprovalTerms, Obligation, Period, Risk
from remit.policy import moment
from remit.policy.facts import NO_FACTS, Facts
from remit.policy.located import Place
from remit.policy.tools import NO_TOOLS, Tools

if TYPE_CHECKING:
    from remit.expr.compile import Program
    from remit.policy.case import Case

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
class Window:
    """A stretch of time, in nanoseconds of Unix time: from the first moment, until the other.

    None leaves that side open. The end itself is outside.
    """

    start: int | None = None
    end: int | None = None

    @property
    def never(self) -> bool:
        """Whether no moment is inside."""
        return self.start is not None and self.end is not None and self.end <= self.start

    def within(self, other: Window) -> Window:
        """The part of this window that is inside *other*."""
        starts = [each for each in (self.start, other.start) if each is not None]
        ends = [each for each in (self.end, other.end) if each is not None]
        return Window(max(starts, default=None), min(ends, default=None))

    @property
    def conditions(self) -> tuple[str, ...]:
        """What a condition says of the moments inside."""
        start = () if self.start is None else (f'now >= timestamp("{moment.show(self.start)}")',)
        end = () if self.end is None else (f'now < timestamp("{moment.show(self.end)}")',)
        return start + end


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a rule to apply: its window, and what stands after `when`."""

    text: str
    program: Program
    place: Place
    locate: Callable[[int], Place] | None = field(default=None, repr=False, compare=False)
    """Where the character at an offset of the program's text was written."""

    def place_of(self, offset: int) -> Place:
        """Where the character at *offset* of the program's text stands."""
        return self.place if self.locate is None else self.locate(offset)


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
    valid: Window = ALWAYS
    """When the rule is there at all, its document's window included. `when` sees to it."""
    used: Place | None = None
    """Where the template that it stands in is used."""


class LimitEffect(StrEnum):
    """What happens once a limit is reached."""

    DENY = "deny"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of a limit: what is counted apart, or how much a call is expected to use."""

    text: str
    program: Program


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of something may be used in a stretch of time."""

    id: str
    place: Place
    action: Patterns
    period: Period
    max: tuple[tuple[str, int], ...]
    """What is counted, and the most of it in millionths: `("calls", 200_000_000)`."""
    per: tuple[Expression, ...] = ()
    """What is counted apart: `subject.id`, `args.customer`. Empty: everything together."""
    reserve: tuple[tuple[str, int | Expression], ...] = ()
    """How much a call is expected to use; none is 1 of what counts calls, and 0 of the rest."""
    subject: Patterns = ANY
    resource: Patterns = ANY
    when: Condition | None = None
    effect: LimitEffect = LimitEffect.DENY
    terms: ApprovalTerms | None = None
    """Who may let a call begin that goes beyond it; every ask has terms."""
    mode: Mode = Mode.ENFORCE
    reason: str = ""
    advice: str = ""

    @property
    def rule(self) -> Rule:
        """What holds once nothing is left."""
        return Rule(
            id=self.id,
            effect=RuleEffect(self.effect),
            place=self.place,
            action=self.action,
            subject=self.subject,
            resource=self.resource,
            when=self.when,
            mode=self.mode,
            terms=self.terms,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A key that an environment of a document says otherwise."""

    environment: str
    rule: str
    """Empty where it is a key of the document."""
    key: str
    place: Place
    before: str
    """As it is written; empty where the key was not there."""
    after: str

    def __str__(self) -> str:
        whose = f"rule {self.rule!r}" if self.rule else "the document"
        instead = f", not {self.before}" if self.before else ""
        return f"in {self.environment!r}, {whose} has {self.key}: {self.after}{instead}"


@dataclass(frozen=True, slots=True)
class Document:
    """One policy file: a layer of the policy it is part of."""

    name: str
    file: str
    digest: str
    """SHA-256 of its bytes, in hexadecimal; of more than one file, see `load`."""
    rules: tuple[Rule, ...] = ()
    default: Default = Default.DENY
    order: Order = Order.SEVERITY
    mode: Mode = Mode.ENFORCE
    valid: Window = ALWAYS
    """When its rules are there. Its default is there at all times."""
    tools: Tools = NO_TOOLS
    """The tools it is about, as far as they are declared."""
    facts: Facts = NO_FACTS
    """The facts its conditions read, if it declares any."""
    limits: tuple[Limit, ...] = ()
    tests: tuple[Case, ...] = ()
    """They change no decision."""
    includes: tuple[str, ...] = ()
    """The files it includes, as errors call them."""
    changes: tuple[Change, ...] = ()
    """What its environments change, all of them, whichever holds."""
    environment: str = ""
    """The environment whose changes hold; empty for none."""
