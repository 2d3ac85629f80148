"""One item under `rules:` -> one `Rule`."""

from __future__ import annotations

import re

from remit.canonical import freeze
from remit.errors import NotData
from remit.model import ApprovalTerms, Escalation, Obligation, Risk
from remit.policy import glob, names
from remit.policy.condition import read_condition
from remit.policy.fields import Errors, Fields
from remit.policy.inline import NO_NAMES, Scope
from remit.policy.keys import (
    ANYTHING,
    DURATION,
    NAME,
    PATTERN,
    TEXT,
    Key,
    Schema,
    Shape,
    list_of,
    one_of,
)
from remit.policy.located import Node, Place, plain
from remit.policy.rule import (
    ALWAYS,
    ANY,
    DEFAULT_ID,
    Mode,
    Patterns,
    Rule,
    RuleEffect,
    Window,
)
from remit.policy.window import WINDOW, read_window

LONGEST_TTL = 30 * 86400
TERMS = ("approvers", "quorum", "expires", "within", "escalate", "standing")
_APPROVER = re.compile(r"(user|role|group):\S.*")

OBLIGATION = Shape(
    "an obligation",
    {"type": Key(TEXT, "The duty.", "say what is to be carried out: type: redact")},
    others=ANYTHING,
)
_PATTERNS: Schema = {"anyOf": [PATTERN, {"type": "array", "items": PATTERN, "minItems": 1}]}
_APPROVERS: Schema = {"type": "string", "pattern": rf"^\s*{_APPROVER.pattern}\s*$"}
_WHO: Schema = {"anyOf": [_APPROVERS, {"type": "array", "items": _APPROVERS, "minItems": 1}]}
ESCALATION = Shape(
    "an escalation",
    {
        "after": Key(DURATION, "How long the question has waited.", "write it like after: 1h"),
        "approvers": Key(_WHO, "Who may answer then, too.", "name them like role:director"),
    },
)
RULE = Shape(
    "a rule",
    {
        "id": Key(NAME, "Its name, unique in the document.", "give it a name of its own"),
        "action": Key(
            _PATTERNS,
            "The actions it is about: patterns in which * is any run of characters, and ? is one.",
            "name the actions it is about, or '*' for all",
        ),
        "subject": Key(_PATTERNS, "Who asks: patterns over type:id. Left out: anyone."),
        "resource": Key(_PATTERNS, "What it is done to: patterns over type:id."),
        "when": Key(TEXT, "A condition in CEL. Left out: always."),
        "effect": Key(
            one_of(RuleEffect), "What it does when it applies.", "write deny, ask or allow"
        ),
        "risk": Key(one_of(Risk), "How bad it would be if the rule were wrong."),
        "reason": Key(TEXT, "Why, for whoever is refused or asked."),
        "advice": Key(TEXT, "How the agent may try again."),
        "approvers": Key(_WHO, "Who may lift it: user:alice, role:manager, group:finance."),
        "quorum": Key({"type": "integer", "minimum": 1}, "How many different people it takes."),
        "expires": Key(DURATION, "How long an answer is good for: 45s, 15m, 1h30m, at most 30d."),
        "within": Key(DURATION, "How long an inbox waits for an answer. Left out: 1d."),
        "escalate": Key(list_of(ESCALATION), "Who else may answer when nobody has."),
        "standing": Key(
            DURATION,
            "For how long somebody may approve such calls before they are made. Left out: never.",
        ),
        "mode": Key(one_of(Mode), "monitor: say what it would have done, and change nothing."),
        "obligations": Key(list_of(OBLIGATION), "What must be carried out for an allow to stand."),
        "valid": Key(WINDOW, "When it is there at all."),
    },
)


def read_rule(
    node: Node,
    errors: Errors,
    scope: Scope = NO_NAMES,
    inside: Window = ALWAYS,
    *,
    prefix: str = "",
    used: Place | None = None,
) -> Rule:
    """The rule in *node*; what is wrong with it is noted in *errors*.

    Args:
        node: what the file says.
        errors: where mistakes are noted.
        scope: what its condition can name besides what every condition can.
        inside: when the document's rules are there.
        prefix: what its id begins with.
        used: where the template that it stands in is used.
    """
    fields = Fields.of(node, RULE, errors)
    rule_id = fields.name("id")
    if prefix + rule_id == DEFAULT_ID:
        fields.fail("id", "'default' names what holds when no rule applies; choose another id")
    effect = fields.choice("effect", RuleEffect, RuleEffect.DENY)
    window = _window(fields, inside)
    return Rule(
        id=prefix + rule_id,
        effect=effect,
        place=fields.members["id"].place if "id" in fields else node.place,
        action=read_patterns(fields, "action"),
        subject=read_patterns(fields, "subject", "agent:billing-*") or ANY,
        resource=read_patterns(fields, "resource", "file:/tmp/*") or ANY,
        when=read_condition(fields, window, scope),
        mode=fields.choice("mode", Mode, Mode.ENFORCE),
        risk=fields.choice("risk", Risk, Risk.LOW) if "risk" in fields else None,
        reason=fields.text("reason"),
        advice=fields.text("advice"),
        terms=read_terms(fields, effect),
        obligations=_obligations(fields, effect),
        valid=window,
        used=used,
    )


def _window(fields: Fields, inside: Window) -> Window:
    window = read_window(fields)
    both = window.within(inside)
    if both.never and not window.never:
        fields.fail("valid", "the document is never valid at that time; change one of the two")
    return both if not both.never else ALWAYS


def read_patterns(fields: Fields, key: str, pair: str = "") -> Patterns:
    """The patterns under *key*; *pair* shows what one over `type:id` looks like."""
    found = fields.texts(key)
    for pattern, place in found:
        if pattern and (why := _mistake(pattern)):
            fields.errors.add(place, f"{pattern!r} is no pattern: {why}")
        elif pattern and pair and ":" not in pattern and "*" not in pattern:
            fields.errors.add(place, f"a {key} is matched as 'type:id'; write it like '{pair}'")
    return tuple(dict.fromkeys(pattern for pattern, _ in found))


def _mistake(pattern: str) -> str:
    if why := glob.mistake(pattern):
        return why
    spelled = glob.rewrite(pattern, names.fold)
    if sum(map(spelled.count, "*?")) > sum(map(pattern.count, "*?")):
        return "it has a character that only looks like a wildcard; write '*' or '?'"
    return glob.mistake(spelled)


def read_terms(fields: Fields, effect: RuleEffect) -> ApprovalTerms | None:
    """Who may lift what *fields* say, on which terms; None if nobody."""
    given = [key for key in TERMS if key in fields]
    if effect is RuleEffect.ALLOW:
        for key in given:
            fields.refuse(key, f"{key!r} has no meaning on a rule that allows; write effect: ask")
        return None
    if effect is RuleEffect.DENY and "approvers" not in fields:
        for key in given:
            fields.refuse(
                key, f"nobody may lift this denial, so {key!r} has no meaning; name approvers"
            )
        return None
    approvers = _approvers(fields)
    default = ApprovalTerms()
    return ApprovalTerms(
        approvers,
        _quorum(fields, approvers),
        ttl=float(fields.duration("expires", LONGEST_TTL) or default.ttl),
        within=float(fields.duration("within", LONGEST_TTL) or default.within),
        escalations=_escalations(fields, approvers),
        standing=float(fields.duration("standing", LONGEST_TTL)),
    )


def _escalations(fields: Fields, approvers: tuple[str, ...]) -> tuple[Escalation, ...]:
    if "escalate" in fields and not approvers:
        fields.fail("escalate", "anyone may answer from the beginning; name approvers first")
    found: list[Escalation] = []
    for node in fields.nodes("escalate"):
        step = Fields.of(node, ESCALATION, fields.errors)
        after = float(step.duration("after", LONGEST_TTL))
        if found and 0 < after <= found[-1].after:
            step.fail("after", "each escalation comes later than the one before it")
        found.append(Escalation(after, _approvers(step)))
    return tuple(found)


def _approvers(fields: Fields) -> tuple[str, ...]:
    approvers: list[str] = []
    for approver, place in fields.texts("approvers"):
        if approver and not _APPROVER.fullmatch(approver):
            fields.errors.add(
                place,
                f"{approver!r} names no approver; write user:alice, role:manager or group:finance",
            )
        elif approver in approvers:
            fields.errors.add(place, f"the approver {approver!r} stands twice; keep one")
        approvers.append(approver)
    return tuple(approvers)


def _quorum(fields: Fields, approvers: tuple[str, ...]) -> int:
    quorum = fields.whole("quorum", 1)
    if quorum < 1:
        fields.fail("quorum", "a quorum is at least 1; to let nobody lift it, write effect: deny")
    people = [approver for approver in approvers if approver.startswith("user:")]
    if approvers and len(people) == len(approvers) < quorum:
        fields.fail(
            "quorum",
            f"{quorum} approvals are asked of {len(people)} people; name more or lower the quorum",
        )
    return quorum


def _obligations(fields: Fields, effect: RuleEffect) -> tuple[Obligation, ...]:
    if effect is RuleEffect.DENY:
        fields.refuse(
            "obligations", "a denial runs nothing that an obligation could attach to; remove it"
        )
        return ()
    return tuple(_obligation(node, fields.errors) for node in fields.nodes("obligations"))


def _obligation(node: Node, errors: Errors) -> Obligation:
    fields = Fields.of(node, OBLIGATION, errors)
    members = {key: plain(member) for key, member in fields.members.items() if key != "type"}
    try:
        return Obligation(fields.text("type"), freeze(members))
    except NotData as error:
        errors.add(node.place, f"an obligation cannot hold this: {error}")
        return Obligation("")
