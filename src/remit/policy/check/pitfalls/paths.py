"""Paths that are compared as texts."""

from __future__ import annotations

import re

from remit.policy.check.pitfalls.comparison import Comparison

_ROOT = re.compile(r"(~|\.{1,2})?(/[^/]+)+|[A-Za-z]:[\\/][^\\/]+")
_WEB = frozenset({"url", "uri", "link", "href", "route", "endpoint"})


def path_prefix(comparison: Comparison) -> str:
    """The beginning of a path that may end in the middle of a name."""
    root = comparison.text
    if comparison.sign != "startsWith" or not _ROOT.fullmatch(root):
        return ""
    if _WEB & comparison.words:
        return f"also holds for {root + '-other'!r}; end it with '/'"
    return f"also holds for {root + '-other'!r}, and '..' leads in and out; write path.within()"
