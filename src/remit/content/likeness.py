"""A detector that knows what is meant by examples, and compares by meaning.

The embedding is the caller's: any function from texts to vectors, such as a model that
runs offline. Parts of a text are compared with examples of what is looked for and of
what is not, and found if they are nearer to the former by a margin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from heapq import nlargest
from math import sqrt
from operator import mul
from typing import TypeAlias

from remit.content.finding import Finding, Kind

Vector: TypeAlias = Sequence[float]
Embed: TypeAlias = Callable[[list[str]], Sequence[Vector]]

LONGEST = 400
"""Characters that are compared at once; a longer sentence is cut."""
NEAREST = 5
"""How many examples of each sort are looked at."""
_SENTENCE = re.compile(rf"[^.!?\n]{{1,{LONGEST}}}[.!?]?")


class Likeness:
    """Finds parts of a text that mean what examples mean.

    Args:
        embed: gives a vector for each text, all of one length.
        like: examples of what is to be found.
        unlike: examples of what is not. Such that look similar are worth the most.
        margin: how much nearer to the former a part has to be: cosines from 0 to 1.
        type: what a finding is called.
        kind: what it is about.
    """

    def __init__(
        self,
        embed: Embed,
        *,
        like: Sequence[str],
        unlike: Sequence[str],
        margin: float = 0.05,
        type: str = "likeness",  # noqa: A002 - the word of a finding
        kind: Kind = Kind.INJECTION,
    ) -> None:
        if not like or not unlike:
            raise ValueError(
                "likeness takes examples of both: what is to be found, and what is not"
            )
        self.embed = embed
        self.margin = margin
        self.type = type
        self.kind = kind
        self._like = [_unit(each) for each in embed(list(like))]
        self._unlike = [_unit(each) for each in embed(list(unlike))]

    def find(self, text: str, /) -> Iterator[Finding]:
        """The sentences of *text* that are like the examples."""
        parts = [each for each in _SENTENCE.finditer(text) if each[0].strip()]
        if not parts:
            return
        for part, vector in zip(parts, self.embed([each[0] for each in parts]), strict=True):
            unit = _unit(vector)
            nearer = _nearness(unit, self._like) - _nearness(unit, self._unlike)
            if nearer >= self.margin:
                confidence = min(0.5 + (nearer - self.margin), 0.95)
                yield Finding(self.type, self.kind, *part.span(), confidence)


def _nearness(unit: Vector, examples: Sequence[Vector]) -> float:
    """How near the nearest examples are, on average."""
    nearest: list[float] = nlargest(NEAREST, (sum(map(mul, unit, each)) for each in examples))
    return sum(nearest) / len(nearest)


def _unit(vector: Vector) -> Vector:
    size = sqrt(sum(map(mul, vector, vector)))
    return [each / size for each in vector] if size else list(vector)
