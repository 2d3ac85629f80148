"""A pattern: what to look for, and what decides whether it is what it looks like.

Linear by construction. Expressions are RE2's, which never backtracks, and none that is
searched for again and again is unbounded, so no search reads further than the longest
match. What may be longer (a token, a key) is found by how it begins and followed to its
end once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, NamedTuple, TypeAlias

from remit.content.finding import Kind


class Hit(NamedTuple):
    """A part of the bytes that were searched, and how likely it is what was looked for."""

    start: int
    end: int
    confidence: float


Pick: TypeAlias = Callable[[bytes, int, int], Iterable[Hit]]
"""What is meant in a candidate: in these bytes, from here to there."""
Accept: TypeAlias = Callable[[str], bool]
"""Whether a candidate is what it looks like."""

CONTEXT = 64
"""How far before a candidate the words are that tell what it is."""
WORD = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"


@dataclass(frozen=True)
class Pattern:
    """One type of finding. If the expression has a group, the first is what was found."""

    type: str
    regex: str
    kind: Kind
    cue: str = ""
    """A cheaper expression, found wherever the other is. It is only ever looked for once in a
    text, and best has no gaps: each doubles what the one pass has to keep in mind."""
    accept: Accept | None = None
    pick: Pick | None = None
    """In place of `accept`: the parts of a candidate that are meant."""
    overlap: int = 0
    """A candidate is a stretch that holds several, all of which have been picked from it, but
    for what may have begun this close to its end."""
    more: str = ""
    """Characters that a candidate goes on with for as long as there are any."""
    confidence: float = 0.9
    context: str = ""
    """Words that make it likely when they stand before it."""
    bare: float = 0.0
    """The confidence without those words; 0 finds nothing without them."""
    then: str = ""
    """What must follow in the same sentence; the finding reaches as far as that."""
    edges: bytes = WORD
    """What may not stand next to it: it would be a part of something longer."""
    word: bool = True
    """It begins with a letter, a digit or an underscore."""
    needs: bytes = b""
    """Every match has one of these bytes; a text with none of them is not looked at for it.
    Empty where there are no such bytes."""

    @cached_property
    def hint(self) -> str:
        """What a text holds if this is in it: the cue, words that must be there, or all of it."""
        if self.cue:
            return self.cue
        if self.context and not self.bare:
            return f"(?i){self.context}"
        return self._whole

    @cached_property
    def _whole(self) -> str:
        """The expression, which is not tried within words if it cannot begin there."""
        begins = self.word and self.edges.startswith(WORD) and self.pick is None
        return rf"\b(?:{self.regex})" if begins else self.regex

    def find(self, raw: bytes) -> Iterator[Hit]:
        """Where it is in *raw*."""
        expression, group, more = self._compiled
        at = 0
        while (found := expression.search(raw, at)) is not None:
            start, end = found.span(group)
            if more is not None:
                end = more.match(raw, end).end()
            hits = tuple(self._hits(raw, start, end))
            yield from hits
            at = self._resume(raw, found.span(), end, hits)

    def _resume(self, raw: bytes, span: tuple[int, int], end: int, hits: tuple[Hit, ...]) -> int:
        """Where to look on."""
        if self.more or (hits and self.pick is None):
            return max(end, span[1])
        if self.overlap:
            # A stretch shorter than this has come to its end.
            rest = span[1] - self.overlap if span[1] - span[0] > 2 * self.overlap else span[1]
            return max(rest, hits[-1].end) if hits else rest
        return hits[-1].end if hits else _next_word(raw, *span)

    def _hits(self, raw: bytes, start: int, end: int) -> Iterable[Hit]:
        if self.pick is not None:
            return self.pick(raw, start, end)
        if not self._alone(raw, start, end):
            return ()
        if self.accept is not None and not self.accept(raw[start:end].decode("utf-8", "replace")):
            return ()
        if self.then:
            follows = compiled(f"(?i)[^.\n]*?(?:{self.then})").match(raw[end : end + CONTEXT])
            if follows is None:
                return ()
            end += follows.end()
        confidence = self.confidence
        if self.context and not stands_before(self.context, raw, start):
            confidence = self.bare
        return (Hit(start, end, confidence),) if confidence else ()

    def _alone(self, raw: bytes, start: int, end: int) -> bool:
        return raw[max(start - 1, 0) : start] not in self._edges and (
            raw[end : end + 1] not in self._edges
        )

    @cached_property
    def _edges(self) -> frozenset[bytes]:
        return frozenset(self.edges[at : at + 1] for at in range(len(self.edges)))

    @cached_property
    def _compiled(self) -> tuple[Any, int, Any]:
        expression = compiled(self._whole)
        more = compiled(f"[{self.more}]*") if self.more else None
        return expression, 1 if expression.groups else 0, more


def number(digits: int) -> str:
    """The cue of what has at least so many *digits*.

    They are counted and not looked at, so that a table of numbers does not give the one
    pass more to keep in mind than it can.
    """
    return rf"\d(?:[ ().-]{{0,2}}\d){{{digits - 1}}}"


def words(text: str) -> frozenset[str]:
    """The words of *text*."""
    return frozenset(text.split())


NUMBERS = b"1203456789@"
"""What personal data have in them, the likeliest first."""

personal = partial(Pattern, kind=Kind.PII, needs=NUMBERS)
secret = partial(Pattern, kind=Kind.SECRET)


@cache
def compiled(regex: str) -> Any:
    """The RE2 program of *regex*, over the bytes of UTF-8."""
    # Imported when a text is scanned: most programs scan none.
    import re2

    return re2.compile(regex.encode(), options())


def options() -> Any:
    """How expressions are compiled: over bytes, in bounded memory."""
    import re2

    chosen = re2.Options()
    chosen.log_errors = False
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.max_mem = 32 << 20
    return chosen


def stands_before(words: str, raw: bytes, at: int) -> bool:
    """Whether one of *words* stands shortly before *at*."""
    return compiled(f"(?i){words}").search(raw[max(at - CONTEXT, 0) : at]) is not None


def _next_word(raw: bytes, start: int, end: int) -> int:
    """Where to look on, after what began at *start* was not what it looked like."""
    gap = compiled("[^0-9A-Za-z]").search(raw, start + 1, end)
    return end if gap is None else int(gap.end())
