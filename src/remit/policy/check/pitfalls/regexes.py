"""Regular expressions that are found where they are not meant to be."""

from __future__ import annotations

from remit.expr.functions.patterns import compiled
from remit.policy.check.pitfalls.comparison import Comparison

_META = frozenset(r"\^$.|?*+()[]{}")
_ASSERTIONS = ("^", "$", r"\b", r"\B", r"\A", r"\z")
_ANY_LINE = frozenset({".*", ".+", ".*?", ".+?", "(.*)", "(.+)"})


def everything(comparison: Comparison) -> str:
    """A pattern that every text has."""
    pattern = comparison.text
    if comparison.sign != "matches":
        return ""
    if not any(each in pattern for each in _ASSERTIONS) and compiled(pattern).found(""):
        return "is true of every text, as the pattern fits even an empty one"
    if pattern.removeprefix("^").removesuffix("$") in _ANY_LINE:
        return "is true of every text that is one line"
    return ""


def unanchored(comparison: Comparison) -> str:
    """A pattern that reads as if it meant all of the text."""
    pattern = comparison.text
    if comparison.sign != "matches":
        return ""
    if not _META & set(pattern):
        return (
            f"finds {pattern!r} anywhere, as in {'x' + pattern + 'x'!r}; "
            f'write == "{pattern}" for all of the text, or contains("{pattern}")'
        )
    if not comparison.grants:
        return ""
    bare = pattern.removeprefix("(?i)").removeprefix("(?s)")
    begins, ends = bare.startswith(("^", r"\A")), bare.endswith(("$", r"\z"))
    if not begins and not ends:
        return "may be found anywhere in the text; anchor the pattern with '^' and '$'"
    if _alternatives(bare):
        return "anchors only one side of its '|'; put the alternatives in brackets: '^(a|b)$'"
    return ""


def _alternatives(pattern: str) -> bool:
    """Whether a `|` stands outside of all brackets."""
    depth, escaped = 0, False
    for char in pattern:
        if escaped or char == "\\":
            escaped = not escaped
            continue
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0:
            return True
    return False
