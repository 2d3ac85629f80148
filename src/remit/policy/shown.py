"""Values of requests as people read them: short, and written as a policy would write them."""

from __future__ import annotations

from typing import Any

from remit.expr.values import Timestamp
from remit.policy import moment

LONGEST = 200
"""Characters of a value that are shown."""

_WORDS = {True: "true", False: "false", None: "null"}


def show(value: Any) -> str:
    """*value* in at most `LONGEST` characters."""
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    shown = _moment(value) if isinstance(value, Timestamp) else repr(value)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def _moment(value: Timestamp) -> str:
    try:
        return moment.show(value.nanos)
    except OverflowError:
        return repr(value)
