"""What an agent tells of what it does: steps, model calls, choices, messages, judgements.

`note` is a record of the run and, where steps are checked, a question; `tell` only a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remit.compat.waxell.evidence import Evidence
from remit.compat.waxell.running import Running
from remit.runs.run import Run

SAID = frozenset(
    {"prompt_preview", "response_preview", "full_messages", "full_response", "prompt_variables"}
)


class Recording(Evidence):
    """The part of a `WaxellContext` that tells what is done."""

    _running: Running | None = None

    @property
    def running(self) -> Running:
        """The run.

        Raises:
            RuntimeError: the block has not been entered.
        """
        if self._running is None:
            raise RuntimeError("nothing can be told before the block is entered")
        return self._running

    def tell(self, kind: str, /, **facts: Any) -> None:
        """Record *facts*, and ask nobody."""
        self.running.run.tell(kind, **facts)

    def note(self, kind: str, /, **facts: Any) -> None:
        """Record *facts*, and go on only if policy lets the run.

        Raises:
            PolicyViolationError: what has been told is checked, and it does not.
        """
        self.tell(kind, **facts)
        self.running.step({"kind": kind, **facts})

    def weigh(self, kind: str, output: str) -> None:
        """Have *output* judged before it is said; it is recorded only where content is captured."""
        self.tell(kind, **({"output": output} if self.running.run.capture else {}))
        self.running.step({"kind": kind, "output": output})

    def record_intermediate_output(self, *, output: str) -> None:
        """Tell what is not said yet."""
        self.weigh("intermediate_output", output)

    def record_step(
        self,
        step_name: str,
        output: Any = None,
        *,
        kind: str = "chain",
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell that a step is done."""
        facts: dict[str, Any] = {"span_kind": kind} if kind != "chain" else {}
        facts |= {"attributes": dict(attributes)} if attributes else {}
        self.note("step", name=step_name, output=output, **facts)

    def record_policy_check(
        self,
        *,
        policy_name: str,
        action: str,
        category: str = "",
        reason: str = "",
        duration_ms: float = 0,
        phase: str = "pre_execution",
        priority: int = 100,
    ) -> None:
        """Tell what a policy of the application's own said: also that it allowed."""
        self.tell(
            "policy_check",
            policy_name=policy_name,
            action=action,
            category=category,
            reason=reason,
            duration_ms=duration_ms,
            phase=phase,
            priority=priority,
        )

    def record_llm_call(
        self,
        *,
        model: str,
        tokens_in: int,
        tokens_out: int,
        cost: float | None = 0,
        task: str = "",
        prompt_preview: str = "",
        response_preview: str = "",
        **facts: Any,
    ) -> None:
        """Tell that a model was called. A cost of 0 or None is one that nobody knows."""
        run = self.running.run
        previews = {"prompt_preview": prompt_preview, "response_preview": response_preview}
        told = without_content({"task": task, **previews, **facts}, run)
        used = {"input_tokens": max(tokens_in, 0), "output_tokens": max(tokens_out, 0)}
        run.model(model, cost=known(cost), **{**told, **used})
        self.running.step(
            {
                "kind": "llm_call",
                "model": model,
                "tokens_in": tokens_in,
                "tokens_out": tokens_out,
                "messages": prompt_preview,
                "response": response_preview,
                **told,
            }
        )

    def record_tool_call(
        self,
        *,
        name: str,
        input: Any = "",  # noqa: A002 - the name is not ours
        output: Any = "",
        duration_ms: float | None = None,
        status: str = "ok",
        tool_type: str = "function",
        error: str = "",
    ) -> None:
        """Tell of a call that was not governed; `tool` governs."""
        self.note(
            "tool_call",
            name=name,
            given=input,
            returned=output,
            duration_ms=duration_ms,
            status=status,
            tool_type=tool_type,
            error=error,
        )

    def record_retrieval(
        self,
        *,
        query: str,
        documents: Sequence[Any],
        source: str = "",
        duration_ms: float | None = None,
        top_k: int | None = None,
        scores: Sequence[float] | None = None,
    ) -> None:
        """Tell what was found."""
        self.note(
            "retrieval",
            query=query,
            documents=list(documents),
            source=source,
            seconds=None if duration_ms is None else duration_ms / 1000,
            top_k=top_k,
            scores=list(scores or ()),
        )

    def record_decision(
        self,
        *,
        name: str,
        chosen: Any,
        options: Sequence[Any] | None = None,
        reasoning: str = "",
        confidence: float | None = None,
        metadata: Mapping[str, Any] | None = None,
        instrumentation_type: str = "manual",
    ) -> None:
        """Tell of a choice."""
        self.note(
            "decision",
            name=name,
            chosen=chosen,
            options=list(options or ()),
            reasoning=reasoning,
            confidence=confidence,
            metadata=dict(metadata or {}),
            instrumentation_type=instrumentation_type,
        )

    def record_reasoning(
        self, *, step: str, thought: str, evidence: Sequence[Any] = (), conclusion: str = ""
    ) -> None:
        """Tell a thought."""
        self.note(
            "reasoning",
            name=step,
            thought=thought,
            evidence=list(evidence or ()),
            conclusion=conclusion,
        )

    def record_retry(
        self,
        *,
        attempt: int,
        reason: str,
        strategy: str = "retry",
        original_error: str = "",
        fallback_to: str = "",
        max_attempts: int | None = None,
    ) -> None:
        """Tell that something is tried again."""
        self.tell(
            "again",
            attempt=attempt,
            reason=reason,
            strategy=strategy,
            error=original_error,
            fallback_to=fallback_to,
            max_attempts=max_attempts,
        )

    def record_score(
        self,
        name: str,
        value: float | str | bool,
        data_type: str = "numeric",
        comment: str = "",
    ) -> None:
        """Tell how good something was."""
        self.tell("score", name=name, value=value, data_type=data_type, comment=comment)

    def record_user_message(
        self, content: str = "", *, message: str = "", metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Tell what the person said."""
        said = {"role": "user", "content": content or message}
        self.tell("message", **{**dict(metadata or {}), **said})

    def record_agent_response(
        self, content: str, *, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Tell what the agent said."""
        self.tell("message", **{**dict(metadata or {}), "role": "agent", "content": content})

    def record_human_interaction(
        self,
        prompt: str = "",
        response: str = "",
        channel: str = "terminal",
        action: str = "",
        elapsed_ms: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell what a person was asked, and answered."""
        told = {"prompt": prompt, "answer": response, "channel": channel, "action": action}
        seconds = None if elapsed_ms is None else elapsed_ms / 1000
        self.tell("input", **{**dict(metadata or {}), **told, "seconds": seconds})


def without_content(facts: dict[str, Any], run: Run) -> dict[str, Any]:
    """What is recorded of a call of a model: what was said, only where that is captured."""
    if run.capture:
        return facts
    return {name: value for name, value in facts.items() if name not in SAID}


def known(cost: float | None) -> float | None:
    """*cost*, or None where it says nothing: there 0 means that it is to be looked up."""
    return cost if cost is not None and cost > 0 else None
