"""Tests of a policy: requests, and the decisions they ought to get.

    remit-test: 1
    policy: [support.yaml]              # optional: what to test, relative to this file
    cases:
      - name: a large refund needs a manager
        request:
          subject: agent:support-7
          action: approve_refund
          args: {amount: 500}
        expect: {effect: ask, rules: [refund]}

A case says no more than it cares about: what `expect` leaves out may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from remit.canonical import freeze
from remit.errors import NotData
from remit.model import (
    NO_RESOURCE,
    NOBODY,
    Action,
    Decision,
    Request,
    Resource,
    Session,
    Subject,
)
from remit.policy.fields import Errors, Fields, settle
from remit.policy.located import Mapping as Members
from remit.policy.located import Node, Place, plain, read
from remit.policy.policy import Policy

VERSION = 1


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


@dataclass(frozen=True, slots=True)
class Suite:
    """One file of cases."""

    file: str
    policies: tuple[str, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case."""

    case: Case
    decision: Decision
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the decision is the one expected."""
        return not self.differences

    def __str__(self) -> str:
        if self.passed:
            return f"{self.case.name}: as expected"
        lines = [f"{self.case.place}: {self.case.name}", *self.differences]
        return "\n    ".join(lines)


def load(source: str | bytes, file: str) -> Suite:
    """The cases in *source*.

    Raises:
        PolicyError: the first mistake; the error's notes tell the others.
    """
    errors = Errors()
    fields = Fields(
        read(source, file, "a test"), "a test", ("remit-test", "policy", "cases"), errors
    )
    fields.require("remit-test", f"begin it with 'remit-test: {VERSION}'")
    if "remit-test" in fields and fields.whole("remit-test", VERSION) != VERSION:
        fields.fail("remit-test", f"this version of Remit reads 'remit-test: {VERSION}' only")
    fields.require("cases", "list at least one")
    policies = tuple(name for name, _ in fields.texts("policy"))
    cases = [_case(node, errors) for node in fields.nodes("cases")]
    settle(errors)
    return Suite(file, policies, tuple(cases))


def run(policy: Policy, case: Case) -> Outcome:
    """Put the request of *case* to *policy*."""
    decision = policy.decide(case.request)
    got: dict[str, Any] = {
        "effect": Expected.ASK if decision.approval else Expected(decision.effect.value),
        "rules": decision.rules,
        "reason": decision.reason,
        "advice": decision.advice,
    }
    wanted = {name: getattr(case, name) for name in got}
    differences = [
        f"{name}: expected {_show(wanted[name])}, got {_show(got[name])}"
        for name in got
        if wanted[name] is not None and wanted[name] != got[name]
    ]
    if differences:
        differences.append(f"because: {decision.reason}")
        differences += [f"error: {error}" for error in decision.errors]
    return Outcome(case, decision, tuple(differences))


def untested(policy: Policy, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The rules of *policy* that decided none of the cases."""
    decided = {rule for outcome in outcomes for rule in outcome.decision.rules}
    return tuple(label for label in policy.rules if label not in decided)


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value) if isinstance(value, StrEnum) else repr(value)


def _case(node: Node, errors: Errors) -> Case:
    fields = Fields(node, "a case", ("name", "request", "expect"), errors)
    fields.require("name", "say what it shows")
    fields.require("request", "say what is asked")
    fields.require("expect", "write expect: {effect: allow}")
    expect = fields.inside("expect", "'expect'", ("effect", "rules", "reason", "advice"))
    expect.require("effect", "write allow, deny or ask")
    return Case(
        name=fields.text("name"),
        place=fields.place,
        request=_request(fields),
        effect=expect.choice("effect", Expected, Expected.DENY),
        rules=tuple(rule for rule, _ in expect.texts("rules", empty=True))
        if "rules" in expect
        else None,
        reason=expect.text("reason") if "reason" in expect else None,
        advice=expect.text("advice") if "advice" in expect else None,
    )


def _request(case: Fields) -> Request:
    known = ("subject", "action", "args", "resource", "session", "context", "at")
    fields = case.inside("request", "a request", known)
    fields.require("action", "name what is to be done")
    return Request(
        subject=_party(fields, "subject", Subject) or NOBODY,
        action=Action(fields.text("action"), _mapping(fields, "args")),
        resource=_party(fields, "resource", Resource) or NO_RESOURCE,
        session=_session(fields),
        context=_mapping(fields, "context"),
        at=_moment(fields),
    )


def _party(fields: Fields, key: str, noun: type[Subject | Resource]) -> Any:
    """A subject or resource as `type:id`, or as a mapping where it has properties."""
    if key not in fields:
        return None
    if not isinstance(fields.members[key], Members):
        return noun.parse(fields.text(key))
    inner = fields.inside(key, f"a {key}", ("type", "id", "properties"))
    inner.require("type", f"say what kind of {key} it is")
    inner.require("id", "say which one")
    return noun(inner.text("type"), inner.text("id"), _mapping(inner, "properties"))


def _session(fields: Fields) -> Session:
    if "session" not in fields:
        return Session()
    members = _mapping(fields, "session")
    inner = fields.inside("session", "a session", tuple(members))
    others = {k: v for k, v in members.items() if k not in Session.__struct_fields__}
    return Session(
        id=inner.text("id"),
        role=inner.text("role"),
        scopes=tuple(scope for scope, _ in inner.texts("scopes", empty=True)),
        user=inner.text("user"),
        tenant=inner.text("tenant"),
        depth=inner.whole("depth", 0),
        facts={**_mapping(inner, "facts"), **others},
    )


def _mapping(fields: Fields, key: str) -> Mapping[str, Any]:
    if key not in fields:
        return {}
    node = fields.members[key]
    if not isinstance(node, Members):
        fields.fail(key, f"{key!r} is a mapping; write it like {key}: {{amount: 5}}")
        return {}
    try:
        frozen: Mapping[str, Any] = freeze(plain(node), path=key)
    except NotData as error:
        fields.fail(key, f"a request cannot hold this: {error}")
        return {}
    return frozen


def _moment(fields: Fields) -> int:
    text = fields.text("at")
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fields.fail("at", f"{text!r} is no moment; write it like 2026-05-01T09:30:00Z")
        return 0
    seconds, fraction = divmod(moment.timestamp(), 1)
    return int(seconds) * 10**9 + round(fraction * 10**6) * 1000
