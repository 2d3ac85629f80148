"""`limits:` -> how much may be used of what.

    limits:
      - id: spend
        action: "*"
        per: [subject.id, session.id]
        window: 1d
        max: {cost: 5.00, calls: 200, tokens: 200000}
        reserve: {tokens: args.max_tokens}

A limit says what a call takes before it starts; a meter counts (`claim`).
"""

from __future__ import annotations

from decimal import Decimal

from remit.amounts import LARGEST, millionths
from remit.expr.errors import EvalError, suggest
from remit.expr.functions.moments import zone
from remit.expr.types import DYN, NUMBERS
from remit.model import Period
from remit.policy import used
from remit.policy.condition import expand, read_condition, typed
from remit.policy.fields import Errors, Fields, kind
from remit.policy.inline import Scope
from remit.policy.keys import DURATION, TEXT, TEXTS, Key, Schema, Shape, one_of
from remit.policy.located import Node, Scalar, Sequence
from remit.policy.read_rule import RULE, TERMS, read_patterns, read_terms
from remit.policy.rule import (
    ALWAYS,
    ANY,
    DEFAULT_ID,
    Expression,
    Limit,
    LimitEffect,
    Mode,
    RuleEffect,
)

LONGEST_WINDOW = 366 * 86400
CALENDAR = ("day", "week", "month")

_COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST}
_AMOUNT: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST}
_EXPECTED: Schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": LARGEST}, TEXT]}
AMOUNTS = Shape(
    "the most of a limit",
    {
        "calls": Key(_COUNT, "Calls that begin."),
        "concurrent": Key(_COUNT, "Calls that are under way at the same time."),
        "tokens": Key(_COUNT, "Tokens that models read and write."),
        "cost": Key(_AMOUNT, "Money, in the currency that costs are told in."),
        "seconds": Key(_AMOUNT, "Time that calls take."),
    },
    others=_AMOUNT,
)
RESERVE = Shape(
    "what a limit sets aside",
    {
        "tokens": Key(_EXPECTED, "Tokens a call is expected to use: a number, or an expression."),
        "cost": Key(_EXPECTED, "What a call is expected to cost."),
        "seconds": Key(_EXPECTED, "How long a call is expected to take."),
    },
    others=_EXPECTED,
)
LIMIT = Shape(
    "a limit",
    {
        "id": Key(RULE.keys["id"].value, "Its name, unique among rules and limits.", "name it"),
        **{key: RULE.keys[key] for key in ("action", "subject", "resource", "when")},
        "per": Key(TEXTS, "What is counted apart: subject.id, session.id, args.customer."),
        "window": Key(
            {"anyOf": [DURATION, {"enum": list(CALENDAR)}]},
            "How long what was used counts: 1h, 1d; or until the day, week or month is over.",
        ),
        "zone": Key(TEXT, "On whose clocks the day ends: Europe/Berlin, +02:00. Left out: UTC."),
        "max": Key(AMOUNTS, "The most of each thing that is counted.", "write it like {calls: 9}"),
        "reserve": Key(RESERVE, "How much a call is expected to use, until it is known."),
        "effect": Key(one_of(LimitEffect), "What happens beyond it. Left out: deny."),
        **{key: RULE.keys[key] for key in (*TERMS, "mode")},
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
    effect = fields.choice("effect", LimitEffect, LimitEffect.DENY)
    most = _most(fields)
    return Limit(
        id=limit_id,
        place=fields.members["id"].place if "id" in fields else node.place,
        action=read_patterns(fields, "action"),
        period=_period(fields, most),
        max=most,
        per=_per(fields, scope),
        reserve=_reserve(fields, scope),
        subject=read_patterns(fields, "subject", "agent:billing-*") or ANY,
        resource=read_patterns(fields, "resource", "file:/tmp/*") or ANY,
        when=read_condition(fields, ALWAYS, scope),
        effect=effect,
        terms=read_terms(fields, RuleEffect(effect)),
        mode=fields.choice("mode", Mode, Mode.ENFORCE),
        reason=fields.text("reason"),
        advice=fields.text("advice"),
    )


def _period(fields: Fields, most: tuple[tuple[str, int], ...]) -> Period:
    counted = [unit for unit, _ in most if unit != "concurrent"]
    if counted or not most:
        fields.require("window", "write it like 1d")
    else:
        fields.refuse("window", "calls at the same time are not counted over time; remove it")
    named = fields.text("zone")
    turns = fields.text("window") in CALENDAR
    if named and not turns:
        fields.refuse("zone", f"only a {', '.join(CALENDAR)} ends on the clocks of a zone")
    if not turns:
        return Period(fields.duration("window", LONGEST_WINDOW))
    try:
        zone(named or "UTC")
    except EvalError as error:
        fields.fail("zone", f"{error}; write it like Europe/Berlin or +02:00")
    return Period(calendar=fields.text("window"), zone=named or "UTC")


def _most(fields: Fields) -> tuple[tuple[str, int], ...]:
    if "max" not in fields:
        return ()
    amounts = fields.shaped("max", AMOUNTS)
    if amounts.there and not amounts.members:
        fields.fail("max", f"nothing is counted; write {', '.join(map(repr, AMOUNTS.keys))}")
    own = fields.open("reserve", RESERVE.what).members
    for name in amounts.members:
        if name not in AMOUNTS.keys and name not in own:
            hint = suggest(name, AMOUNTS.keys)
            unit = "; a unit of your own is counted by a line in 'reserve'"
            amounts.errors.add(
                amounts.keys[name], f"unknown key {name!r} in {AMOUNTS.what}{hint or unit}"
            )
    return tuple((name, _amount(amounts, name)) for name in amounts.members)


def _amount(amounts: Fields, name: str) -> int:
    known = AMOUNTS.keys.get(name)
    whole = known is not None and known.value is _COUNT
    amount = amounts.whole(name, 1) if whole else _number(amounts, name)
    if amount <= 0:
        amounts.fail(name, f"{name!r} is more than 0; to allow none, write a rule that denies")
        return 1
    return _counted(amounts, name, amount)


def _counted(fields: Fields, name: str, amount: float) -> int:
    """*amount* in millionths, if it is one."""
    try:
        found = millionths(amount)
    except ValueError as error:
        fields.fail(name, f"{name!r}: {error}")
        return 1
    if Decimal(found) / 10**6 != Decimal(repr(amount)):
        fields.fail(name, f"{name!r} is counted in millionths; write it with up to six decimals")
    return found


def _number(fields: Fields, key: str) -> float:
    node = fields.members[key]
    if isinstance(node, Scalar) and type(node.value) in {int, float}:
        return node.value  # type: ignore[return-value] # it was looked at
    fields.fail(key, f"{key!r} is a number, not {kind(node)}")
    return 1


def _reserve(fields: Fields, scope: Scope) -> tuple[tuple[str, int | Expression], ...]:
    if "reserve" not in fields:
        return ()
    most = fields.open("max", AMOUNTS.what).members
    expected = fields.shaped("reserve", RESERVE)
    found: list[tuple[str, int | Expression]] = []
    for name, node in expected.members.items():
        if name in {"calls", "concurrent"}:
            expected.refuse(name, "a call is one call, and one at a time; remove it")
        elif name not in most:
            expected.refuse(name, f"the limit does not count {name!r}; add it to 'max'")
        elif isinstance(node, Scalar) and isinstance(node.value, str):
            expression = _expression(node, fields.errors, scope, "in 'reserve'")
            if expression is not None and expression.program.type not in {*NUMBERS, DYN}:
                why = f"{expression.text!r} is no number, but {expression.program.type}"
                fields.errors.add(node.place, why)
            elif expression is not None:
                found.append((name, expression))
        else:
            found.append((name, _counted(expected, name, _number(expected, name))))
    return tuple(found)


def _per(fields: Fields, scope: Scope) -> tuple[Expression, ...]:
    """What is counted apart."""
    node = fields.members.get("per")
    nodes = node.items if isinstance(node, Sequence) else (node,)
    texts = [text for text, _ in fields.texts("per")]
    found: list[Expression] = []
    for text, each in zip(texts, nodes, strict=False):
        if not text or not isinstance(each, Scalar):
            continue
        expression = _expression(each, fields.errors, scope, "in 'per'")
        if expression is not None:
            found.append(expression)
        if texts.count(text) > 1:
            fields.errors.add(each.place, f"{text!r} stands twice; keep one")
    return tuple(found)


def _expression(node: Scalar, errors: Errors, scope: Scope, where: str) -> Expression | None:
    from remit.expr.compile import compile  # noqa: A004 - it compiles

    expanded = expand(node, scope, errors, where)
    checked = expanded and typed(expanded, errors, where)
    if not checked:
        return None
    if used.asked(checked.tree):
        errors.add(node.place, f"{where}: used() is for conditions; write it under 'when'")
        return None
    return Expression(str(node.value).strip(), compile(checked))
