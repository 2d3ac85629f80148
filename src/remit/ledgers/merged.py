"""Several ledgers read as one: what happened, in the order of time.

    logs = MergedLog({"support": SqliteLog("support.db"), "billing": SqliteLog("billing.db")})
    for one in logs.select(Filter(subject="agent:billing-bot")):
        print(one.ledger, one.stored.facts().action)

Within a ledger its own order stands, which is proved. Between ledgers there is only what
their clocks say, which is not. Each is verified by itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Protocol

import msgspec

from remit.audit.stored import Stored
from remit.errors import LogError
from remit.ledgers.query import Filter

EVERYTHING = Filter()


class Source(Protocol):
    """A ledger, as far as it is listed."""

    def select(self, wanted: Filter, /) -> Iterator[Stored]:
        """The records *wanted*."""
        ...


class Merged(msgspec.Struct, frozen=True):
    """A record, and which ledger it is of."""

    ledger: str
    stored: Stored


class MergedLog:
    """The records of all *sources*, each under the name it is given here."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = dict(sources)

    def select(self, wanted: Filter = EVERYTHING, /) -> Iterator[Merged]:
        """The records *wanted*, of all ledgers; its limit is for all of them together.

        Raises:
            LogError: a record cannot be read, and so has no time.
        """
        if wanted.start:
            raise ValueError("an index is of one ledger: leave out where to start")
        streams = (self._stream(name, wanted) for name in self.sources)
        merged = heapq.merge(*streams, key=_at, reverse=wanted.newest_first)
        return islice((one for _, one in merged), wanted.limit)

    def _stream(self, name: str, wanted: Filter) -> Iterator[tuple[int, Merged]]:
        for stored in self.sources[name].select(wanted):
            try:
                at = stored.facts().at
            except LogError as error:
                raise LogError(f"{name}: {error}", index=error.index) from error
            yield at, Merged(name, stored)


def _at(entry: tuple[int, Merged]) -> int:
    return entry[0]
