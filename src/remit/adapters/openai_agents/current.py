"""Which call of the SDK is under way here, and which agent makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from agents.tool_context import ToolContext

from remit.acting import acting_for

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
