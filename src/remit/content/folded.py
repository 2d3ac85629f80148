"""Text as detectors see it: folded to plain characters, with the way back to the original.

What a reader cannot tell apart is made the same: full-width letters and digits, the
digits of other scripts, the many dashes and spaces, letters with accents, and Cyrillic
or Greek letters in a word that is otherwise Latin. What a reader cannot see is dropped.
ASCII text, which is most text, is itself, unless it has control characters.

Each character is folded by itself, so the work grows with the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from remit.content.pattern import compiled


@dataclass(frozen=True, slots=True)
class Folded:
    """A text that stands for another."""

    text: str
    raw: bytes
    """The same as UTF-8: what patterns are looked for in."""
    starts: Sequence[int] | None = None
    """For each character, where in the original it began; None if it is the same place."""
    ends: Sequence[int] | None = None
    _places: list[int] = field(default_factory=list, compare=False)

    def onto(self, starts: Sequence[int] | None, ends: Sequence[int] | None) -> Folded:
        """The same, where the original stands itself for another, and came from these places."""
        if starts is None or ends is None:
            return self
        if self.starts is None or self.ends is None:
            return Folded(self.text, self.raw, starts, ends)
        return Folded(
            self.text,
            self.raw,
            [starts[at] for at in self.starts],
            [ends[at - 1] for at in self.ends],
        )

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the original that the bytes from *start* to *end* came from."""
        first, last = self.character(start), self.character(end - 1)
        if self.starts is None or self.ends is None:
            return first, last + 1
        return self.starts[first], self.ends[last]

    def character(self, at: int) -> int:
        """The number of the character that the byte *at* belongs to."""
        if len(self.raw) == len(self.text):
            return at
        if not self._places:
            self._places.extend(accumulate((_width(c) for c in self.text), initial=0))
        return bisect_right(self._places, at) - 1


CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
"""What is invisible in ASCII text."""


def fold(text: str, *, controlled: bool = False) -> Folded:
    """*text* as detectors see it; in ASCII text, control characters stay unless *controlled*."""
    if text.isascii():
        raw = text.encode()
        if not controlled or not compiled(CONTROL).search(raw):
            return Folded(text, raw)
    mixed = _unmix(text)
    folded = mixed.translate(_TABLE)
    raw = folded.encode("utf-8", "replace")
    wide = "".join(c for c in set(mixed) if len(_TABLE[ord(c)]) != 1)
    if not wide:
        return Folded(folded, raw)
    starts: list[int] = []
    end = 0
    for found in re.finditer(f"[{re.escape(wide)}]", mixed):
        at = found.start()
        starts += [*range(end, at), *[at] * len(_TABLE[ord(found[0])])]
        end = at + 1
    starts += range(end, len(mixed))
    return Folded(folded, raw, starts, [at + 1 for at in starts])


def plain(character: str) -> str:
    """What *character* looks like to a reader, in plain characters; empty if it is invisible."""
    category = unicodedata.category(character)
    if category in _SAME:
        return _SAME[category]
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Cc":
        return character if character in "\t\n\r" else ""
    if "\U0001f1e6" <= character <= "\U0001f1ff":
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    bare = "".join(each for each in decomposed if not unicodedata.category(each).startswith("M"))
    if bare.isascii():
        return bare or character
    return _ALIKE.get(character) or unicodedata.normalize("NFKC", character)


_SAME = {"Cf": "", "Mn": "", "Me": "", "Pd": "-", "Zs": " ", "Zl": "\n", "Zp": "\n"}
_ALIKE = {
    "\u2212": "-", "\u2043": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"',
    "\u2024": ".", "\u3002": ".", "\u115f": "", "\u1160": "", "\u3164": "", "\uffa0": "",
    "\u2800": " ", "\u0131": "i", "\u0142": "l", "\u00f8": "o", "\u0111": "d", "\u2044": "/",
    "\u00df": "ss", "\u00e6": "ae", "\u0153": "oe",
}  # fmt: skip
_LATIN = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u043a\u0432"
    "\u043c\u043d\u0442\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408"
    "\u0405\u03bf\u03b1\u03c1\u03bd\u03b9\u03ba\u03c5\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c"
    "\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0433\u04cf\u0475",
    "aeopcyxijshdqwkbmhtABEKMHOPCTXIJSoapvikuABEZHIKMNOPTYXrlv",
)
"""Letters of Cyrillic and Greek that look like Latin ones."""
_WORD = re.compile("[A-Za-z\u0370-\u052f]+")


class _Table(dict[int, str]):
    """Every character's plain form, worked out when it is first seen."""

    def __missing__(self, code: int) -> str:
        found = plain(chr(code))
        if len(self) < _REMEMBERED:
            self[code] = found
        return found


_REMEMBERED = 20_000
_TABLE = _Table()


def _unmix(text: str) -> str:
    """*text* with the look-alikes in otherwise Latin words replaced, one for one."""
    if not _FOREIGN.search(text):
        return text
    return _WORD.sub(lambda word: _latin(word[0]), text)


_FOREIGN = re.compile("[\u0370-\u052f]")


def _latin(word: str) -> str:
    mixed = not word.isascii() and _LETTER.search(word)
    return word.translate(_LATIN) if mixed else word


_LETTER = re.compile("[A-Za-z]")


def _width(character: str) -> int:
    """How many bytes UTF-8 takes; what it cannot encode became a question mark."""
    code = ord(character)
    if code < 0x80 or 0xD800 <= code < 0xE000:
        return 1
    return 2 if code < 0x800 else 3 if code < 0x10000 else 4
