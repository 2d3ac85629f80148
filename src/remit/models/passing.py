"""A stream of events on its way to the caller."""

from __future__ import annotations

from typing import Any

from remit.models.dialects import Channel, Dialect, forget_tokens, texts
from remit.models.duty import Owed
from remit.models.passage import Judge, Passage


class Passing:
    """Takes events in, and gives the events that the caller may have by then.

    Args:
        dialect: what they are written in.
        owed: what the decision on the call lays on the answer.
        judge: decides on texts of the answer before they are given on.
    """

    def __init__(self, dialect: Dialect, owed: Owed | None, judge: Judge | None) -> None:
        self._dialect = dialect
        self._owed = owed
        self._judge = judge
        self._passages: dict[Channel, Passage] = {}
        self._last: dict[str, Any] = {}
        self._others: list[str] = []

    @property
    def alters(self) -> bool:
        """Whether events may come out otherwise than they went in."""
        return self._owed is not None or self._judge is not None

    async def take(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The events to give on now that *event* has come. It is not to be used again."""
        said = [(piece.channel, piece.text) for piece in self._silenced(event)]
        if self.alters:
            forget_tokens(event)
        event = await self._apart(event)
        released = [await self._passage(channel).feed(text) for channel, text in said]
        self._last = event
        before = await self._flush(tuple(self._dialect.ended(event)))
        pieces = list(self._dialect.pieces(event))
        for piece, text in reversed(list(zip(pieces, released, strict=True))):
            # What comes out of a text at its end goes where its last piece is.
            piece.put(text + before.pop(piece.channel, ""))
        return [*self._events(before), event]

    async def finish(self) -> list[dict[str, Any]]:
        """What is still held back; the stream has ended."""
        return self._events(await self._flush(((),)))

    @property
    def text(self) -> str:
        """All texts that have been given on, each once: some are said again at the end."""
        whole = ("".join(passage.out) for passage in self._passages.values())
        return "\n".join(dict.fromkeys((*whole, *self._others)))

    def _silenced(self, event: dict[str, Any]) -> list[Any]:
        pieces = list(self._dialect.pieces(event))
        for piece in pieces:
            piece.put("")
        return pieces

    async def _apart(self, event: dict[str, Any]) -> dict[str, Any]:
        """*event*, once everything in it that is not a piece of a longer text may be given on."""
        if self._owed is not None and any(texts(event)):
            event = await self._owed.discharge(event)
        whole = list(filter(None, texts(self._dialect.told(event))))
        self._others += whole
        due = await self._judge("\n".join(whole)) if whole and self._judge is not None else None
        return event if due is None else await due.discharge(event)

    def _passage(self, channel: Channel) -> Passage:
        if channel not in self._passages:
            streams = [] if self._owed is None else self._owed.streams()
            whole = self._owed if self._owed is not None and not streams else None
            self._passages[channel] = Passage(streams, whole, self._judge)
        return self._passages[channel]

    async def _flush(self, ended: tuple[Channel, ...]) -> dict[Channel, str]:
        rests: dict[Channel, str] = {}
        for channel, passage in self._passages.items():
            over = any(channel[: len(prefix)] == prefix for prefix in ended)
            if over and (rest := await passage.finish()):
                rests[channel] = rest
        return rests

    def _events(self, rests: dict[Channel, str]) -> list[dict[str, Any]]:
        return [self._dialect.event(channel, text, self._last) for channel, text in rests.items()]
