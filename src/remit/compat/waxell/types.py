"""What the facade answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyCheckResult:
    """What policy says.

    `action` is one of `allow warn redact` (it may go on), `block throttle` (it may not) and
    `retry` (it may not end like this, and the reason says how to do better).
    """

    action: str
    reason: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    evaluations: Sequence[Mapping[str, Any]] = ()
    redacted_inputs: Mapping[str, Any] | None = None

    @property
    def allowed(self) -> bool:
        """Whether it may go on."""
        return self.action in {"allow", "warn", "redact"}

    @property
    def blocked(self) -> bool:
        """Whether it may not."""
        return self.action in {"block", "throttle"}

    @property
    def should_redact(self) -> bool:
        """Whether it may go on with what is in `redacted_inputs` only."""
        return self.action == "redact"

    @property
    def should_retry(self) -> bool:
        """Whether it may be done again, better."""
        return self.action == "retry"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run that has begun."""

    run_id: str
    workflow_id: str
    started_at: str


@dataclass(frozen=True, slots=True)
class RunCompleteResult:
    """What policy says of the end of a run."""

    run_id: str
    duration: float | None = None
    governance_action: str = "allow"
    governance_reason: str = ""
    retry_feedback: str = ""
    max_retries: int = 0

    @property
    def should_retry(self) -> bool:
        """Whether it is to be done again, with `retry_feedback`."""
        return self.governance_action == "retry"


@dataclass(frozen=True, slots=True)
class ApprovalDecision:
    """What somebody said who was asked."""

    approved: bool
    approver: str = ""
    """Who: `type:id`, or the id of a user."""
    timed_out: bool = False
    elapsed_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LlmCallInfo:
    """A call of a model."""

    model: str
    tokens_in: int
    tokens_out: int
    cost: float = 0.0
    task: str = ""
    prompt_preview: str = ""
    response_preview: str = ""
