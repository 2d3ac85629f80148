"""Patterns over text, both in time that grows with the text and no faster.

Regular expressions are RE2's: no backreferences, no lookaround. A pattern that
is a literal is compiled when the condition is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from remit.expr.errors import EvalError
from remit.expr.function import function
from remit.expr.values import show

_LARGEST_PROGRAM = 1 << 20
_LARGEST_SET = 8
"""Times as much memory that many patterns together may take; more take no more."""
_LONGEST_PATTERN = 10_000
_BOTH = 2
"""The pattern, and the one that matches anything."""
_LONGEST_GLOB = 1_000
"""Characters of a glob with `?` in it, which is searched for as a regular expression."""


class Pattern:
    """A regular expression.

    A set of RE2's says sooner than a search whether one matches, because it need not say where.
    It may run out of memory and match nothing; so it holds one more that matches anything.
    """

    __slots__ = ("_among", "_search")

    def __init__(
        self, search: Callable[[bytes], object], among: Callable[[bytes], Sequence[int]]
    ) -> None:
        self._search = search
        self._among = among

    def found(self, text: str) -> bool:
        """Whether it is anywhere in *text*."""
        raw = text.encode()
        matching = len(self._among(raw))
        return matching == _BOTH if matching else self._search(raw) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """The RE2 programs of *pattern*.

    Raises:
        EvalError: it is no pattern, or too large a one.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise EvalError(f"a pattern of more than {_LONGEST_PATTERN} characters")
    # Imported when a condition has a pattern: most have none.
    import re2

    try:
        search = re2.compile(pattern, _options(_LARGEST_PROGRAM)).search
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown"
        spelled = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise EvalError(f"{show(pattern)} is no regular expression: {spelled}") from None
    return Pattern(search, _among((pattern, "")))


def _options(memory: int) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = memory
    return options


def _among(patterns: Sequence[str]) -> Callable[[bytes], Sequence[int]]:
    """Which of *patterns* match, by their places; none where they are too large for a set."""
    import re2

    memory = _LARGEST_PROGRAM * min(len(patterns) - 1, _LARGEST_SET)
    among = re2.Set.SearchSet(_options(memory))
    try:
        for pattern in patterns:
            among.Add(pattern)
        among.Compile()
    except re2.error:
        return lambda _: ()
    found: Callable[[bytes], Sequence[int]] = among.Match
    return found


class Several:
    """Regular expressions that are sought all at once, in about the time that one takes.

    Raises:
        EvalError: one of them is no pattern, or too large a one.
    """

    __slots__ = ("_among", "_each")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._each = tuple(map(compiled, patterns))
        self._among = _among((*patterns, ""))

    def found(self, text: str) -> int:
        """Which of them are anywhere in *text*: bits, by their places."""
        matching = self._among(text.encode())
        if matching:
            return sum(1 << place for place in matching) & ~(1 << len(self._each))
        return sum(1 << place for place, each in enumerate(self._each) if each.found(text))


@function(
    "string.matches(string) -> bool",
    "matches(string, string) -> bool",
    literals={1: compiled},
)
def matches(text: str, pattern: str) -> bool:
    """Whether the regular expression is found anywhere in *text*; anchor it with ^ and $."""
    return compiled(pattern).found(text)


@function("glob(string, string) -> bool")
def glob(text: str, pattern: str) -> bool:
    """Whether all of *text* fits *pattern*: `*` is any text, even none, and `?` one character.

    Upper and lower case differ; `*` goes across `/` and `.`; there are no
    brackets and no escapes: every other character stands for itself.
    """
    if "?" in pattern:
        if len(pattern) > _LONGEST_GLOB:
            raise EvalError(f"a glob of more than {_LONGEST_GLOB} characters with '?' in it")
        return compiled(_expression(pattern)).found(text)
    return _fits(text, pattern.split("*"))


def _expression(pattern: str) -> str:
    """*pattern* as a regular expression."""
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return rf"(?s)\A{escaped}\z"


def _fits(text: str, pieces: list[str]) -> bool:
    """Whether *text* is the pieces in their order, with anything between them."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


FUNCTIONS = (*matches, *glob)
