"""From an action to a request of ours, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from remit import Acting, model
from remit.canonical import Frozen
from remit.compat.aegis.core.action import Action
from remit.model import NO_SESSION, NOBODY, Properties, Request, Resource, Session, Subject

FACTS = ("description", "parent_agent_id", "chain_id", "chain_depth")
"""What an action says that is no part of a request of ours: facts of its context."""


def request_of(
    action: Action, params: Properties, acting: Acting, at: int, session: Session = NO_SESSION
) -> Request:
    """The question whether *action* may be done with *params*.

    Args:
        action: what is asked about.
        params: its parameters, frozen.
        acting: who acts here; an agent that the action names acts in its place.
        at: the moment it is about.
        session: the session of a runtime; what is bound here says for whom it acts.
    """
    subject = Subject("agent", action.agent_id) if action.agent_id else acting.subject
    facts = {name: getattr(action, name) for name in FACTS if getattr(action, name)}
    here = acting._replace(
        subject=subject,
        session=_within(session, acting.session),
        context=Frozen({**acting.context, **facts}),
    )
    asked = model.Action(action.type, params)
    return here.request(asked, Resource.parse(action.target), at)


def _within(session: Session, bound: Session) -> Session:
    if session is NO_SESSION or bound == NO_SESSION:
        return session if bound == NO_SESSION else bound
    facts = {**bound.facts, **session.facts}
    return msgspec.structs.replace(bound, id=session.id, facts=facts)


def action_of(request: Request, params: Any = None) -> Action:
    """The action that *request* asks about."""
    facts = request.context
    return Action(
        request.action.name,
        target_of(request.resource.type, request.resource.id),
        request.action.properties if params is None else params,
        facts.get("description", ""),
        "" if request.subject == NOBODY else request.subject.id,
        facts.get("parent_agent_id", ""),
        facts.get("chain_id", ""),
        facts.get("chain_depth", 0),
    )


def target_of(kind: str, identity: str) -> str:
    """How Aegis writes a resource."""
    return f"{kind}:{identity}" if identity else kind
