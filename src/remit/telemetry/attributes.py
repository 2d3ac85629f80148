"""From a record to attributes, by the table in `names`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from remit.audit.record import Record
from remit.model import NOBODY, Decision, Effect
from remit.telemetry import names

Value: TypeAlias = str | bool | int | float | Sequence[str]
Attributes: TypeAlias = dict[str, Value]


def of_facts(named: names.Named, facts: Mapping[str, Any], *, content: bool) -> Attributes:
    """*facts* as *named* calls them; without *content*, only names and numbers."""
    found: Attributes = {}
    for fact, given in facts.items():
        name = named.facts.get(fact)
        if name is None and content:
            name = named.content.get(fact, f"remit.{fact}")
        if name is not None and given is not None:
            found[name] = value(given)
    if isinstance(finish := found.get(names.FINISH), str):
        found[names.FINISH] = [finish]
    if type(label := found.get(names.SCORE_VALUE)) in {str, bool}:
        del found[names.SCORE_VALUE]
        found[names.SCORE_LABEL] = label if isinstance(label, str) else str(label).lower()
    return found


def of_run(record: Record) -> Attributes:
    """Which run it is, whose, and for which session."""
    run = record.request.run
    known = {
        names.OPERATION: names.INVOKE_AGENT,
        names.RUN: run.get("id", ""),
        names.RUN_NAME: run.get("name", ""),
        names.PARENT: run.get("parent", ""),
    }
    return _known({**known, **_of_whom(record)})


def of_call(record: Record, *, content: bool) -> Attributes:
    """Which call of what it is."""
    request = record.request
    known = {
        names.OPERATION: names.EXECUTE_TOOL,
        names.TOOL: request.action.name,
        names.TOOL_TYPE: "function",
        names.CALL: record.call,
        names.RUN: request.run.get("id", ""),
        **_of_whom(record),
    }
    if content:
        known[names.ARGUMENTS] = msgspec.json.encode(request.action.properties).decode()
        known[names.RESOURCE] = str(request.resource) if request.resource.type else ""
    return _known(known)


def of_decision(record: Record, *, content: bool) -> Attributes:
    """What was decided, by which rules of which policy, and whether somebody approved."""
    decision = record.decision
    if decision is None:
        return {}
    known: dict[str, Any] = {
        names.EFFECT: effect(decision),
        names.RULES: decision.rules,
        names.POLICY: decision.policy,
        names.RISK: decision.risk.value if decision.risk else "",
        names.MONITORED: decision.monitored,
        names.MISTAKES: len(decision.errors),
        names.REASON: decision.reason if content else "",
    }
    found = _known(known)
    if record.approvals:
        asked = [answer.request for answer in record.approvals if answer.request]
        found[names.APPROVED] = all(answer.approved for answer in record.approvals)
        found |= _known({names.APPROVAL: asked[-1] if asked else ""})
        if content:
            found[names.APPROVERS] = [str(answer.approver) for answer in record.approvals]
    return found


def effect(decision: Decision) -> str:
    """`allow`, `deny`, or `ask` for a denial that somebody may lift."""
    if decision.effect is Effect.ALLOW:
        return "allow"
    return "ask" if decision.approval is not None else "deny"


def value(given: Any) -> Value:
    """*given* as an attribute holds it; what is nested is JSON."""
    if isinstance(given, str | bool | int | float):
        return given
    if isinstance(given, tuple | list) and all(isinstance(each, str) for each in given):
        return list(given)
    return msgspec.json.encode(given).decode()


def _of_whom(record: Record) -> dict[str, str]:
    subject = record.request.subject
    return {
        names.AGENT: subject.id if subject.type == "agent" and subject != NOBODY else "",
        names.SUBJECT: str(subject),
        names.CONVERSATION: record.request.session.id,
    }


def _known(facts: Mapping[str, Any]) -> Attributes:
    return dict(_said(facts))


def _said(facts: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    for name, fact in facts.items():
        if fact:
            yield name, value(fact)
