"""Which call of the SDK is under way here, and which agent makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from agents.tool_context import ToolContext

from remit.acting import acting_as, current
from remit.model import Subject

_call: ContextVar[ToolContext[Any] | None] = ContextVar("remit_openai_agents_call", default=None)

current_call = _call.get


@contextmanager
def calling(context: ToolContext[Any]) -> Iterator[None]:
    """Act as the agent that makes this call."""
    token = _call.set(context)
    try:
        with acting_for(context.agent.name if context.agent else None):
            yield
    finally:
        _call.reset(token)


@contextmanager
def acting_for(agent: str | None) -> Iterator[None]:
    """Act as the agent of this name; with none, as whoever acts here already.

    An application that has bound this very agent may have given it properties,
    and they stay. The name is never read as `type:id`: an agent cannot call
    itself a user.
    """
    if agent is None:
        yield
        return
    outer = current().subject
    named = outer.type == "agent" and outer.id == agent
    with acting_as(outer if named else Subject("agent", agent)):
        yield
