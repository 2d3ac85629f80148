"""Policies of Kite Logik: `version: 1`, and rules with `when` and `then`.

    then     allow -> allow      hitl -> ask      deny, or nothing -> deny
    when     action -> action    role -> session.role    scope -> session.scopes    args -> args

The strictest rule that applies decides, and what no rule allows is denied. Read strictly: what Kite
Logik passed over in silence is a mistake here, and what is compared is of one type.
docs/coming-from/kitelogik-policies.md lists the differences.
"""

from __future__ import annotations

from collections.abc import Iterator

from remit.model import ApprovalTerms, Risk
from remit.policy.fields import Errors, Fields
from remit.policy.formats import condition as cel
from remit.policy.formats.condition import Test
from remit.policy.formats.names import Ids, check_version, identifier, level, pattern
from remit.policy.located import Mapping, Node, Sequence
from remit.policy.rule import ANY, Condition, Document, Patterns, Rule, RuleEffect

NAME = "Kite Logik"

_EFFECTS = {"allow": RuleEffect.ALLOW, "deny": RuleEffect.DENY, "hitl": RuleEffect.ASK}
_RISKS = {
    "INFORMATIONAL": Risk.LOW,
    "OPERATIONAL": Risk.LOW,
    "TRANSACTIONAL_LOW": Risk.MEDIUM,
    "TRANSACTIONAL_HIGH": Risk.HIGH,
    "DESTRUCTIVE": Risk.CRITICAL,
    "SECURITY_CRITICAL": Risk.CRITICAL,
}
_TESTS: dict[str, Test] = {
    "gt": cel.ordered(">"),
    "gte": cel.ordered(">="),
    "lt": cel.ordered("<"),
    "lte": cel.ordered("<="),
    "eq": cel.equal,
    "in": cel.one_of,
    "not_in": cel.negated(cel.one_of),
    "contains": cel.part,
    "not_contains": cel.negated(cel.part),
}


def document(root: Node, name: str, file: str, digest: str, errors: Errors) -> Document:
    """The document in *root*; what is wrong with it is noted in *errors*."""
    fields = Fields(root, "a Kite Logik policy", ("version", "rules", "package"), errors)
    check_version(fields, NAME)
    fields.refuse("package", "Kite Logik has no use for a package; remove it")
    fields.require("rules", "list at least one")
    nodes = fields.nodes("rules")
    if not nodes and isinstance(fields.members.get("rules"), Sequence):
        fields.fail("rules", "there is no rule in it; list at least one")
    ids = Ids()
    rules = tuple(_rule(node, ids, errors) for node in nodes)
    return Document(identifier(name), file, digest, rules)


def _rule(node: Node, ids: Ids, errors: Errors) -> Rule:
    known = ("name", "when", "then", "reason", "risk_tier")
    fields = Fields(node, "a Kite Logik rule", known, errors)
    fields.require("name", "give it a name of its own")
    fields.require("when", "say what it is about: when: {action: refund}")
    place = fields.members["name"].place if "name" in fields else node.place
    when = fields.inside("when", "'when'", ("action", "role", "scope", "args"))
    if when.there and "when" in fields and not when.members:
        fields.fail("when", "'when' is empty, which was everything; write action: refund")
    effect = level(fields, "then", fields.text("then"), _EFFECTS, RuleEffect.DENY)
    name = fields.text("name")
    return Rule(
        id=ids.give(name, place, errors) if name else "",
        effect=effect,
        place=place,
        action=_actions(when),
        when=_condition(when),
        risk=_risk(fields),
        reason=fields.text("reason"),
        terms=ApprovalTerms() if effect is RuleEffect.ASK else None,
    )


def _risk(fields: Fields) -> Risk | None:
    if "risk_tier" not in fields:
        return None
    return level(fields, "risk_tier", fields.text("risk_tier"), _RISKS, Risk.LOW)


def _actions(when: Fields) -> Patterns:
    """The names of actions; any, if there are none."""
    found: list[str] = []
    for name, place in when.texts("action"):
        if "*" in name or "?" in name:
            when.errors.add(
                place,
                f"Kite Logik has no patterns, so {name!r} fitted no action; write names, or leave "
                "'action' out if the rule is about all",
            )
        found.append(pattern(name, place, when.errors) if name else name)
    return tuple(dict.fromkeys(found)) or ANY


def _condition(when: Fields) -> Condition | None:
    parts = [_role(when), *_scopes(when), *_args(when)]
    return cel.condition(parts, when.place, when.errors)


def _role(when: Fields) -> str:
    """Any of the roles."""
    roles = [cel.quoted(role) for role, _ in when.texts("role")]
    if len(roles) == 1:
        return f"session.role == {roles[0]}"
    return f"session.role in [{', '.join(roles)}]" if roles else ""


def _scopes(when: Fields) -> Iterator[str]:
    """All of the scopes."""
    for scope, _ in when.texts("scope"):
        yield f"{cel.quoted(scope)} in session.scopes"


def _args(when: Fields) -> Iterator[str]:
    if "args" not in when:
        return
    node = when.members["args"]
    if not isinstance(node, Mapping) or not node.members:
        when.fail("args", "'args' says what arguments must be; write amount: {lte: 100}")
        return
    for name, tests in node.members.items():
        argument = cel.argument(name, node.keys[name], when.errors)
        fields = Fields(tests, f"the test of {name!r}", _TESTS, when.errors)
        if fields.there and not fields.members:
            when.errors.add(tests.place, f"nothing is asked of {name!r}; write {{lte: 100}}")
        for key, value in fields.members.items():
            if key in _TESTS:
                yield _TESTS[key](argument, value, when.errors)
