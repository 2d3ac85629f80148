"""`remit explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from remit.cli import given, screen
from remit.cli.exits import Exit
from remit.cli.given import POLICY, Environment, Json, Policies

if TYPE_CHECKING:
    from remit.model import ApprovalTerms, Request
    from remit.policy.anatomy import Part
    from remit.policy.explain import Explained, Explanation

Object = Annotated[str, Parameter(metavar="JSON", show_default=False, allow_leading_hyphen=True)]
Named = Annotated[str, Parameter(metavar="TYPE:ID", show_default=False)]


def explain(
    action: str,
    /,
    *,
    args: Object = "{}",
    subject: Named = "",
    resource: Named = "",
    session: Object = "{}",
    context: Object = "{}",
    at: Annotated[str, Parameter(metavar="TIME", show_default=False)] = "",
    policy: Policies = (POLICY,),
    environment: Environment = "",
    as_json: Json = False,
) -> Exit:
    """Say what would be decided on one action, and why: rule by rule.

        remit explain refund --args '{"amount": 80}' --subject agent:support
        remit explain refund --args @refund.json --session '{"role": "clerk"}'
        echo '{"amount": 80}' | remit explain refund --args -

    Nothing is run, asked or recorded. The exit code is 1 if the action may not
    happen as things are, also where somebody could lift the denial.

    Args:
        action: what is to be done.
        args: its arguments: a JSON object, @FILE, or - for standard input.
        subject: who asks; an id without a type is that of an agent, and what has properties is
            a JSON object: {"type": "user", "id": "ada", "properties": {}}.
        resource: what it is to be done to, likewise.
        session: for whom and with which powers: id, role, scopes, user, tenant, depth; anything
            else is a fact.
        context: further facts.
        at: the moment it is about, if not now: 2026-05-01T09:30:00Z.
        policy: files, and folders of them; may be given several times.
        environment: whose changes hold, of those that a policy lists under environments.
        as_json: print a JSON document.
    """
    from remit.cli.requests import request
    from remit.sources import load

    loaded = load(*policy, environment=environment)
    data: dict[str, Any] = {
        "action": action,
        "args": given.mapping(args, "--args"),
        "session": given.mapping(session, "--session"),
        "context": given.mapping(context, "--context"),
    }
    named = {"subject": _named(subject, "--subject"), "resource": _named(resource, "--resource")}
    data |= {key: value for key, value in {**named, "at": at}.items() if value}
    asked = request(data, f"explain {action}")
    explanation = loaded.explain(asked)
    if as_json:
        screen.emit({"request": asked, **_document(explanation)})
    else:
        _show(asked, explanation)
    return Exit.OK if explanation.decision.allowed else Exit.FAILED


def _named(text: str, option: str) -> str | dict[str, Any]:
    return given.mapping(text, option) if text.startswith("{") else text


def _document(explanation: Explanation) -> dict[str, Any]:
    from remit.plan import word

    return {
        "answer": word(explanation.decision),
        "decision": explanation.decision,
        "rules": [_rule(rule) for rule in explanation.rules],
    }


def _rule(rule: Explained) -> dict[str, Any]:
    return {
        "rule": rule.label,
        "effect": rule.effect,
        "match": rule.match,
        "why": rule.why,
        "when": rule.condition,
        "value": rule.value,
        "decided": _part(rule.decided) if rule.decided else None,
        "saw": dict(rule.saw),
        "monitored": rule.monitored,
        "file": rule.place.file,
        "line": rule.place.line,
        "column": rule.place.column,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "part": part.text,
        "file": part.place.file,
        "line": part.place.line,
        "column": part.place.column,
        "value": part.value,
        "error": part.error,
        "where": dict(part.where),
    }


def _show(asked: Request, explanation: Explanation) -> None:
    from remit.plan import word

    on = f" on {asked.resource}" if asked.resource.type else ""
    screen.say(f"may {asked.subject} do {asked.action.name}{on}?")
    screen.say()
    for rule in explanation.candidates:
        _show_rule(rule)
    others = len(explanation.rules) - len(explanation.candidates)
    if others:
        screen.say((f"rules about other actions: {others}", "dim"))
    decision = explanation.decision
    screen.say()
    screen.say(screen.styled(word(decision)), f": {decision.reason}")
    facts = {
        "lifted by": _whom(decision.approval) if decision.approval else "",
        "risk": decision.risk or "",
        "advice": decision.advice,
        "duties": ", ".join(duty.type for duty in decision.obligations),
        "monitored": ", ".join(decision.monitored),
    }
    screen.facts(facts)
    for claim in decision.claims:
        screen.say(str(claim), indent=2)
    for error in decision.errors:
        screen.say(("error", "red"), f": {error}", indent=2)


def _whom(terms: ApprovalTerms) -> str:
    people = ", ".join(terms.approvers) or "anyone but the requester"
    return people if terms.quorum == 1 else f"{terms.quorum} of {people}"


def _show_rule(rule: Explained) -> None:
    why = f": {_whys.get(rule.why, rule.why)}" if rule.why else ""
    monitored = "  (only monitored)" if rule.monitored else ""
    match = screen.styled(rule.match)
    screen.say((rule.label, "bold"), "  ", screen.styled(rule.effect), "  ", match, why, monitored)
    screen.say((str(rule.place), "dim"), indent=4)
    if rule.condition:
        screen.say(f"when {' '.join(rule.condition.split())}", indent=4)
    if rule.because:
        screen.say(rule.because, indent=6)
    for name, value in rule.saw:
        screen.say(f"{name} = {value}", indent=4)


_whys = {
    "subject": "it is about other subjects",
    "resource": "it is about other resources",
    "when": "its condition does not hold",
}
