"""The spans that have begun and not ended. There is a limit: a run that is cut off never ends."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from opentelemetry.trace import Span

from remit.telemetry import names


@dataclass(slots=True)
class Open:
    """A span under way."""

    span: Span
    began: int
    """When the run began, or the action of the call. Unix time in nanoseconds."""
    unstarted: set[str] = field(default_factory=set)
    """Calls of a run that people were asked about and that have not started."""
    process: int = field(default_factory=os.getpid)
    """Where it began. A process that was forked has a copy, and does not end it by itself."""


class OpenSpans:
    """Spans by the id of their run or call; of too many the oldest are ended as cut off."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._spans: OrderedDict[str, Open] = OrderedDict()
        self._lock = threading.Lock()
        self._latest = 0

    def __len__(self) -> int:
        return len(self._spans)

    def get(self, identity: str) -> Open | None:
        """The span of *identity*, if it is under way."""
        return self._spans.get(identity)

    def add(self, identity: str, opened: Open) -> None:
        """Keep *opened* until it is taken."""
        with self._lock:
            self._spans[identity] = opened
            self._latest = max(self._latest, opened.began)
            over = len(self._spans) - self._most
            oldest = [self._spans.popitem(last=False)[1] for _ in range(over)]
        self._cut_off(oldest)

    def take(self, identity: str) -> Open | None:
        """The span of *identity*, which the caller ends."""
        with self._lock:
            return self._spans.pop(identity, None)

    def cut_off(self, identities: set[str]) -> None:
        """End the spans of *identities*, which will not be ended otherwise."""
        self._cut_off([opened for each in identities if (opened := self.take(each))])

    def close(self) -> None:
        """End them all."""
        with self._lock:
            rest = list(self._spans.values())
            self._spans.clear()
        self._cut_off(rest)

    def _cut_off(self, spans: list[Open]) -> None:
        for opened in spans:
            if opened.process != os.getpid():
                continue
            opened.span.set_attributes({names.CUT_OFF: True})
            opened.span.end(max(opened.began, self._latest))
