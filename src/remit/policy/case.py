"""One case of a policy test: a request, and the decision it ought to get."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remit.model import Request
from remit.policy.asked import REQUEST, read_request
from remit.policy.fields import Errors, Fields
from remit.policy.keys import TEXT, TEXTS_OR_NONE, Key, Shape, one_of
from remit.policy.located import Node, Place


class Expected(StrEnum):
    """The effect a case expects; `ask` is a denial that somebody may lift."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what is expected of the decision; None is not looked at."""

    name: str
    place: Place
    request: Request
    effect: Expected
    rules: tuple[str, ...] | None = None
    reason: str | None = None
    advice: str | None = None


EXPECT = Shape(
    "an expectation",
    {
        "effect": Key(
            one_of(Expected), "ask: a denial that somebody may lift.", "write allow, deny or ask"
        ),
        "rules": Key(TEXTS_OR_NONE, "The rules that decide, in the order of the policy."),
        "reason": Key(TEXT, "Why, as the decision says it."),
        "advice": Key(TEXT, "How to try again, as the decision says it."),
    },
)
CASE = Shape(
    "a case",
    {
        "name": Key(TEXT, "What it shows.", "say what it shows"),
        "request": Key(REQUEST, "What is asked.", "say what is asked"),
        "expect": Key(EXPECT, "What comes out.", "write expect: {effect: allow}"),
    },
)


def read_case(node: Node, errors: Errors) -> Case:
    """The case in *node*; what is wrong with it is noted in *errors*."""
    fields = Fields.of(node, CASE, errors)
    expect = fields.shaped("expect", EXPECT)
    return Case(
        name=fields.text("name"),
        place=fields.place,
        request=read_request(fields),
        effect=expect.choice("effect", Expected, Expected.DENY),
        rules=tuple(rule for rule, _ in expect.texts("rules", empty=True))
        if "rules" in expect
        else None,
        reason=expect.text("reason") if "reason" in expect else None,
        advice=expect.text("advice") if "advice" in expect else None,
    )
