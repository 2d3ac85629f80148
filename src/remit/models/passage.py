"""A text on its way from the model to the caller, which may not come out as it went in.

What is held back: as much as a finding may need to be seen whole, whether it is replaced or
decided on. So a card number split over pieces is found before its first digit is released.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from remit.content import Stream

LOOKBACK = 256
"""Characters that are decided on before those that stand this far ahead of them are released."""
LONGEST_WORD = 4096
"""A word longer than this is released in parts."""
STRIDE = 256
"""Characters that come in between two decisions."""


class Duties(Protocol):
    """What a decision lays on a text."""

    async def discharge(self, value: Any, /) -> Any:
        """*value* as the caller may have it."""
        ...


Judge: TypeAlias = Callable[[str], Awaitable["Duties | None"]]
"""Decides on a text; raises if the caller may not have it, and says what is owed if it may."""


class Passage:
    """One text that comes in pieces.

    Args:
        streams: replace what is found in it, piece by piece.
        whole: what is owed of it that can only be done when all of it is here.
        judge: decides on what would come out.
    """

    __slots__ = ("_due", "_held", "_judge", "_released", "_streams", "_whole", "out")

    def __init__(
        self, streams: list[Stream], whole: Duties | None = None, judge: Judge | None = None
    ) -> None:
        self._streams = streams
        self._whole = whole
        self._judge = judge
        self._due: Duties | None = None
        """What a decision has laid on what is held."""
        self._held = ""
        """What has not been released, after so much that has, as context for a decision."""
        self._released = 0
        self.out: list[str] = []
        """All that has been released."""

    async def feed(self, text: str) -> str:
        """Take *text* in, and give what can be released by now."""
        for stream in self._streams:
            text = stream.feed(text)
        if self._whole is None and self._judge is None:
            return self._let_go(text)
        self._held += text
        if self._whole is not None or self._due is not None:
            return ""
        cut = self._boundary(len(self._held) - LOOKBACK)
        if cut - self._released < STRIDE:
            return ""
        self._due = await self._judged(self._held)
        # Where some of it has to be replaced, all of it is waited for.
        return self._release(cut) if self._due is None else ""

    async def finish(self) -> str:
        """All that is still held back; the text has ended."""
        text = ""
        for stream in self._streams:
            text = stream.feed(text) + stream.finish()
        seen, rest = self._held[: self._released], self._held[self._released :] + text
        self._held, self._released = "", 0
        if self._whole is not None and rest:
            rest = str(await self._whole.discharge(rest))
        due = await self._judged(seen + rest) if rest else None
        due, self._due = due or self._due, None
        if due is not None:
            rest = str(await due.discharge(rest))
        return self._let_go(rest)

    def _boundary(self, limit: int) -> int:
        """The last place before *limit* where a word ends; *limit*, in a word that is too long."""
        for at in range(limit, self._released, -1):
            if self._held[at - 1].isspace():
                return at
        return limit if limit - self._released >= LONGEST_WORD else self._released

    async def _judged(self, text: str) -> Duties | None:
        return None if self._judge is None else await self._judge(text)

    def _release(self, cut: int) -> str:
        text = self._held[self._released : cut]
        start = max(cut - LOOKBACK, 0)
        self._held, self._released = self._held[start:], cut - start
        return self._let_go(text)

    def _let_go(self, text: str) -> str:
        if text:
            self.out.append(text)
        return text
