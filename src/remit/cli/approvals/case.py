"""How a question and its answers are shown."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from remit.approvers.status import Status, status
from remit.audit.case import Case
from remit.cli import screen
from remit.cli.moment import shown
from remit.model import Approval
from remit.visible import literal

STYLES = {
    Status.WAITING: "yellow", Status.APPROVED: "green", Status.REFUSED: "red",
    Status.EDITED: "red", Status.RESPONDED: "red", Status.USED: "dim", Status.WITHDRAWN: "dim",
    Status.EXPIRED: "dim",
}  # fmt: skip


def styled(case: Case, now: int) -> screen.Part:
    """Where *case* stands, in a colour."""
    found = status(case, now)
    return (found.value, STYLES[found])


def document(case: Case, now: int) -> dict[str, Any]:
    """*case* as JSON."""
    question = case.question
    return {
        "id": case.id,
        "status": status(case, now).value,
        "asked": shown(question.at // 1000),
        "until": shown(question.until // 1000),
        "request": question.request,
        "decision": question.decision,
        "digest": question.digest,
        "answers": case.answers,
        "used_by": case.used_by or None,
        "withdrawn": case.withdrawn or None,
    }


def tell(case: Case, now: int) -> None:
    """Say where *case* stands, in a line."""
    screen.say(f"approval {case.id} is ", styled(case, now))


def show(case: Case, now: int) -> None:
    """All that a person has to know to answer, a fact a line."""
    screen.say((f"approval {case.id}", "bold"), "  ", styled(case, now))
    screen.facts(facts(case))


def facts(case: Case) -> dict[str, str]:
    """All that a person has to know to answer; what there is nothing to say about is empty."""
    question = case.question
    request, decision, terms = question.request, question.decision, question.terms
    session = request.session
    return {
        "who": str(request.subject) + (f" for {session.user}" if session.user else ""),
        "wants to": request.action.name,
        "on": str(request.resource) if request.resource.type else "",
        **{f"resource {n}": literal(v) for n, v in request.resource.properties.items()},
        **{f"with {n}": literal(v) for n, v in request.action.properties.items()},
        "session": session.id,
        **{f"context {n}": literal(v) for n, v in request.context.items()},
        "because": decision.reason,
        "rules": ", ".join(decision.rules),
        "risk": decision.risk or "",
        "may answer": ", ".join(terms.approvers) or "anyone but the requester",
        **{f"after {step.after:g} s": ", ".join(step.approvers) for step in terms.escalations},
        "people": str(terms.quorum) if terms.quorum > 1 else "",
        "asked": shown(question.at // 1000),
        "until": shown(question.until // 1000),
        **{f"answer {n}": answer(each) for n, each in enumerate(case.answers, 1)},
        "used by": case.used_by,
        "withdrawn": case.withdrawn,
        "digest": question.digest,
    }


def answer(approval: Approval) -> str:
    """An answer in a line."""
    verb = "approved" if approval.approved else "refused"
    verb = verb if approval.response is UNSET else f"answers {literal(approval.response)}"
    verb = verb if approval.instead is UNSET else f"would approve {literal(approval.instead)}"
    behalf = f" for {approval.behalf}" if approval.behalf else ""
    together = f", with batch {approval.batch}" if approval.batch else ""
    said = f": {approval.reason}" if approval.reason else ""
    return f"{approval.approver}{behalf} {verb} at {shown(approval.at // 1000)}{together}{said}"
