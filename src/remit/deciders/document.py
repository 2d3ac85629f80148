"""A request as other engines read it: `input` in Rego.

    {"subject":  {"type": "agent", "id": "billing-bot", "properties": {}},
     "action":   {"name": "refund", "properties": {"amount": 80}},
     "resource": {"type": "order", "id": "o-1", "properties": {}},
     "session":  {"id": "s-1", "role": "support", "scopes": ["refund"], "user": "", "tenant": "",
                  "depth": 0, "facts": {}},
     "context":  {},
     "run":      {},
     "at":       1795262400000000000}

Subject, action, resource and context are those of OpenID AuthZEN. Times are Unix
time in nanoseconds, which is what Rego's `time` functions take. Approvals are not
in it: whether they lift a denial is not for each policy to work out (`answer`).
"""

from __future__ import annotations

from typing import Any

from remit.model import NOBODY, Action, Request


def document(request: Request) -> dict[str, Any]:
    """Everything about *request* but the answers it carries."""
    subject, action, resource, session = (
        request.subject,
        request.action,
        request.resource,
        request.session,
    )
    return {
        "subject": {"type": subject.type, "id": subject.id, "properties": subject.properties},
        "action": {"name": action.name, "properties": action.properties},
        "resource": {"type": resource.type, "id": resource.id, "properties": resource.properties},
        "session": {
            "id": session.id,
            "role": session.role,
            "scopes": session.scopes,
            "user": session.user,
            "tenant": session.tenant,
            "depth": session.depth,
            "facts": session.facts,
        },
        "context": request.context,
        "run": request.run,
        "at": request.at,
    }


def paths(of: dict[str, Any], name: str = "input") -> frozenset[str]:
    """Everything that is there in the document *of*, as a policy names it."""
    inner = (paths(value, f"{name}.{key}") for key, value in of.items() if isinstance(value, dict))
    return frozenset({name, *(f"{name}.{key}" for key in of)}).union(*inner)


PRESENT = paths(document(Request(NOBODY, Action(""))))
"""What is there in every request; what is not in it may be missing."""
