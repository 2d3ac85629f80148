"""Which call of the SDK is under way here, and which agent makes it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from agents import RunContextWrapper
from agents.tool_context import ToolContext

from remit.acting import acting_for
from remit.model import Request

RequestOf: TypeAlias = Callable[[dict[str, Any]], Request]
"""The request that a tool's call with these arguments is."""

Setting: TypeAlias = bool | Callable[..., bool | Awaitable[bool]]
"""How the SDK lets an application answer: by a value, a function or a coroutine function."""

_turns: WeakKeyDictionary[RunContextWrapper[Any], str] = WeakKeyDictionary()

whose_turn = _turns.get
"""The agent that a run was last seen to be at."""

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


def take_turn(context: RunContextWrapper[Any], agent: str) -> None:
    """Note whose turn it is in a run."""
    _turns[context] = agent


async def application_says(setting: Setting, *given: Any) -> bool:
    """What the application's own setting is, for this call."""
    answer = setting(*given) if callable(setting) else setting
    return bool(await answer if inspect.isawaitable(answer) else answer)
