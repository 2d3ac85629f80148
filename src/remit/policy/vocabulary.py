"""The patterns of all rules over one field, and which of them a name fits.

Every pattern has a bit, or two where strict rules (deny, ask) and loose ones
(allow) share it: the former also match what a name looks like. A rule is then
the bits of its patterns, and a name the bits of the patterns it fits; later
fields of conditions can join in with bits of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from remit.policy import names
from remit.policy.glob import Index, rewrite
from remit.policy.rule import Patterns

REMEMBERED = 4096
"""Names whose answer is kept. When it is full it starts afresh: strangers cannot make it grow."""

LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """The bits of the patterns that some names fit.

    All of these names have the same object, so that what follows can be kept by it: it is
    quicker to look up than a long integer.
    """

    bits: int


class Vocabulary:
    """Numbers patterns while a policy is compiled, then finds names among them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, bool], int] = {}
        self.known: dict[str, int] = {}
        """Names that were found before."""
        self.nouns: dict[str, dict[str, Fits]] = {}
        """Nouns that were found before, by type and id."""
        self._nouns = 0
        self._fits: dict[int, Fits] = {}

    def number(self, pattern: str, *, strict: bool) -> int:
        """The number of *pattern*, which is new or has been seen before."""
        return self._numbers.setdefault((pattern, strict), len(self._numbers))

    def bits(self, patterns: Patterns, *, strict: bool) -> int:
        """The bits of *patterns*; 0 when one of them fits everything."""
        if any(pattern.strip("*") == "" for pattern in patterns):
            return 0
        return sum(1 << self.number(pattern, strict=strict) for pattern in set(patterns))

    def find(self, name: str) -> int:
        """The bits of the patterns that *name* fits."""
        found = self.known.get(name)
        if found is not None:
            return found
        found = self._search(name)
        if len(self.known) >= REMEMBERED:
            self.known.clear()
        if len(name) <= LONGEST_REMEMBERED:
            self.known[name] = found
        return found

    def find_noun(self, kind: str, name: str) -> Fits:
        """What the noun called `kind:name` fits."""
        bits = self.find(f"{kind}:{name}")
        if len(self._fits) >= REMEMBERED:
            self._fits.clear()
            self.nouns.clear()
        fits = self._fits.setdefault(bits, Fits(bits))
        # As keys, numbers and truth values may equal each other and read differently.
        if type(kind) is str and type(name) is str:
            self._remember(kind, name, fits)
        return fits

    def _remember(self, kind: str, name: str, fits: Fits) -> None:
        if len(kind) + len(name) > LONGEST_REMEMBERED:
            return
        if self._nouns >= REMEMBERED:
            self._nouns = 0
            self.nouns.clear()
        self._nouns += 1
        self.nouns.setdefault(kind, {})[name] = fits

    def _search(self, name: str) -> int:
        if len(name) > names.LONGEST:
            return self._everything_strict()
        found = self._spelled.find(names.spell(name))
        alike = self._foreign if name.isascii() else self._looks
        for look in names.looks(name) if alike else ():
            found |= alike.find(look)
        return found

    # Threads may meet in these and do the same work twice, to the same end.
    @cached_property
    def _spelled(self) -> Index:
        return Index(
            (rewrite(pattern, names.fold), number) for (pattern, _), number in self._numbers.items()
        )

    @cached_property
    def _looks(self) -> Index:
        return Index(self._alike(foreign_only=False))

    @cached_property
    def _foreign(self) -> Index:
        return Index(self._alike(foreign_only=True))

    def _everything_strict(self) -> int:
        return sum(
            1 << number
            for (pattern, strict), number in self._numbers.items()
            if strict or pattern.strip("*") == ""
        )

    def _alike(self, *, foreign_only: bool) -> Iterator[tuple[str, int]]:
        """Strict patterns as what they look like; an ASCII name needs only the foreign ones."""
        for (pattern, strict), number in self._numbers.items():
            if not strict or (foreign_only and pattern.isascii()):
                continue
            # One character may look like two, or none, so '?' must stand for any run.
            wide = pattern.replace("?", "*")
            yield rewrite(wide, names.drawn), number
            yield rewrite(wide, names.meant), number
