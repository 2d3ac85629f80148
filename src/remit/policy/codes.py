"""The constants that one thing is compared with, the same for the tools of a policy.

Most tools compare an argument of one name with the same few constants. Where all of them know
all of these, to find the place of a value among them touches what every request touches, and so is
in the processor's caches; only what is at that place is the tool's own.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

from remit.policy.expressions import Expressions

MOST_SHARED = 64
"""Constants of one thing that tools share; where a policy has more, each tool knows its own."""


class Codes:
    """Gathers constants as the candidates of one action after another are arranged."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Any, ...]] = {}
        self._expressions: dict[Hashable, Expressions] = {}

    def share(self, thing: Hashable, constants: Collection[Any]) -> tuple[Any, ...]:
        """The *constants* in order, with others that *thing* was compared with before."""
        known = self._known.get(thing, ())
        together = {*known, *constants}
        if len(together) == len(known):
            return known
        if len(together) > MOST_SHARED:
            return tuple(sorted(constants))
        shared = self._known[thing] = tuple(sorted(together))
        return shared

    def expressions(self, thing: Hashable, patterns: Collection[str]) -> Expressions:
        """Those of *patterns*, with others that *thing* was matched with before."""
        known = self._expressions.get(thing)
        if known is not None and known.places.keys() >= set(patterns):
            return known
        together = {*(known.places if known else ()), *patterns}
        if len(together) > MOST_SHARED:
            return Expressions(sorted(patterns))
        shared = self._expressions[thing] = Expressions(sorted(together))
        return shared
