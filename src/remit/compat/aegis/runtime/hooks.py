"""What an application is told while actions are governed. It cannot stop or change anything."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from remit.compat.aegis.core.decision import PolicyDecision
from remit.compat.aegis.core.result import Result

OnDecision: TypeAlias = Callable[[PolicyDecision], Awaitable[None] | None]
OnApproval: TypeAlias = Callable[[PolicyDecision, bool], Awaitable[None] | None]
OnExecute: TypeAlias = Callable[[Result], Awaitable[None] | None]

_log = logging.getLogger(__name__)


@dataclass
class RuntimeHooks:
    """Called for every action, also for those of governed tools."""

    on_decision: OnDecision | None = None
    on_approval: OnApproval | None = None
    on_execute: OnExecute | None = None


async def tell(hook: Callable[..., Any] | None, *told: object) -> None:
    """Call *hook*. What it raises is logged, and goes no further."""
    if hook is None:
        return
    try:
        answer = hook(*told)
        if inspect.isawaitable(answer):
            await answer
    except Exception:  # noqa: BLE001 - a hook's mistake is nobody else's
        _log.exception("a hook failed")
