"""What a person has to know to answer a question, with nothing in it hidden.

What cannot be seen cannot be approved: control characters, line breaks and
characters that reorder or hide text are written as escapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from remit.model import ApprovalRequest
from remit.visible import literal, visible

Show: TypeAlias = Callable[[ApprovalRequest], Mapping[str, str]]
"""Which facts about a question people are shown, by name, in order."""


def facts(question: ApprovalRequest) -> dict[str, str]:
    """Who wants to do what, with which arguments, and why that takes somebody."""
    request = question.request
    given = {f"with {name}": literal(value) for name, value in request.action.properties.items()}
    session = {"session": request.session.id}
    return {**about(question), **given, **session}


def about(question: ApprovalRequest) -> dict[str, str]:
    """The facts but the arguments; what there is nothing to say about is empty."""
    request, decision, terms = question.request, question.decision, question.terms
    return {
        "who": str(request.subject) + (f" for {request.session.user}" * bool(request.session.user)),
        "wants to": request.action.name,
        "on": str(request.resource) if request.resource.type else "",
        "risk": decision.risk.value if decision.risk else "",
        "rule": ", ".join(decision.rules),
        "because": decision.reason,
        "ask": ", ".join(terms.approvers) + (f" ({terms.quorum} of them)" * (terms.quorum > 1)),
    }


def shown(question: ApprovalRequest, show: Show = facts) -> dict[str, str]:
    """The facts that *show* wants shown, each in one line."""
    return {visible(name): visible(fact) for name, fact in show(question).items() if fact}
