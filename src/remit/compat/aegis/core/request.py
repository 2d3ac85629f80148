"""From an action to a request of ours, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from remit import Acting, model
from remit.canonical import NOTHING, Frozen
from remit.compat.aegis.core.action import Action
from remit.model import NO_SESSION, NOBODY, Properties, Request, Resource, Session, Subject

FACTS = ("description", "parent_agent_id", "chain_id", "chain_depth")
"""What an action says that is no part of a request of ours: facts of its context."""


# Programs name the same few targets again and again.
_target = lru_cache(256)(Resource.parse)


class Asked(NamedTuple):
    """What an action says besides its name and its parameters, as a request of ours has it."""

    resource: Resource
    agent: str
    facts: Frozen

    @classmethod
    def of(cls, action: Action) -> Asked:
        """What *action* says."""
        facts = NOTHING
        if action.description or action.parent_agent_id or action.chain_id or action.chain_depth:
            said = ((name, getattr(action, name)) for name in FACTS)
            facts = Frozen({name: fact for name, fact in said if fact})
        return cls(_target(action.target), action.agent_id, facts)

    def request(
        self, action: model.Action, acting: Acting, at: int, session: Session, agent: str = ""
    ) -> Request:
        """The question whether *action* may be done, of which this is the rest.

        Args:
            action: its name and its parameters.
            acting: who acts here; an agent that the action names acts in its place.
            at: the moment it is about.
            session: the session of a runtime; what is bound here says for whom it acts.
            agent: who acts, where the action names nobody.
        """
        facts, who = self.facts, self.agent or agent
        if acting.session is not NO_SESSION or acting.context:
            session = _within(session, acting.session)
            facts = Frozen({**acting.context, **facts}) if acting.context else facts
        subject = Subject("agent", who) if who else acting.subject
        run = NOTHING if acting.run is None else acting.run.facts()
        return Request(subject, action, self.resource, session, facts, at, (), run)


def request_of(
    action: Action, params: Properties, acting: Acting, at: int, session: Session = NO_SESSION
) -> Request:
    """The question whether *action* may be done with *params*: see `Asked.request`."""
    asked = model.Action(action.type, params)
    return Asked.of(action).request(asked, acting, at, session)


def _within(session: Session, bound: Session) -> Session:
    if bound is NO_SESSION or bound == NO_SESSION:
        return session
    if session is NO_SESSION:
        return bound
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
