"""Server-sent events: bytes in, events out, and back.

An event that nothing was changed in goes on as the bytes it came in.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# Not `splitlines`: a text may hold what Unicode takes for the end of a line.
_LINE = re.compile(r"\r\n|\n|\r")
LONGEST = 64 * 1024 * 1024
"""Bytes of one event that are waited for."""


class Event(NamedTuple):
    """One event, as it came and as it reads."""

    raw: bytes
    name: str
    data: str

    def body(self) -> dict[str, Any] | None:
        """What it says, if that is a mapping."""
        try:
            found = msgspec.json.decode(self.data) if self.data else None
        except msgspec.DecodeError:
            return None
        return found if isinstance(found, dict) else None


class Events:
    """Takes a stream apart."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that *chunk* completes."""
        searched = max(len(self._rest) - 3, 0)
        self._rest += chunk
        found: list[Event] = []
        start = 0
        for end in _END.finditer(self._rest, searched):
            found.append(_event(bytes(self._rest[start : end.end()])))
            start = end.end()
        del self._rest[:start]
        if len(self._rest) > LONGEST:
            raise ValueError(f"an event of the stream is longer than {LONGEST} bytes")
        return found

    def finish(self) -> list[Event]:
        """What is left when the stream has ended without saying so."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [_event(rest + b"\n\n")] if rest.strip() else []


def encode(body: dict[str, Any], name: str) -> bytes:
    """An event that says *body*."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + msgspec.json.encode(body) + b"\n\n"


def _event(raw: bytes) -> Event:
    name, data = "", []
    for line in _LINE.split(raw.decode("utf-8", "replace")):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return Event(raw, name, "\n".join(data))
