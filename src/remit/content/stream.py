"""Redacts text that arrives in pieces, and lets go of what can no longer be part of a finding.

What is held back: the last `lookback` characters, a word that has not ended, and a
finding that has not ended. So a card number split over pieces is found before its first
digit is released. What has been released is remembered as context, no further than words
that explain a number can reach.
"""

from __future__ import annotations

from remit.content.finding import Finding, spans
from remit.content.replace import Placeholders, Replace
from remit.content.scanner import Scanner

LOOKBACK = 256
"""Longer than anything with spaces in it that is found, street addresses included."""
LONGEST_WORD = 4096
"""A word longer than this is released in parts; each part is scanned by itself."""
LONGEST_FINDING = 32_768
"""A finding longer than this is replaced before its end is known."""
CONTEXT = 256


class Stream:
    """Text goes in by pieces, and comes out redacted."""

    def __init__(
        self, scanner: Scanner, replace: Replace | None = None, *, lookback: int = LOOKBACK
    ) -> None:
        self._scanner = scanner
        self._replace = replace or Placeholders()
        self._lookback = lookback
        self._text = ""
        self._released = 0
        """How much of the text is context that has been let go."""

    def feed(self, chunk: str) -> str:
        """Take *chunk* in, and give what can be released by now."""
        self._text += chunk
        cut = self._boundary(len(self._text) - self._lookback)
        if cut <= self._released:
            return ""
        found = self._found()
        for each in reversed(found):
            # A finding is released whole or not at all, unless it has become too long to wait.
            if each.start < cut < each.end or each.end == len(self._text):
                short = len(self._text) - each.start < LONGEST_FINDING
                cut = min(cut, each.start) if short else max(cut, each.end)
        return self._release(found, cut)

    def finish(self) -> str:
        """Everything that is still held back; the stream has ended."""
        return self._release(self._found(), len(self._text))

    def _boundary(self, limit: int) -> int:
        """The last place before *limit* where a word ends; *limit*, in a word that is too long."""
        for at in range(limit, max(self._released, limit - LONGEST_WORD), -1):
            if self._text[at - 1].isspace():
                return at
        return limit if limit - self._released >= LONGEST_WORD else self._released

    def _found(self) -> list[Finding]:
        return list(spans(self._scanner.find(self._text)))

    def _release(self, found: list[Finding], cut: int) -> str:
        pieces: list[str] = []
        at = self._released
        for each in found:
            if at < each.end <= cut:
                start = max(each.start, at)
                pieces += [
                    self._text[at:start],
                    self._replace(each.type, self._text[each.start : each.end]),
                ]
                at = each.end
        cut = max(cut, self._released)
        pieces.append(self._text[at:cut])
        self._forget(cut)
        return "".join(pieces)

    def _forget(self, cut: int) -> None:
        """Keep as context what stands shortly before *cut*, from where a word begins if it can."""
        start = max(cut - CONTEXT, 0)
        words = (at for at in range(start, cut) if at == 0 or self._text[at - 1].isspace())
        start = next(words, start)
        self._text = self._text[start:]
        self._released = cut - start
