"""What became of an action."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from remit.compat.aegis.core.action import Action


class ResultStatus(StrEnum):
    """How it ended, or why it did not begin."""

    SUCCESS = "success"
    FAILED = "failed"
    BLOCKED = "blocked"
    DENIED = "denied"
    SKIPPED = "skipped"


_SIGNS = {
    ResultStatus.SUCCESS: "OK",
    ResultStatus.FAILED: "FAIL",
    ResultStatus.BLOCKED: "BLOCK",
    ResultStatus.DENIED: "DENY",
    ResultStatus.SKIPPED: "SKIP",
}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Result:
    """One action, and its end."""

    action: Action
    status: ResultStatus
    data: Any = None
    error: str | None = None
    started_at: datetime = field(default_factory=_now)
    completed_at: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether it ran and did what it should."""
        return self.status is ResultStatus.SUCCESS

    def __str__(self) -> str:
        return f"[{_SIGNS[self.status]}] {self.action.type} -> {self.action.target}"


def refused(action: Action, status: ResultStatus, error: str) -> Result:
    """The result of an action that did not run."""
    now = _now()
    return Result(action, status, error=error, started_at=now, completed_at=now)
