"""Moments as people write and read them. What names no zone is UTC, and so is what is shown."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from remit.visible import shown

__all__ = ["moment", "seconds", "shown"]

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def moment(text: object) -> int:
    """Unix time in nanoseconds of a date, a time, or a while ago: `2026-05-01`, `15m`.

    Raises:
        ValueError: *text* is none of these.
    """
    if found := _AGO.fullmatch(str(text)):
        return time.time_ns() - int(found[1]) * _SECONDS[found[2]] * 10**9
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        cure = "write it like 2026-05-01, 2026-05-01T09:30:00Z or 15m (ago; s m h d w)"
        raise ValueError(f"{str(text)!r} is no moment; {cure}") from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def seconds(text: str) -> float:
    """A while in seconds: `45s`, `15m`, `2h`, `5d`.

    Raises:
        ValueError: *text* is none.
    """
    found = _AGO.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no time; write it like 45s, 15m, 2h or 5d")
    return float(int(found[1]) * _SECONDS[found[2]])
