"""What a check reports: a kind of finding, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NamedTuple

from remit.policy.located import Place
from remit.policy.rule import Condition, Rule


class Level(StrEnum):
    """How sure it is that something is wrong."""

    ERROR = "error"
    """It cannot be used."""
    WARNING = "warning"
    NOTE = "note"
    """It may be meant, and is worth knowing."""


class About(NamedTuple):
    """What is true of all findings of a kind."""

    id: str
    """Never changes, and is never used again for something else."""
    name: str
    level: Level
    summary: str
    cure: str


class Kind(Enum):
    """Everything a check can find."""

    UNUSABLE = About(
        "RMT001",
        "unusable",
        Level.ERROR,
        "The policy cannot be loaded, so nothing is decided by it.",
        "Do what the message says; nothing unknown loads.",
    )
    SHADOWED = About(
        "RMT002",
        "shadowed",
        Level.WARNING,
        "A rule never matters: whenever it applies, stricter rules decide.",
        "Remove it, or narrow the rules that cover it.",
    )
    UNREACHABLE = About(
        "RMT003",
        "unreachable",
        Level.WARNING,
        "In a first-match document, rules before this one match all it is about.",
        "Move it up, or narrow the rules before it.",
    )
    CONTRADICTORY = About(
        "RMT004",
        "contradictory",
        Level.WARNING,
        "A condition, or one side of an '||' in it, can never be true.",
        "Correct the part that the message quotes.",
    )
    ALWAYS_TRUE = About(
        "RMT005",
        "always-true",
        Level.WARNING,
        "A condition holds whatever the request says.",
        "Correct it, or leave 'when' out to say so openly.",
    )
    REPEATED = About(
        "RMT006",
        "repeated",
        Level.WARNING,
        "Two rules differ only in their ids.",
        "Remove one of them.",
    )
    REDUNDANT = About(
        "RMT007",
        "redundant",
        Level.NOTE,
        "A rule does what another one of the same effect does anyway, and says nothing of its own.",
        "Remove it, or give it a reason of its own.",
    )
    NOTHING_ALLOWED = About(
        "RMT008",
        "nothing-allowed",
        Level.WARNING,
        "A document, or the whole policy, denies everything.",
        "Add a rule that allows, or write 'default: abstain' where others decide.",
    )
    EVERYTHING_ALLOWED = About(
        "RMT009",
        "everything-allowed",
        Level.NOTE,
        "A rule allows every action of everybody on everything.",
        "Name the actions; or write 'default: allow', which says so at the top.",
    )
    NOT_LIFTABLE = About(
        "RMT010",
        "not-liftable",
        Level.WARNING,
        "Nobody can give the approval that a rule asks for.",
        "Name approvers who are not the requester, as many as the quorum asks for.",
    )
    OVERLAPPING_ASKS = About(
        "RMT011",
        "overlapping-asks",
        Level.NOTE,
        "Whenever one rule asks, another asks on other terms: both approvals are needed.",
        "Let their conditions exclude each other, if one approval is to be enough.",
    )
    MONITORED = About(
        "RMT012",
        "monitored",
        Level.NOTE,
        "A rule reads as if it were enforced, and only reports.",
        "Remove 'mode: monitor' to enforce it.",
    )
    LOOK_ALIKE = About(
        "RMT013",
        "look-alike",
        Level.WARNING,
        "A pattern has characters that look like others, or that nobody can see.",
        "Type it again.",
    )
    REGEX_OF_EVERYTHING = About(
        "RMT014",
        "regex-matches-everything",
        Level.WARNING,
        "A regular expression is found in every text.",
        "Say what the text must hold, or remove the test.",
    )
    REGEX_UNANCHORED = About(
        "RMT015",
        "regex-unanchored",
        Level.WARNING,
        "A regular expression is found anywhere in a text, and reads as if it meant all of it.",
        "Anchor it with '^' and '$', or write contains() to say that anywhere is meant.",
    )
    PATH_PREFIX = About(
        "RMT016",
        "path-prefix",
        Level.WARNING,
        "A path is compared as text: '/srv' also begins '/srv-old', and '..' leads out of it.",
        'Write path.within(x, "/srv").',
    )
    HOST_IN_TEXT = About(
        "RMT017",
        "host-in-text",
        Level.WARNING,
        "A domain is looked for in a text: 'acme.com' also ends 'evilacme.com' and stands in "
        "'https://evil.example/acme.com'.",
        'Write url.host(x) == "acme.com" or url.host(x).endsWith(".acme.com").',
    )
    LETTER_CASE = About(
        "RMT018",
        "letter-case",
        Level.WARNING,
        "A text is compared in letters of a case that it never has, or need not have.",
        "Write the text in the case that is compared, or bring both into one case.",
    )
    TIME_AS_TEXT = About(
        "RMT019",
        "time-as-text",
        Level.WARNING,
        "Times are compared as texts: '9:00' comes after '18:00'.",
        "Write within_hours(now, ...) for times of day, timestamp(x) for moments.",
    )
    ILL_TYPED = About(
        "RMT020",
        "ill-typed",
        Level.ERROR,
        "A condition does not fit the tools that its rule is about.",
        "Correct the name or the comparison, or what is declared of the tool.",
    )
    UNKNOWN_TOOL = About(
        "RMT021",
        "unknown-tool",
        Level.WARNING,
        "A rule names a tool that nothing declares.",
        "Correct the name, or declare the tool.",
    )
    MAY_BE_MISSING = About(
        "RMT022",
        "may-be-missing",
        Level.WARNING,
        "A rule that denies or asks reads what may not be there, and applies when it is not.",
        "Ask for it with has(args.x), or write args.?x.orValue(...).",
    )
    ALLOWS_ONLY_WITH = About(
        "RMT023",
        "allows-only-with",
        Level.NOTE,
        "A rule that allows reads what may not be there, and does not apply when it is not.",
        "Say so with has(args.x), or write args.?x.orValue(...).",
    )
    IMPOSSIBLE_VALUE = About(
        "RMT024",
        "impossible-value",
        Level.WARNING,
        "An argument is compared with a text that is none of its values.",
        "Correct the text.",
    )
    WHOLE_NUMBER = About(
        "RMT025",
        "whole-number",
        Level.WARNING,
        "Arithmetic on a number fails when it comes without a fraction, as numbers of JSON may.",
        "Write double(args.x).",
    )
    NEVER_BINDS = About(
        "RMT026",
        "never-binds",
        Level.WARNING,
        "A limit is never reached: what it counts is denied, or a tighter limit comes first.",
        "Remove it, or tighten it.",
    )
    MISSPELT_FACT = About(
        "RMT027",
        "misspelt-fact",
        Level.WARNING,
        "A fact is one letter away from a field of the session, or from a fact read elsewhere.",
        "Correct it; or, if both are meant, give one a name of its own.",
    )
    UNDECLARED_FACT = About(
        "RMT028",
        "undeclared-fact",
        Level.WARNING,
        "A rule reads a fact that nothing declares, so that nobody could tell if it were misspelt. "
        "Looked for by a strict check only.",
        "Declare it under 'facts'.",
    )
    UNDECLARED_TOOLS = About(
        "RMT029",
        "undeclared-tools",
        Level.WARNING,
        "Rules name tools or arguments, and nothing declares any, so that nobody could tell if one "
        "were misspelt. Looked for by a strict check only.",
        "Declare them under 'tools', or name them with --tools.",
    )
    ENVIRONMENT = About(
        "RMT031",
        "environment",
        Level.NOTE,
        "An environment of the document says otherwise what a key says.",
        "Nothing, if it is meant: it is listed so that nobody overlooks it.",
    )

    MISNAMED_IN_CASE = About(
        "RMT032",
        "misnamed-in-case",
        Level.WARNING,
        "A case under 'tests' gives an argument or a fact that is not declared, or is about an "
        "action whose name is nearly that of a tool.",
        "Correct the name.",
    )
    FAILING_CASE = About(
        "RMT033",
        "failing-case",
        Level.WARNING,
        "A case under 'tests' comes out otherwise than it says.",
        "Correct the rule, or what the case expects.",
    )
    UNKNOWN_CONTENT = About(
        "RMT034",
        "unknown-content",
        Level.WARNING,
        "A condition asks for a type of content that no scanner finds.",
        "Write a type that content.md lists.",
    )

    @property
    def id(self) -> str:
        """`RMT002`."""
        return self.value.id


class Related(NamedTuple):
    """Another place that has to do with a finding, and what stands there."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at, and where."""

    place: Place
    rule: str
    """Empty where the document is meant."""
    message: str
    kind: Kind
    related: tuple[Related, ...] = ()

    @property
    def level(self) -> Level:
        """How sure it is that something is wrong."""
        return self.kind.value.level

    def __str__(self) -> str:
        return f"{self.place}: {self.level}: {self.message}"


def on(kind: Kind, rule: Rule, message: str, *related: Rule) -> Finding:
    """A finding about *rule*, which has to do with others."""
    places = tuple(Related(other.place, f"rule {other.id!r}") for other in related)
    return Finding(rule.place, rule.id, message, kind, places)


def within(kind: Kind, rule: Rule, condition: Condition, at: int, message: str) -> Finding:
    """A finding about what begins at the offset *at* of the *condition* of a rule."""
    place = Related(rule.place, f"rule {rule.id!r}")
    return Finding(condition.place_of(at), rule.id, message, kind, (place,))
