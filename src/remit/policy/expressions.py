"""The regular expressions that one thing is matched with, the same for the tools of a policy.

However many conditions look for them, a text is searched once, for all of them; and texts come
again: paths, commands, addresses. So what is found in one is remembered, and what follows from
that for the candidates of an action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from remit.expr.functions.patterns import Several

REMEMBERED = 4096
"""Texts whose expressions are kept."""

LONGEST_REMEMBERED = 256
"""Characters of such a text."""

OF_ONE_ACTION = 64
"""Texts for which the candidates of an action that they leave are kept."""

NO_BYTES = -1
"""What is found in a text that has no UTF-8, which no expression is defined for."""


class Expressions(dict[str, int]):
    """From a text to those of *patterns* that are in it: bits by their places, or `NO_BYTES`.

    There is one for each set of patterns, for ever: what is remembered stays right.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        super().__init__()
        self.places = {pattern: place for place, pattern in enumerate(patterns)}

    @cached_property
    def _several(self) -> Several:
        return Several(tuple(self.places))

    def __missing__(self, text: str) -> int:
        try:
            found = self._several.found(text)
        except UnicodeEncodeError:
            return NO_BYTES
        if len(self) >= REMEMBERED:
            self.clear()
        if len(text) <= LONGEST_REMEMBERED:
            self[text] = found
        return found


class Sought(dict[str, int | None]):
    """From a text to the candidates that its expressions leave; None where it has no bytes."""

    def __init__(
        self, expressions: Expressions, everything: int, wanted: Mapping[int, Sequence[str]]
    ) -> None:
        """Of *everything*, the candidates at these bits want all of their patterns found."""
        super().__init__()
        self._expressions = expressions
        self._everything = everything
        self._wanted: dict[int, int] = {}
        for bit, patterns in wanted.items():
            for place in {expressions.places[pattern] for pattern in patterns}:
                self._wanted[place] = self._wanted.get(place, 0) | 1 << bit

    def __missing__(self, text: str) -> int | None:
        found = self._expressions[text]
        if found == NO_BYTES:
            return None
        left = self._everything
        for place, bits in self._wanted.items():
            if not found >> place & 1:
                left &= ~bits
        if len(self) >= OF_ONE_ACTION:
            self.clear()
        if len(text) <= LONGEST_REMEMBERED:
            self[text] = left
        return left
