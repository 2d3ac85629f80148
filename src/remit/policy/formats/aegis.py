"""Policies of Aegis: `version: "1"`, and rules with `match`, `conditions` and `approval`.

    approval   auto -> allow       approve -> ask       block -> deny
    match      type -> action      target -> type of the resource      agent -> agent:<it>
    rules      the first that matches decides
    defaults   a last rule, of the id `defaults`; without them the document abstains

Read strictly. What Aegis passed over in silence is a mistake here, and what its documents promise
holds: a window may cross midnight, a rule that blocks also blocks what it cannot judge.
docs/coming-from/aegis-policies.md lists the differences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from remit.model import ApprovalTerms, Risk
from remit.policy.fields import Errors, Fields, kind
from remit.policy.formats import condition as cel
from remit.policy.formats.condition import Test
from remit.policy.formats.names import Ids, check_version, identifier, level, pattern
from remit.policy.located import Mapping, Node, Scalar, Sequence
from remit.policy.rule import ANY, Condition, Default, Document, Order, Patterns, Rule, RuleEffect

NAME = "Aegis"
DEFAULTS = "defaults"
"""The id of the rule that `defaults` become."""

_REFUSED = {
    "plan_rules": "rules over several calls are not read; deny the step that must not happen",
    "rate_limits": "Aegis reads no limits from a policy; remove them",
    "scope": "a scope decides nothing; load the policies of all scopes, and the strictest holds",
    "scope_id": "a scope decides nothing; load the policies of all scopes, and the strictest holds",
}
_EFFECTS = {"auto": RuleEffect.ALLOW, "approve": RuleEffect.ASK, "block": RuleEffect.DENY}
_TESTS: dict[str, Test] = {
    "param_eq": cel.equal,
    "param_gt": cel.ordered(">"),
    "param_lt": cel.ordered("<"),
    "param_gte": cel.ordered(">="),
    "param_lte": cel.ordered("<="),
    "param_contains": cel.held,
    "param_matches": cel.fits,
}
_CONDITIONS = ("time_after", "time_before", "weekdays", *_TESTS, "semantic")
_RISKS = {risk.value: risk for risk in Risk}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(\d{1,2}):(\d\d)")


def document(root: Node, name: str, file: str, digest: str, errors: Errors) -> Document:
    """The document in *root*; what is wrong with it is noted in *errors*."""
    fields = Fields(root, "an Aegis policy", ("version", "defaults", "rules", *_REFUSED), errors)
    check_version(fields, NAME)
    for key, why in _REFUSED.items():
        fields.refuse(key, why)
    ids = Ids(DEFAULTS)
    rules = [_rule(node, index, ids, errors) for index, node in enumerate(fields.nodes("rules"))]
    if "defaults" in fields:
        rules.append(_defaults(fields))
    return Document(
        name=identifier(name),
        file=file,
        digest=digest,
        rules=tuple(rules),
        default=Default.DENY if "defaults" in fields else Default.ABSTAIN,
        order=Order.FIRST_MATCH,
    )


def _defaults(document: Fields) -> Rule:
    fields = document.inside("defaults", "'defaults'", ("risk_level", "approval"))
    effect = _effect(fields, RuleEffect.DENY)
    return Rule(
        id=DEFAULTS,
        effect=effect,
        place=document.keys["defaults"],
        action=ANY,
        risk=_risk(fields),
        terms=_terms(effect),
    )


def _rule(node: Node, index: int, ids: Ids, errors: Errors) -> Rule:
    known = ("name", "match", "conditions", "risk_level", "approval", "description")
    fields = Fields(node, "an Aegis rule", known, errors)
    fields.require("match", "write match: {type: '*'} if it is about everything")
    place = fields.members["name"].place if "name" in fields else node.place
    what = fields.inside("match", "'match'", ("type", "target", "agent"))
    if what.there and "match" in fields and not what.members:
        fields.fail("match", "'match' is empty; write {type: '*'} if it is about everything")
    effect = _effect(fields, RuleEffect.ASK)
    return Rule(
        id=ids.give(fields.text("name", f"rule_{index}"), place, errors),
        effect=effect,
        place=place,
        action=(_glob(what, "type"),),
        subject=_agent(what),
        resource=_target(what),
        when=_condition(fields, blocks=effect is RuleEffect.DENY),
        risk=_risk(fields),
        reason=fields.text("description"),
        terms=_terms(effect),
    )


def _effect(fields: Fields, default: RuleEffect) -> RuleEffect:
    return level(fields, "approval", fields.text("approval"), _EFFECTS, default)


def _risk(fields: Fields) -> Risk:
    return level(fields, "risk_level", fields.text("risk_level").lower(), _RISKS, Risk.MEDIUM)


def _terms(effect: RuleEffect) -> ApprovalTerms | None:
    return ApprovalTerms() if effect is RuleEffect.ASK else None


def _glob(what: Fields, key: str) -> str:
    if key not in what:
        return "*"
    if isinstance(what.members[key], Sequence):
        what.fail(key, f"a list as {key!r} matched nothing in Aegis; write a rule for each pattern")
        return "*"
    return pattern(what.text(key), what.members[key].place, what.errors)


def _target(what: Fields) -> Patterns:
    """A target is the type of a resource; with a colon it is all of it."""
    found = _glob(what, "target")
    if found.strip("*") == "":
        return ANY
    return (found, f"{found}:*") if ":" in found else (f"{found}:*",)


def _agent(what: Fields) -> Patterns:
    found = _glob(what, "agent")
    return ANY if found.strip("*") == "" else (f"agent:{found}",)


def _condition(rule: Fields, *, blocks: bool) -> Condition | None:
    if "conditions" not in rule:
        return None
    fields = rule.inside("conditions", "'conditions'", _CONDITIONS)
    if fields.there and not fields.members:
        rule.fail("conditions", "'conditions' is empty; write one, or leave the key out")
    fields.refuse(
        "semantic",
        "which words are meant by this nobody can check; name the words with param_matches",
    )
    parts = [_hours(fields), _weekdays(fields)]
    for key, test in _TESTS.items():
        if key in fields:
            chosen = cel.fits_at_its_end if blocks and key == "param_matches" else test
            parts += _tests(fields, key, chosen)
    return cel.condition(parts, rule.members["conditions"].place, rule.errors)


def _tests(fields: Fields, key: str, test: Test) -> Iterator[str]:
    node = fields.members[key]
    if not isinstance(node, Mapping) or not node.members:
        fields.fail(key, f"{key!r} compares arguments, and there is none; write {{amount: 100}}")
        return
    for name, value in node.members.items():
        argument = cel.argument(name, node.keys[name], fields.errors)
        yield test(argument, value, fields.errors)


def _hours(fields: Fields) -> str:
    """From `time_after` until `time_before`, across midnight where they stand so."""
    start = _time(fields, "time_after", "00:00")
    end = _time(fields, "time_before", "24:00")
    if "time_after" not in fields and "time_before" not in fields:
        return ""
    if end in {start, "00:00"}:
        key = "time_before" if "time_before" in fields else "time_after"
        fields.fail(key, f"from {start} to {end} could mean always or never; change one of them")
        return ""
    return f'within_hours(now, "{start}", "{end}", "UTC")'


def _time(fields: Fields, key: str, default: str) -> str:
    """The time of day under *key*."""
    written = fields.text(key)
    if not written:
        return default
    found = _TIME.fullmatch(written)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        fields.fail(key, f"{written!r} is no time of day; write it like '18:00'")
        return default
    return f"{int(found[1]):02}:{found[2]}"


def _weekdays(fields: Fields) -> str:
    if "weekdays" not in fields:
        return ""
    node = fields.members["weekdays"]
    if not isinstance(node, Sequence) or not node.items:
        fields.fail("weekdays", "'weekdays' is a list of numbers; write [1, 2] for Mon and Tue")
        return ""
    days = [_weekday(item, fields.errors) for item in node.items]
    return f'weekday(now, "UTC") in [{", ".join(dict.fromkeys(days))}]'


def _weekday(node: Node, errors: Errors) -> str:
    number = node.value if isinstance(node, Scalar) else None
    if type(number) is int and 1 <= number <= 7:
        return f'"{_DAYS[number - 1]}"'
    what = node.source if isinstance(node, Scalar) else kind(node)
    errors.add(node.place, f"{what} is no day here; write 1 for Monday up to 7 for Sunday")
    return '""'
