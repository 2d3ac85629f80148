"""Moments as documents write them: RFC 3339, or a date, which means its midnight in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)
CURE = "write it like 2026-05-01T09:30:00Z or, for midnight in UTC, 2026-05-01"

_MOMENT = re.compile(PATTERN)
_FRACTION = re.compile(r"\.([0-9]+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str) -> int | None:
    """The moment in nanoseconds of Unix time; None if *text* is none."""
    if not _MOMENT.fullmatch(text):
        return None
    fraction = _FRACTION.search(text)
    try:
        at = datetime.fromisoformat(_FRACTION.sub("", text).upper())
        since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
        # In UTC it must be a moment as well: in the first year, an offset may lead out of it.
        _ = _EPOCH + since
    except (ValueError, OverflowError):
        return None
    nanoseconds = int(fraction[1].ljust(9, "0")) if fraction else 0
    return (since.days * 86400 + since.seconds) * 10**9 + nanoseconds


def show(at: int) -> str:
    """The moment *at* in UTC, as RFC 3339 has it."""
    seconds, fraction = divmod(at, 10**9)
    text = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z" if fraction else f"{text}Z"
