"""What a `WaxellContext` tells of people, of what is remembered, and of what is said in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from remit.compat.waxell.recording import Recording


class People(Recording):
    """The part of a `WaxellContext` that `telling` has as functions, too."""

    def input(self, prompt: str = "", *, action: str = "input") -> str:
        """Like the builtin; question and answer are on record."""
        from remit.compat.waxell import telling

        return telling.input(prompt, action=action)

    def human_turn(
        self,
        prompt: str = "",
        channel: str = "terminal",
        action: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> AbstractContextManager[Any]:
        """Tell how long a person took, and what they answered."""
        from remit.compat.waxell import telling

        return telling.human_turn(prompt, channel, action, metadata)

    def pause(self, reason: str = "awaiting_user", **metadata: Any) -> AbstractContextManager[None]:
        """Tell that the run waits, and for how long."""
        from remit.compat.waxell import telling

        return telling.pause(reason, **metadata)

    def mark_resumed(self, from_run_id: str = "", payload: Any = None) -> None:
        """Tell that the run goes on where another one stopped."""
        self.tell("resumed", from_run_id=from_run_id, payload=payload)

    def record_approval_request(
        self,
        action_type: str,
        approvers: Sequence[str] | None = None,
        timeout_minutes: float | None = None,
        reason: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell that the application asked somebody. It lifts nothing."""
        self.tell(
            "approval_request",
            action_type=action_type,
            approvers=list(approvers or ()),
            timeout_minutes=timeout_minutes,
            reason=reason,
            metadata=dict(metadata or {}),
        )

    def record_approval_response(
        self,
        action_type: str,
        decision: str,
        approver: str = "",
        elapsed_seconds: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell what they said. It lifts nothing."""
        self.tell(
            "approval_response",
            action_type=action_type,
            decision=decision,
            approver=approver,
            seconds=elapsed_seconds,
            metadata=dict(metadata or {}),
        )

    def remember_episodic(self, slot_name: str, data: Any, **facts: Any) -> None:
        """Tell that something that happened was remembered. Nothing is stored by that."""
        kept = {"memory_type": "episodic", "slot_name": slot_name, "data": data}
        self.note("memory_write", **{**facts, **kept})

    def remember_semantic(self, slot_name: str, content: str, **facts: Any) -> None:
        """Tell that a fact was remembered. Nothing is stored by that."""
        kept = {"memory_type": "semantic", "slot_name": slot_name, "content": content}
        self.note("memory_write", **{**facts, **kept})

    def set_output_text(self, *, text: str) -> None:
        """Say what is going to be said, for policy to judge before it is."""
        self.weigh("output_text", text)

    def set_prompt_name(self, name: str) -> None:
        """Tell which prompt is used."""
        self.record_prompt_use(name)

    def set_memory_state(
        self,
        *,
        memory_items: Sequence[Any] = (),
        cross_session_loaded: bool = False,
        memory_item_count: int = 0,
    ) -> None:
        """Tell what is remembered at the moment."""
        self.note(
            "memory_state",
            memory_items=list(memory_items),
            cross_session_loaded=cross_session_loaded,
            memory_item_count=memory_item_count,
        )
