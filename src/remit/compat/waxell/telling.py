"""What can be told from anywhere in a run, without having to carry its context around.

Each does something while a run is under way and nothing otherwise; only `input` is recorded
outside of one, too. In a run that is not one of the facade, ours are told the same.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import UNSET

from remit.compat.waxell.context import get_context
from remit.runs import asking, telling
from remit.runs.telling import current_run, tell


def note(kind: str, /, **facts: Any) -> None:
    """Record *facts* in the run under way; it goes on only if policy lets it."""
    if (context := get_context()) is not None:
        context.note(kind, **facts)
    else:
        tell(kind, **facts)


def step(name: str, output: Any = None) -> None:
    """Tell that a step is done.

    Raises:
        PolicyViolationError: steps are checked, and the run stops here.
    """
    if (context := get_context()) is not None:
        context.record_step(name, output)
    else:
        telling.step(name, UNSET if output is None else output)


def score(
    name: str,
    value: float | str | bool,
    data_type: str = "numeric",
    comment: str = "",
) -> None:
    """Tell how good something was."""
    tell("score", name=name, value=value, data_type=data_type, comment=comment)


def tag(key: str, value: object) -> None:
    """Mark the run; conditions read it as `run.tags`."""
    telling.tag(key, value)


def metadata(key: str, value: Any) -> None:
    """Record a fact about the run."""
    if (context := get_context()) is not None:
        context.set_metadata(key, value)
    else:
        tell("metadata", key=key, value=value)


def decide(
    name: str,
    chosen: Any,
    options: Sequence[Any] | None = None,
    reasoning: str = "",
    confidence: float | None = None,
) -> None:
    """Tell of a choice."""
    note(
        "decision",
        name=name,
        chosen=chosen,
        options=list(options or ()),
        reasoning=reasoning,
        confidence=confidence,
    )


def reason(
    step: str, thought: str, evidence: Sequence[Any] | None = None, conclusion: str = ""
) -> None:
    """Tell a thought."""
    evidence = list(evidence or ())
    note("reasoning", name=step, thought=thought, evidence=evidence, conclusion=conclusion)


def retrieve(
    query: str,
    documents: Sequence[Any],
    source: str = "",
    scores: Sequence[float] | None = None,
) -> None:
    """Tell what was found."""
    documents, scores = list(documents), list(scores or ())
    note("retrieval", query=query, documents=documents, source=source, scores=scores)


def retry(
    attempt: int,
    reason: str,
    strategy: str = "retry",
    original_error: str = "",
    fallback_to: str = "",
) -> None:
    """Tell that something is tried again."""
    tell(
        "again",
        attempt=attempt,
        reason=reason,
        strategy=strategy,
        error=original_error,
        fallback_to=fallback_to,
    )


def user_message(content: Any, *, metadata: Mapping[str, Any] | None = None) -> None:
    """Tell what the person said."""
    tell("message", **{**dict(metadata or {}), "role": "user", "content": content})


def agent_response(content: Any, *, metadata: Mapping[str, Any] | None = None) -> None:
    """Tell what the agent said."""
    tell("message", **{**dict(metadata or {}), "role": "agent", "content": content})


def communication(
    *,
    channel: str,
    recipient: str = "",
    body: str = "",
    subject: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Tell that something was sent to somebody."""
    note(
        "communication",
        channel=channel,
        recipient=recipient,
        body=body,
        subject=subject,
        metadata=dict(metadata or {}),
    )


def approval_request(
    action_type: str,
    approvers: Sequence[str] | None = None,
    timeout_minutes: float | None = None,
    reason: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Tell that the application asked somebody. It lifts nothing: policy asks by itself."""
    tell(
        "approval_request",
        action_type=action_type,
        approvers=list(approvers or ()),
        timeout_minutes=timeout_minutes,
        reason=reason,
        metadata=dict(metadata or {}),
    )


def approval_response(
    action_type: str,
    decision: str,
    approver: str = "",
    elapsed_seconds: float | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Tell what they said: `approved`, `denied` or `timeout`. It lifts nothing."""
    tell(
        "approval_response",
        action_type=action_type,
        decision=decision,
        approver=approver,
        seconds=elapsed_seconds,
        metadata=dict(metadata or {}),
    )


def remember_episodic(slot_name: str, data: Any, **facts: Any) -> None:
    """Tell that something that happened was remembered. Nothing is stored by that."""
    note(
        "memory_write", **{**facts, "memory_type": "episodic", "slot_name": slot_name, "data": data}
    )


def remember_semantic(slot_name: str, content: str, **facts: Any) -> None:
    """Tell that a fact was remembered. Nothing is stored by that."""
    kept = {"memory_type": "semantic", "slot_name": slot_name, "content": content}
    note("memory_write", **{**facts, **kept})


def recall(
    query: str = "",
    *,
    tier: str = "episodic",
    store: str = "",
    results_count: int = 0,
    top_score: float | None = None,
    slot_name: str = "",
    results: Sequence[Any] | None = None,
) -> None:
    """Tell that something was recalled."""
    note(
        "memory_recall",
        query=query,
        tier=tier,
        store=store,
        results_count=results_count,
        top_score=top_score,
        slot_name=slot_name,
        results=list(results or ()),
    )


def prompt_use(name: str, version: int = 0, label: str = "", content_hash: str = "") -> None:
    """Tell which prompt of a library was used."""
    note("prompt", name=name, version=version, label=label, content_hash=content_hash)


def mark_resumed(from_run_id: str = "", payload: Any = None) -> None:
    """Tell that the run goes on where another one stopped."""
    tell("resumed", from_run_id=from_run_id, payload=payload)


def human_interaction(
    prompt: str = "",
    response: str = "",
    channel: str = "terminal",
    action: str = "",
    elapsed_seconds: float | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Tell what a person was asked, and answered."""
    told = {"prompt": prompt, "answer": response, "channel": channel, "action": action}
    tell("input", **{**dict(metadata or {}), **told, "seconds": elapsed_seconds})


def input(prompt: str = "", *, action: str = "input") -> str:  # noqa: A001 - like the builtin
    """Like the builtin; question and answer are on record, in a run and outside of one."""
    if current_run() is None:
        return asking.input(prompt)
    with human_turn(prompt, action=action) as turn:
        answer = builtins.input(prompt)
        turn.set_response(answer)
    return answer


observed_input = input


class Turn:
    """A person's turn."""

    def __init__(self) -> None:
        self.response: str | None = None

    def set_response(self, response: str) -> None:
        """Say what they said."""
        self.response = response


@contextmanager
def human_turn(
    prompt: str = "",
    channel: str = "terminal",
    action: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[Turn]:
    """Tell how long a person took, and what they answered."""
    turn, began, error = Turn(), time.monotonic(), {}
    try:
        yield turn
    except BaseException as raised:
        error = {"error": type(raised).__qualname__}
        raise
    finally:
        told = {"prompt": prompt, "answer": turn.response, "channel": channel, "action": action}
        seconds = {"seconds": time.monotonic() - began}
        tell("input", **{**dict(metadata or {}), **told, **seconds, **error})


@contextmanager
def pause(reason: str = "awaiting_user", **metadata: Any) -> Iterator[None]:
    """Tell that the run waits, and for how long."""
    with telling.pause(reason, **metadata):
        yield


@contextmanager
def phase(name: str, **attributes: Any) -> Iterator[None]:
    """Tell of a part of the run, and how long it took."""
    with telling.phase(name, **attributes):
        yield


async def flush() -> None:
    """Nothing to do: what is told is written within 50 ms, and when the program ends."""


def flush_sync() -> None:
    """Nothing to do: what is told is written within 50 ms, and when the program ends."""
