"""The candidates of an action, by the resource or the subject that a request is about.

Where thousands of rules are about one action, few of them are about one resource: what is
asked for often gets a shape of those alone, in which sets are short. To make one takes as long as
a thousand decisions save, so what is asked for seldom goes without.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter

from remit.model import Request
from remit.policy.candidates import Candidate, arrange, ones
from remit.policy.claim import Metered
from remit.policy.consult import Shape, Vocabularies
from remit.policy.rule import Document
from remit.policy.vocabulary import Fits

MANY = 500
"""Candidates of an action from which on it has parts."""

OFTEN = 32
"""Requests after which a shape is made."""

PARTS = 1024
"""Shapes that are kept of one action."""

LARGEST = 250
"""Candidates of a shape that is worth it; one of 35 takes about a millisecond to make."""

TRIES = 16
"""Parts that were too large, and more than those that were not, after which no more is made."""


class Parts:
    """What there is instead of the shape *whole* for a request about a certain noun."""

    def __init__(
        self,
        whole: Shape,
        documents: Sequence[Document],
        candidates: Sequence[Candidate],
        words: Vocabularies,
        limits: tuple[Metered, ...],
    ) -> None:
        """Of *candidates*, in the order of the policy."""
        self._whole = whole
        self._documents, self._candidates = documents, candidates
        self._words, self._limits = words, limits
        subjects = sum(bool(each.subject) for each in candidates)
        resources = sum(bool(each.resource) for each in candidates)
        self._owner = "subject" if subjects > resources else "resource"
        self._noun = attrgetter(self._owner)
        self._vocabulary = words.subject if subjects > resources else words.resource
        self._nouns = self._vocabulary.nouns
        self._about: dict[int, list[int]] = {}
        """Places of candidates by their patterns."""
        self._about_any: list[int] = []
        for place, candidate in enumerate(candidates):
            patterns = candidate.subject if subjects > resources else candidate.resource
            if not patterns:
                self._about_any.append(place)
            for pattern in ones(patterns):
                self._about.setdefault(pattern, []).append(place)
        self._known: dict[Fits, Shape] = {}
        self._asked: dict[Fits, int] = {}
        self._too_large = 0

    def find(self, request: Request) -> Shape:
        """The shape to consult for *request*."""
        noun = self._noun(request)
        by_id = self._nouns.get(noun.type)
        fits = by_id and by_id.get(noun.id)
        if not fits:
            fits = self._vocabulary.find_noun(noun.type, noun.id)
        return self._known.get(fits) or self._count(fits)

    @staticmethod
    def worth(candidates: Sequence[Candidate]) -> bool:
        """Whether *candidates* are many, and can be told by what they are about."""
        return len(candidates) >= MANY and any(c.subject or c.resource for c in candidates)

    def shapes(self) -> Iterable[Shape]:
        """Those that were made."""
        return tuple(self._known.values())

    def _count(self, fits: Fits) -> Shape:
        asked = self._asked.get(fits, 0) + 1
        if len(self._asked) >= PARTS:
            self._asked.clear()
        self._asked[fits] = asked
        if asked < OFTEN:
            return self._whole
        if len(self._known) >= PARTS:
            self._known.clear()
        part = self._known[fits] = self._part(fits.bits)
        return part

    def _part(self, bits: int) -> Shape:
        fitting = (self._about.get(pattern, ()) for pattern in ones(bits))
        found = {*self._about_any, *chain.from_iterable(fitting)}
        if len(found) <= LARGEST:
            chosen = [self._candidates[place] for place in sorted(found)]
            return Shape(arrange(self._documents, chosen), self._words, self._limits, self._owner)
        self._too_large += 1
        if self._too_large >= TRIES and 2 * self._too_large > len(self._known):
            self._whole.parts = None
        return self._whole
