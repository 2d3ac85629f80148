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

COMBINATIONS = 1024
"""Sets of expressions for which the candidates they leave are kept."""

NO_BYTES = -1
"""What is found in a text that has no UTF-8, which no expression is defined for."""


class Expressions:
    """Which of *patterns* are in a text, as bits by their places.

    There is one for each set of patterns, for ever: what is remembered stays right.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.places = {pattern: place for place, pattern in enumerate(patterns)}
        self.texts: dict[str, int] = {}
        """What was found before."""

    @cached_property
    def _several(self) -> Several:
        return Several(tuple(self.places))

    def find(self, text: str) -> int:
        """Those in *text*, or `NO_BYTES`."""
        try:
            found = self._several.found(text)
        except UnicodeEncodeError:
            return NO_BYTES
        if len(self.texts) >= REMEMBERED:
            self.texts.clear()
        if len(text) <= LONGEST_REMEMBERED:
            self.texts[text] = found
        return found


class Sought:
    """From the expressions found in a text to the candidates that this leaves."""

    def __init__(
        self, expressions: Expressions, everything: int, wanted: Mapping[int, Sequence[str]]
    ) -> None:
        """Of *everything*, the candidates at these bits want all of their patterns found."""
        self.fits = expressions.find
        self.known: dict[int, int] = {}
        self._everything = everything
        self._wanted: dict[int, int] = {}
        for bit, patterns in wanted.items():
            for place in {expressions.places[pattern] for pattern in patterns}:
                self._wanted[place] = self._wanted.get(place, 0) | 1 << bit

    def find(self, fits: int) -> int:
        """What is left where *fits* was found."""
        left = self._everything
        for place, bits in self._wanted.items():
            if not fits >> place & 1:
                left &= ~bits
        if len(self.known) >= COMBINATIONS:
            self.known.clear()
        self.known[fits] = left
        return left
