"""From Kite Logik's nouns to a request, and from a request to the document its policies read.

There is one document, whatever it is about: a call of a tool has an `event_type` and counts
against budgets like everything else. Tokens stay out of it: they would end in the ledger
and at the policy server, so a request names them by their digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from remit import who_acts
from remit.canonical import NOTHING, Frozen
from remit.compat.kitelogik import paths
from remit.compat.kitelogik.models import GovernanceEvent, PolicyInput, SessionContext
from remit.deciders.document import paths as paths_of
from remit.model import NO_RESOURCE, NOBODY, Action, Request, Resource, Session, Subject

TOOL_CALL = "tool_call"

_MORE = {
    "data_classification", "delegation_target", "event_session", "requested_capabilities", "steps",
}  # fmt: skip
"""What an event says that a call of a tool does not."""

_FIELDS = SessionContext.__struct_fields__
_TOTALS = tuple(name for name in _FIELDS if name.startswith("budget_total_"))
_USED = tuple(name for name in _FIELDS if name.startswith("budget_used_"))


def call(
    action: str,
    args: Mapping[str, Any],
    context: SessionContext,
    *,
    tool_name: str = "",
    resource_path: str | None = None,
    at: int = 0,
) -> Request:
    """The request of a call of a tool."""
    return of_action(Action(action, args), context, tool_name, resource_path, at)


def of_action(
    action: Action,
    context: SessionContext,
    tool_name: str = "",
    resource_path: str | None = None,
    at: int = 0,
) -> Request:
    """The request of a call of a tool, which is this *action*."""
    return _request(action, context, _facts(TOOL_CALL, tool_name or action.name), resource_path, at)


def of_input(given: PolicyInput) -> Request:
    """The request of what an evaluator is asked."""
    return call(
        given.action,
        given.args,
        given.context,
        tool_name=given.tool_name,
        resource_path=given.resource_path,
    )


def of_event(event: GovernanceEvent) -> Request:
    """The request of an event. It is about the session of its context."""
    action, about = Action(event.action, event.args), event.context
    facts = _facts(event.event_type, event.tool_name or event.action)
    if more := _told(event):
        facts = Frozen({**facts, **more})
    return _request(action, about, facts, event.resource_path, at=0)


def _told(event: GovernanceEvent) -> dict[str, Any]:
    """What *event* says besides its type and what it is called by."""
    known: dict[str, Any] = {}
    if event.requested_capabilities:
        known["requested_capabilities"] = tuple(event.requested_capabilities)
    if event.delegation_target is not None:
        known["delegation_target"] = event.delegation_target
    if event.steps:
        known["steps"] = tuple(event.steps)
    if event.data_classification is not None:
        known["data_classification"] = event.data_classification
    if event.session_id != event.context.session_id:
        # An event may tell of another session than the one that is asked about.
        known["event_session"] = event.session_id
    return known


@lru_cache(256)
def _facts(event_type: str, tool_name: str) -> Frozen:
    return Frozen(event_type=event_type, tool_name=tool_name)


def _request(
    action: Action, context: SessionContext, facts: Frozen, resource_path: str | None, at: int
) -> Request:
    acting, who = who_acts(), _who(context)
    subject = who.subject if acting.subject == NOBODY else acting.subject
    run = NOTHING if acting.run is None else acting.run.facts()
    if who.used:
        # What was used so far is a fact of the run: an approval is for the call, whatever it
        # grew to.
        run = Frozen({**run, **who.used})
    if acting.context:
        facts = Frozen({**acting.context, **facts})
    resource = NO_RESOURCE
    if found := paths.find(action.properties, resource_path):
        facts = Frozen({**facts, "paths": found})
        resource = Resource("path", resource_path or found[0])
    return Request(subject, action, resource, who.session, facts, at, (), run)


class _Who(NamedTuple):
    """What a context says of a request."""

    subject: Subject
    session: Session
    used: dict[str, int]


@lru_cache(256)
def _who(context: SessionContext) -> _Who:
    used = _counts(context, _USED)
    return _Who(Subject("agent", context.user_role), session(context), used)


def _counts(context: SessionContext, names: tuple[str, ...]) -> dict[str, int]:
    counts = ((name, getattr(context, name)) for name in names)
    return {name: count for name, count in counts if count is not None}


def is_plain_call(request: Request) -> bool:
    """Whether *request* is a call of a tool, of which an event would say nothing more."""
    facts = request.context
    return facts.get("event_type", TOOL_CALL) == TOOL_CALL and _MORE.isdisjoint(facts)


def session(context: SessionContext) -> Session:
    """The session that *context* describes."""
    facts: dict[str, Any] = {"sandbox_verified": context.sandbox_verified}
    if context.parent_session_id:
        facts["parent_session_id"] = context.parent_session_id
    if context.token_id:
        facts["token"] = name_of(context.token_id)
    facts |= _counts(context, _TOTALS)
    return Session(
        id=context.session_id,
        role=context.user_role,
        scopes=tuple(context.session_scopes),
        tenant=context.tenant_id or "",
        depth=context.delegation_depth,
        facts=facts,
    )


def name_of(token: str) -> str:
    """How a token is named where the token itself must not be."""
    return hashlib.sha256(token.encode()).hexdigest()


def document(request: Request) -> dict[str, Any]:
    """The `input` of Kite Logik's policies."""
    session_, facts = request.session, request.session.facts
    context = {
        "session_id": session_.id,
        "user_role": session_.role,
        "session_scopes": session_.scopes,
        "sandbox_verified": facts.get("sandbox_verified", False),
        "token_id": "",
        "delegation_depth": session_.depth,
        "parent_token_id": "",
        "parent_session_id": facts.get("parent_session_id", ""),
        "tenant_id": session_.tenant or None,
        **{name: facts.get(name) for name in _TOTALS},
        **{name: request.run.get(name) for name in _USED},
    }
    given = request.context
    return {
        "event_type": given.get("event_type", TOOL_CALL),
        "session_id": given.get("event_session", session_.id),
        "action": request.action.name,
        "tool_name": given.get("tool_name", request.action.name),
        "args": request.action.properties,
        "resource_path": request.resource.id if request.resource.type == "path" else None,
        "context": context,
        "requested_capabilities": given.get("requested_capabilities", ()),
        "delegation_target": given.get("delegation_target"),
        "steps": given.get("steps", ()),
        "data_classification": given.get("data_classification"),
        "paths": given.get("paths", ()),
    }


PRESENT = paths_of(document(Request(NOBODY, Action(""))))
"""What is there in every document."""


def context_of(request: Request) -> SessionContext:
    """The context that *request* was made from, without its tokens."""
    return SessionContext(**_listed(document(request)["context"]))


def event_of(request: Request) -> GovernanceEvent:
    """The event that *request* was made from, without its tokens."""
    fields = {k: v for k, v in document(request).items() if k not in {"paths", "context"}}
    return GovernanceEvent(**_listed(fields), context=context_of(request))


def input_of(request: Request) -> PolicyInput:
    """The call that *request* was made from, without its tokens."""
    fields = document(request)
    names = ("action", "tool_name", "args", "resource_path")
    return PolicyInput(**{name: fields[name] for name in names}, context=context_of(request))


def _listed(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}


__all__ = [
    "PRESENT",
    "TOOL_CALL",
    "call",
    "context_of",
    "document",
    "event_of",
    "input_of",
    "is_plain_call",
    "name_of",
    "of_action",
    "of_event",
    "of_input",
    "session",
]
