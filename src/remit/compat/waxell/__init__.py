"""Waxell Observe's public names, over our core.

    import remit.compat.waxell as waxell

A program that says `import waxell_observe as waxell` runs with this import in its place. Its
runs are runs of ours, its tools go through the guard, and there is no server: policy is that
of the program, `remit.use` or `remit.yaml`. docs/coming-from/waxell.md lists every name.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from remit import __version__, acting_as, who_acts
from remit.compat.waxell.approval import (
    auto_approve,
    auto_deny,
    extract_block_metadata,
    prompt_approval,
)
from remit.compat.waxell.client import WaxellObserveClient
from remit.compat.waxell.context import WaxellContext, get_context
from remit.compat.waxell.decorators import (
    decision,
    reasoning_dec,
    retrieval,
    retry_dec,
    step_dec,
)
from remit.compat.waxell.errors import ConfigurationError, ObserveError, PolicyViolationError
from remit.compat.waxell.observing import observe, waxell_agent
from remit.compat.waxell.running import session_of
from remit.compat.waxell.scrub import redact
from remit.compat.waxell.settings import init, shutdown
from remit.compat.waxell.telling import (
    agent_response,
    approval_request,
    approval_response,
    communication,
    decide,
    flush,
    flush_sync,
    human_interaction,
    human_turn,
    input,  # noqa: A004 - it behaves like the builtin
    mark_resumed,
    metadata,
    observed_input,
    pause,
    phase,
    prompt_use,
    reason,
    recall,
    remember_episodic,
    remember_semantic,
    retrieve,
    retry,
    score,
    step,
    tag,
    user_message,
)
from remit.compat.waxell.tools import gate_tool, tool
from remit.compat.waxell.types import (
    ApprovalDecision,
    LlmCallInfo,
    PolicyCheckResult,
    RunCompleteResult,
    RunInfo,
)

get_current_context = get_context


def generate_session_id() -> str:
    """An id for a session."""
    return f"sess_{secrets.token_hex(12)}"


@contextmanager
def session(session_id: str = "", user_id: str = "") -> Iterator[str]:
    """Let the runs inside the block be of one session, for one person."""
    session_id = session_id or generate_session_id()
    agent = who_acts().subject
    said = session_of(agent.id, session_id=session_id, user_id=user_id)
    with acting_as(agent, session=said):
        yield session_id


__all__ = [
    "ApprovalDecision",
    "ConfigurationError",
    "LlmCallInfo",
    "ObserveError",
    "PolicyCheckResult",
    "PolicyViolationError",
    "RunCompleteResult",
    "RunInfo",
    "WaxellContext",
    "WaxellObserveClient",
    "__version__",
    "agent_response",
    "approval_request",
    "approval_response",
    "auto_approve",
    "auto_deny",
    "communication",
    "decide",
    "decision",
    "extract_block_metadata",
    "flush",
    "flush_sync",
    "gate_tool",
    "generate_session_id",
    "get_context",
    "get_current_context",
    "human_interaction",
    "human_turn",
    "init",
    "input",
    "mark_resumed",
    "metadata",
    "observe",
    "observed_input",
    "pause",
    "phase",
    "prompt_approval",
    "prompt_use",
    "reason",
    "reasoning_dec",
    "recall",
    "redact",
    "remember_episodic",
    "remember_semantic",
    "retrieval",
    "retrieve",
    "retry",
    "retry_dec",
    "score",
    "session",
    "shutdown",
    "step",
    "step_dec",
    "tag",
    "tool",
    "user_message",
    "waxell_agent",
]
