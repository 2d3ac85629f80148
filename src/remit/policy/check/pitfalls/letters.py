"""Texts in a case that what they are compared with does not have, or need not have."""

from __future__ import annotations

from remit.policy.check.pitfalls.comparison import Comparison

_KEPT = {"lowerAscii": "lower", "url.host": "lower", "upperAscii": "upper"}
_SPOKEN = frozenset({"sql", "query", "statement", "command", "cmd"})
_PARTS = frozenset({"startsWith", "endsWith", "contains"})


def letter_case(comparison: Comparison) -> str:
    """Letters that cannot be there, or that a denial looks for in capitals only."""
    case, text = _KEPT.get(comparison.function, ""), comparison.text
    if case and comparison.sign in _PARTS | {"=="}:
        wanted = text.lower() if case == "lower" else text.upper()
        if text.isascii() and wanted != text:
            return f'never holds: {comparison.function}() is in {case} case; write "{wanted}"'
        return ""
    shouted = text.isupper() and len(text) > 3
    if comparison.grants or not shouted or comparison.function or comparison.sign not in _PARTS:
        return ""
    if not comparison.words & _SPOKEN:
        return ""
    return f"does not see {text.lower()!r}; write .upperAscii() before it"
