"""Times that are compared as texts."""

from __future__ import annotations

import re

from remit.policy.check.pitfalls.comparison import Comparison

_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?")
_ORDER = frozenset({"<", "<=", ">", ">="})


def time_as_text(comparison: Comparison) -> str:
    """A time of day or a date that is compared letter by letter."""
    if comparison.sign not in _ORDER:
        return ""
    if _TIME.fullmatch(comparison.text):
        return "compares letters, and '9:00' comes after '18:00'; write within_hours(now, ...)"
    if _DATE.fullmatch(comparison.text):
        return "compares letters, and not moments; write timestamp(...) on both sides"
    return ""
