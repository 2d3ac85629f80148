"""An answer that comes as a stream of events, from the first to the last."""

from __future__ import annotations

from typing import Any

from remit.errors import Unavailable
from remit.models.events import Event, Events, encode
from remit.models.exchange import Exchange
from remit.ports import Ports

DONE = "[DONE]"


class Abandoned(Exception):
    """The caller did not want to hear the end of it."""


class Interrupted(Exception):
    """The provider has broken the answer off."""


class Flow:
    """What becomes of the events of one answer, whoever carries them."""

    def __init__(self, exchange: Exchange, ports: Ports) -> None:
        self._exchange = exchange
        self._ports = ports
        self._passing = exchange.passing(ports)
        self._error: Exception | None = None
        self._finished = False

    @property
    def alters(self) -> bool:
        """Whether events may come out otherwise than they went in."""
        return self._passing is not None and self._passing.alters

    async def take(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The events to give on now that *event* has come. It is not to be used again."""
        self._exchange.arrived(event)
        last = self._exchange.asked.dialect.last(event)
        if event.get("error") or event.get("type") == "error":
            self._error = Interrupted()
        given = [event] if self._passing is None else await self._passing.take(event)
        for each in given:
            self._exchange.hear(each)
        # Not everybody reads on until the stream ends.
        return [*await self.finish(), *given] if last else given

    async def finish(self) -> list[dict[str, Any]]:
        """What is still held when the last event has come; the answer is on record then.

        Raises:
            Blocked: policy says of all of it that it may not end so.
        """
        held: list[dict[str, Any]] = []
        if self._finished:
            return held
        self._finished = True
        self._exchange.complete = True
        if self._passing is not None:
            held = await self._passing.finish()
            for each in held:
                self._exchange.hear(each)
            await self._exchange.passed(self._passing.text, self._ports)
        await self.end(None)
        return held

    async def end(self, error: BaseException | None) -> None:
        """Record how the answer ended, if that has not been done."""
        text = "" if self._passing is None else self._passing.text
        await self._exchange.end(self._ports, output=text, error=self._error or error)


class ByteFlow:
    """The same for what comes as the bytes of server-sent events.

    Args:
        flow: what becomes of the events.
        hides_counts: whether the caller has not asked for the event that says what was used.
    """

    def __init__(self, flow: Flow, *, hides_counts: bool) -> None:
        self._flow = flow
        self._hides_counts = hides_counts
        self._events = Events()

    async def feed(self, chunk: bytes) -> bytes:
        """The bytes to give on now that *chunk* has come."""
        return b"".join([await self._given(event) for event in self._events.feed(chunk)])

    async def finish(self) -> bytes:
        """What is still held back; the stream has ended."""
        rest = [await self._given(event) for event in self._events.finish()]
        return b"".join([*rest, *await self._held()])

    async def end(self, error: BaseException) -> None:
        """Record that the stream has ended otherwise."""
        await self._flow.end(error)

    async def _given(self, event: Event) -> bytes:
        if event.data == DONE:
            return b"".join([*await self._held(), event.raw])
        body = event.body()
        if body is None:
            if event.data and self._flow.alters:
                raise Unavailable("the answer has an event that cannot be read")
            return event.raw
        hidden = self._hides_counts and body.get("choices") == [] and bool(body.get("usage"))
        given = await self._flow.take(body)
        if hidden:
            return b""
        if not self._flow.alters:
            return event.raw
        return b"".join(encode(each, _name(each, event)) for each in given)

    async def _held(self) -> list[bytes]:
        return [encode(body, str(body.get("type") or "")) for body in await self._flow.finish()]


def _name(body: dict[str, Any], event: Event) -> str:
    """What the event with *body* is called, in a stream in which *event* has a name."""
    return str(body.get("type") or event.name) if event.name else ""
