"""`limits:` -> how much may be used of what.

    limits:
      - id: spend
        action: "*"
        per: [subject.id, session.id]
        window: 1d
        max: {cost: 5.00, calls: 200, tokens: 200000}

Limits are read and checked here. Nothing counts yet, so what a limit is about is
denied: a limit that is written and not kept would be worse than none.
"""

from __future__ import annotations

from remit.policy.condition import expand, read_condition, typed
from remit.policy.fields import Errors, Fields, kind
from remit.policy.inline import NO_NAMES, Expanded, Scope
from remit.policy.keys import DURATION, TEXTS, Key, Schema, Shape, one_of
from remit.policy.located import Node, Scalar, Sequence
from remit.policy.read_rule import RULE, read_patterns
from remit.policy.rule import ALWAYS, ANY, DEFAULT_ID, Limit, LimitEffect

LONGEST_WINDOW = 366 * 86400

_COUNT: Schema = {"type": "integer", "minimum": 1}
_AMOUNT: Schema = {"type": "number", "exclusiveMinimum": 0}
AMOUNTS = Shape(
    "the most of a limit",
    {
        "calls": Key(_COUNT, "Calls that begin."),
        "tokens": Key(_COUNT, "Tokens that models read and write."),
        "cost": Key(_AMOUNT, "Money, in the currency that costs are told in."),
        "seconds": Key(_AMOUNT, "Time that calls take."),
    },
)
LIMIT = Shape(
    "a limit",
    {
        "id": Key(RULE.keys["id"].value, "Its name, unique among rules and limits.", "name it"),
        **{key: RULE.keys[key] for key in ("action", "subject", "resource", "when")},
        "per": Key(TEXTS, "What is counted apart: subject.id, session.id, args.customer."),
        "window": Key(DURATION, "How long what was used counts: 1h, 1d.", "write it like 1d"),
        "max": Key(AMOUNTS, "The most of each thing that is counted.", "write it like {calls: 9}"),
        "effect": Key(one_of(LimitEffect), "What happens beyond it. Left out: deny."),
        "reason": RULE.keys["reason"],
        "advice": RULE.keys["advice"],
    },
)


def read_limit(node: Node, errors: Errors, scope: Scope) -> Limit:
    """The limit in *node*; what is wrong with it is noted in *errors*."""
    fields = Fields.of(node, LIMIT, errors)
    limit_id = fields.name("id")
    if limit_id == DEFAULT_ID:
        fields.fail("id", "'default' names what holds when no rule applies; choose another id")
    return Limit(
        id=limit_id,
        place=fields.members["id"].place if "id" in fields else node.place,
        action=read_patterns(fields, "action"),
        window=fields.duration("window", LONGEST_WINDOW),
        max=_amounts(fields),
        per=_per(fields),
        subject=read_patterns(fields, "subject", "agent:billing-*") or ANY,
        resource=read_patterns(fields, "resource", "file:/tmp/*") or ANY,
        when=read_condition(fields, ALWAYS, scope),
        effect=fields.choice("effect", LimitEffect, LimitEffect.DENY),
        reason=fields.text("reason"),
        advice=fields.text("advice"),
    )


def _amounts(fields: Fields) -> tuple[tuple[str, float], ...]:
    if "max" not in fields:
        return ()
    amounts = fields.shaped("max", AMOUNTS)
    if amounts.there and not amounts.members:
        fields.fail("max", "nothing is counted; write 'calls', 'tokens', 'cost' or 'seconds'")
    found: list[tuple[str, float]] = []
    for name in amounts.members:
        if name not in AMOUNTS.keys:
            continue
        whole = AMOUNTS.keys[name].value is _COUNT
        amount = amounts.whole(name, 1) if whole else _number(amounts, name)
        if amount <= 0:
            amounts.fail(name, f"{name!r} is more than 0; to allow none, write a rule that denies")
        found.append((name, amount))
    return tuple(found)


def _number(fields: Fields, key: str) -> float:
    node = fields.members[key]
    if isinstance(node, Scalar) and type(node.value) in {int, float}:
        return float(str(node.value))
    fields.fail(key, f"{key!r} is a number, not {kind(node)}")
    return 1


def _per(fields: Fields) -> tuple[str, ...]:
    """What is counted apart; each is one thing of the request."""
    node = fields.members.get("per")
    nodes = node.items if isinstance(node, Sequence) else (node,)
    found = tuple(text for text, _ in fields.texts("per"))
    for text, each in zip(found, nodes, strict=False):
        if not text or not isinstance(each, Scalar):
            continue
        expanded = expand(each, NO_NAMES, fields.errors, "in 'per'")
        if expanded and typed(expanded, fields.errors, "in 'per'") and not _is_chain(expanded):
            fields.errors.add(each.place, f"{text!r} is not one thing; write it like subject.id")
        if found.count(text) > 1:
            fields.errors.add(each.place, f"{text!r} stands twice; keep one")
    return found


def _is_chain(expanded: Expanded) -> bool:
    from remit.expr import tree

    node = expanded.tree
    while type(node) is tree.Select and not node.optional:
        node = node.operand
    return type(node) is tree.Name
