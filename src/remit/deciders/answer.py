"""What another engine answered, as a decision.

An answer is `true`, `false`, or a document:

    {"allow": false, "reason": "Refunds over $100 need a manager", "rules": ["large-refund"],
     "risk": "high", "advice": "", "obligations": [],
     "approval": {"approvers": ["role:manager"], "quorum": 1, "ttl": 900}}

Only `allow` decides, and only the booleans true and false are ones. An answer that
is undefined, or says nothing about `allow`, denies. Every other deviation, a key
that is not known included, is `Malformed`: whoever asked cannot decide.

A denial with `approval` is one that somebody may lift. The approvals of the request
are held against those terms here, as for our own policies: bound to this very
request, in time, by people who are named and did not ask themselves. Lifted, it allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from remit.canonical import NOTHING, freeze
from remit.model import ApprovalTerms, Decision, Effect, Obligation, Request, Risk
from remit.policy.approval import Answers

UNDEFINED = UNSET
"""There is no answer: no rule of the policy applies, or it is not there."""


Seconds = Annotated[float, Meta(gt=0, le=365 * 86_400)]


class Malformed(ValueError):
    """This is no answer, and so no decision."""


class _Terms(Struct, forbid_unknown_fields=True):
    approvers: tuple[Annotated[str, Meta(pattern=r"^(user|role|group):\S")], ...] = ()
    quorum: Annotated[int, Meta(ge=1)] = 1
    ttl: Seconds = 900.0
    within: Seconds = 86_400.0


class _Duty(Struct, forbid_unknown_fields=True):
    type: Annotated[str, Meta(min_length=1)]
    properties: dict[str, Any] = {}


class _Answer(Struct, forbid_unknown_fields=True):
    allow: bool | UnsetType = UNSET
    reason: str | tuple[str, ...] = ""
    rules: tuple[str, ...] = ()
    risk: Risk | None = None
    advice: str = ""
    obligations: tuple[_Duty, ...] = ()
    approval: _Terms | None = None

    @property
    def reasons(self) -> str:
        return self.reason if isinstance(self.reason, str) else "; ".join(self.reason)

    @property
    def terms(self) -> ApprovalTerms | None:
        if self.approval is None:
            return None
        given = self.approval
        return ApprovalTerms(given.approvers, given.quorum, given.ttl, given.within)

    @property
    def duties(self) -> tuple[Obligation, ...]:
        return tuple(
            Obligation(duty.type, freeze(duty.properties) or NOTHING) for duty in self.obligations
        )


def parse(text: bytes) -> Any:
    """The value that *text* is in JSON, if it is just one and nothing in it stands twice.

    Raises:
        Malformed: it is not.
    """
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"this is no JSON: {error}") from error


def read(value: Any, request: Request, *, source: str, policy: str = "") -> Decision:
    """The decision on *request* in the answer *value*.

    Args:
        value: what was answered, or `UNDEFINED`.
        request: what was asked.
        source: who answered, for the reason where the answer gives none.
        policy: names the policy that decided.

    Raises:
        Malformed: it is no answer.
    """
    answer = _answer(value)
    effect = Effect.ALLOW if answer.allow is True else Effect.DENY
    terms = answer.terms
    if effect is Effect.ALLOW and terms is not None:
        raise Malformed("the answer allows and asks for an approval at once")
    if effect is Effect.DENY and terms is None and answer.obligations:
        raise Malformed("the answer denies, and there is nothing its obligations could attach to")
    reason = answer.reasons or _reason(answer, source)
    if terms is not None and (people := Answers(request).lift(terms)):
        effect, terms, reason = Effect.ALLOW, None, f"{reason}; approved by {', '.join(people)}"
    return Decision(
        effect=effect,
        reason=reason,
        rules=answer.rules,
        risk=answer.risk,
        advice=answer.advice,
        approval=terms,
        obligations=answer.duties,
        policy=policy,
    )


def _answer(value: Any) -> _Answer:
    if value is UNDEFINED:
        return _Answer()
    if isinstance(value, bool):
        return _Answer(allow=value)
    if not isinstance(value, dict):
        raise Malformed(f"an answer is true, false or a document, not {_kind(value)}")
    try:
        return msgspec.convert(value, _Answer)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Malformed(f"this is no answer: {error}") from error


def _reason(answer: _Answer, source: str) -> str:
    if answer.allow is UNSET:
        return f"{source} says nothing about it"
    if answer.approval is not None:
        return f"{source} asks for an approval"
    return f"{source} {'allows' if answer.allow else 'denies'} it"


def _kind(value: object) -> str:
    names = {type(None): "null", str: "text", list: "a list", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)


def _once(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in members:
        if key in found:
            raise Malformed(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _no_number(text: str) -> NoReturn:
    raise Malformed(f"{text} is no number")
