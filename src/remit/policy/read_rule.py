"""One item under `rules:` -> one `Rule`."""

from __future__ import annotations

import re

from remit.canonical import freeze
from remit.errors import NotData
from remit.expr.errors import ExprError
from remit.model import ApprovalTerms, Obligation, Risk
from remit.policy import glob, names
from remit.policy.environment import compile_condition
from remit.policy.fields import Errors, Fields
from remit.policy.located import Mapping, Node, Scalar, plain
from remit.policy.rule import ANY, DEFAULT_ID, Condition, Mode, Patterns, Rule, RuleEffect

LONGEST_TTL = 30 * 86400
_KEYS = (
    "id", "action", "subject", "resource", "when", "effect", "risk", "reason", "advice",
    "approvers", "quorum", "expires", "mode", "obligations",
)  # fmt: skip
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")
_APPROVER = re.compile(r"(user|role|group):\S.*")


def read_rule(node: Node, errors: Errors) -> Rule:
    """The rule in *node*; what is wrong with it is noted in *errors*."""
    fields = Fields(node, "a rule", _KEYS, errors)
    fields.require("id", "give it a name of its own")
    fields.require("action", "name the actions it is about, or '*' for all")
    fields.require("effect", "write deny, ask or allow")
    rule_id = fields.name("id")
    if rule_id == DEFAULT_ID:
        fields.fail("id", "'default' names what holds when no rule applies; choose another id")
    effect = fields.choice("effect", RuleEffect, RuleEffect.DENY)
    return Rule(
        id=rule_id,
        effect=effect,
        place=fields.members["id"].place if "id" in fields else node.place,
        action=_patterns(fields, "action"),
        subject=_patterns(fields, "subject", "agent:billing-*") or ANY,
        resource=_patterns(fields, "resource", "file:/tmp/*") or ANY,
        when=_condition(fields),
        mode=fields.choice("mode", Mode, Mode.ENFORCE),
        risk=fields.choice("risk", Risk, Risk.LOW) if "risk" in fields else None,
        reason=fields.text("reason"),
        advice=fields.text("advice"),
        terms=_terms(fields, effect),
        obligations=_obligations(fields, effect),
    )


def _patterns(fields: Fields, key: str, pair: str = "") -> Patterns:
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


def _condition(fields: Fields) -> Condition | None:
    text = fields.text("when")
    if not text:
        return None
    node = fields.members["when"]
    assert isinstance(node, Scalar)
    try:
        return Condition(text, compile_condition(str(node.value)), node.place)
    except ExprError as error:
        fields.errors.add(node.place_of(error.offset), f"in the condition: {error.message}")
        return None


def _terms(fields: Fields, effect: RuleEffect) -> ApprovalTerms | None:
    given = [key for key in ("approvers", "quorum", "expires") if key in fields]
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
    return ApprovalTerms(approvers, _quorum(fields, approvers), _ttl(fields))


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


def _ttl(fields: Fields) -> float:
    text = fields.text("expires")
    if not text:
        return ApprovalTerms().ttl
    found = _DURATION.fullmatch(text)
    parts = [int(part or 0) for part in found.groups()] if found else [0]
    seconds = sum(part * unit for part, unit in zip(parts, (86400, 3600, 60, 1), strict=False))
    if not 0 < seconds <= LONGEST_TTL:
        fields.fail("expires", f"{text!r} is no time up to 30 days; write it like 15m, 1h30m or 2d")
        return ApprovalTerms().ttl
    return float(seconds)


def _obligations(fields: Fields, effect: RuleEffect) -> tuple[Obligation, ...]:
    if effect is RuleEffect.DENY:
        fields.refuse(
            "obligations", "a denial runs nothing that an obligation could attach to; remove it"
        )
        return ()
    return tuple(_obligation(node, fields.errors) for node in fields.nodes("obligations"))


def _obligation(node: Node, errors: Errors) -> Obligation:
    known = node.members if isinstance(node, Mapping) else ()
    fields = Fields(node, "an obligation", known, errors)
    fields.require("type", "say what is to be carried out: type: redact")
    members = {key: plain(member) for key, member in fields.members.items() if key != "type"}
    try:
        return Obligation(fields.text("type"), freeze(members))
    except NotData as error:
        errors.add(node.place, f"an obligation cannot hold this: {error}")
        return Obligation("")
