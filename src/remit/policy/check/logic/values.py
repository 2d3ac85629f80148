"""Sets of values that something in a request may have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import ceil, floor, inf
from typing import TypeAlias

from remit.policy.check.logic import texts
from remit.policy.check.logic.texts import Texts

Edge: TypeAlias = tuple[float, int]
"""A number, or what is just below (-1) or just above (+1) it."""

Span: TypeAlias = tuple[Edge, Edge]
"""The numbers from one edge to another, both included."""


class Kind(Enum):
    """What a value may be that is neither number nor text."""

    MISSING = "not there, or not to be computed"
    NULL = "null"
    TRUE = "true"
    FALSE = "false"
    NAN = "not a number"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class Values:
    """The values of some kinds, the numbers of some spans, and some texts."""

    kinds: frozenset[Kind] = frozenset()
    numbers: tuple[Span, ...] = ()
    texts: Texts = texts.NONE
    whole: bool = False
    """Of the numbers, only the integers."""

    @property
    def empty(self) -> bool:
        """Whether there is surely no value in the set."""
        return not (self.kinds or self.numbers) and self.texts.empty

    def meet(self, other: Values) -> Values:
        """What is in both sets."""
        return _meet(self, other)

    def join(self, other: Values) -> Values | None:
        """What is in either set; None where that cannot be written down."""
        if self.texts.empty or other.texts == texts.ALL:
            both = other.texts
        elif other.texts.empty or self.texts == texts.ALL:
            both = self.texts
        else:
            return None
        if self.numbers and other.numbers and self.whole is not other.whole:
            return None
        whole = self.whole if self.numbers else other.whole
        return Values(self.kinds | other.kinds, (*self.numbers, *other.numbers), both, whole)


# Policies compare with few constants, and the same ones meet again and again.
@lru_cache(16384)
def _meet(one: Values, other: Values) -> Values:
    whole = one.whole or other.whole
    both = ((max(a, c), min(b, d)) for a, b in one.numbers for c, d in other.numbers)
    return Values(
        one.kinds & other.kinds,
        tuple(span for span in both if _holds_any(span, whole=whole)),
        one.texts.meet(other.texts),
        whole,
    )


EVERY_NUMBER: tuple[Span, ...] = (((-inf, 0), (inf, 0)),)
ANYTHING = Values(frozenset(Kind), EVERY_NUMBER, texts.ALL)


def kinds(*of: Kind) -> Values:
    """The values of some kinds that are neither numbers nor texts."""
    return Values(frozenset(of))


def numbers(*spans: Span) -> Values:
    """The numbers of some spans."""
    return Values(numbers=spans)


def without(taken: Values) -> Values:
    """All values but those *taken*, of which the texts are a finite set or all."""
    but = taken.texts.only
    left = texts.NONE if but is None else Texts(but=but)
    return Values(ANYTHING.kinds - taken.kinds, outside(taken.numbers), left)


def outside(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The numbers that are in none of *spans*."""
    left: list[Span] = []
    start: Edge = (-inf, 0)
    for low, high in sorted(spans):
        left.append((start, (low[0], low[1] - 1)))
        start = max(start, (high[0], high[1] + 1))
    left.append((start, (inf, 0)))
    return tuple(span for span in left if _holds_any(span, whole=False))


def _holds_any(span: Span, *, whole: bool) -> bool:
    (low, above), (high, below) = span
    if span[0] > span[1] or (low == high and (above > 0 or below < 0)):
        return False
    if not whole or inf in {-low, high}:
        return True
    first = ceil(low) if above <= 0 else floor(low) + 1
    last = floor(high) if below >= 0 else ceil(high) - 1
    return first <= last
