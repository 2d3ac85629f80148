"""The clock of the story, so that an hour passes while you read. Programs of yours take none."""

from collections.abc import Callable
from datetime import UTC, datetime


def at(time: str) -> Callable[[], int]:
    """A clock that stands at *time* on the day of the story, in nanoseconds."""
    moment = datetime.fromisoformat(f"2026-11-28T{time}").replace(tzinfo=UTC)
    return lambda: int(moment.timestamp()) * 10**9
