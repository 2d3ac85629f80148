"""Which blocks of 256 records can hold what a listing asks for.

    block   number, first, last: the times its records lie between
    facet   field, value, block: somewhere in the block a record has this value; of a call, all
            but the last two characters

A whole block is written down when the callers who made it whole have been answered;
records behind those are simply read. What is found here only narrows a listing,
which then asks the leaves themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from remit.audit.tree import TILE_HEIGHT, Range
from remit.ledgers.query import Filter
from remit.ledgers.sqlite_rows import insert

NO_END = 2**63 - 1

BLOCKS_AT_ONCE = 16
"""More would make the next caller wait."""

TABLES = """
CREATE TABLE block (number INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE facet (
    field TEXT, value TEXT, block INTEGER, PRIMARY KEY (field, value, block)
) WITHOUT ROWID;
"""


# Bytes, whatever somebody may have put there instead.
STORED = """
SELECT
    seq,
    coalesce(CAST(leaf AS BLOB), x''),
    CAST(payload AS BLOB),
    coalesce(CAST(hash AS BLOB), x'')
FROM listing
"""


_Facet: TypeAlias = tuple[str, str, int]
"""Field, value, block."""


class _Listed(msgspec.Struct, gc=False):
    """What listings ask of a leaf."""

    at: int
    kind: str
    call: str
    subject: str
    action: str
    run: str = ""
    session: str = ""
    effect: str = ""
    risk: str = ""
    rules: tuple[str, ...] = ()


_LEAVES = "SELECT CAST(leaf AS BLOB) FROM record WHERE seq >= ? AND seq < ?"
_BLOCK = "INSERT OR REPLACE INTO block VALUES (?, ?, ?)"
_FACET = "INSERT OR IGNORE INTO facet VALUES (?, ?, ?)"

_read_all = msgspec.json.Decoder(list[_Listed]).decode


def whole(size: int) -> int:
    """How many blocks the first *size* records make whole."""
    return size >> TILE_HEIGHT


def catch_up(connection: sqlite3.Connection, size: int) -> int:
    """Write down the next blocks that *size* records make whole; return how many are, in all."""
    done = _done(connection)
    end = min(whole(size), done + BLOCKS_AT_ONCE)
    times, facets = list[object](), list[_Facet]()
    for number in range(done, end):
        rows = connection.execute(_LEAVES, (_first(number), _first(number + 1)))
        listed = _listed([leaf for (leaf,) in rows])
        seen = [one.at for one in listed] or [0]
        times += (number, min(seen), max(seen))
        facets += _facets(listed, number)
    insert(connection, _BLOCK, times)
    insert(connection, _FACET, [*chain.from_iterable(sorted(facets))])
    return max(done, end)


def _listed(leaves: Sequence[bytes]) -> list[_Listed]:
    try:
        return _read_all(b"[%b]" % b",".join(leaves))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Somebody changed one since. Verification says so; the ledger has to go on.
        return [] if len(leaves) == 1 else [one for leaf in leaves for one in _listed([leaf])]


def _facets(listed: Sequence[_Listed], number: int) -> Iterator[_Facet]:
    columns = zip(*map(msgspec.structs.astuple, listed), strict=True)
    for field, values in zip(_Listed.__struct_fields__, columns, strict=False):
        if field == "rules":
            yield from (("rule", rule, number) for rule in set(chain.from_iterable(values)))
        elif field == "call":
            yield from ((field, value, number) for value in {_shared(each) for each in values})
        elif field != "at":
            yield from ((field, value, number) for value in set(values))


def _shared(call: str) -> str:
    """Calls are numbered. Neighbours share a facet, or every one would bring a row of its own."""
    return call[:-2]


def select(connection: sqlite3.Connection, wanted: Filter) -> Iterator[tuple[Any, ...]]:
    """The fields of the records *wanted*, in the order asked for; the limit is the caller's."""
    for first, end in stretches(connection, wanted):
        where, values = wanted.sql(first, end)
        yield from connection.execute(f"{STORED} {where}", values)


def stretches(connection: sqlite3.Connection, wanted: Filter) -> Iterable[Range]:
    """The ranges of records outside of which nothing *wanted* is, in the order asked for."""
    asked = list(_questions(wanted))
    if not asked:
        return [(0, NO_END)]
    found = [{number for (number,) in connection.execute(*one)} for one in asked]
    known = _joined(sorted(set.intersection(*found)))
    ranges = [*known, (_first(_done(connection)), NO_END)]
    ranges = [(first, end) for first, end in ranges if end > wanted.start]
    return reversed(ranges) if wanted.newest_first else ranges


def _questions(wanted: Filter) -> Iterator[tuple[str, list[Any]]]:
    """One question for each thing that is asked."""
    query = "SELECT block FROM facet WHERE field = ? AND value = ?"
    for field, value in wanted.equalities():
        yield query, [field, _shared(value) if field == "call" else value]
    if wanted.rule is not None:
        yield query, ["rule", wanted.rule]
    if wanted.since is not None:
        yield "SELECT number FROM block WHERE last >= ?", [wanted.since // 1000]
    if wanted.until is not None:
        yield "SELECT number FROM block WHERE first < ?", [wanted.until // 1000]


def _joined(numbers: Iterable[int]) -> list[Range]:
    """The records of these blocks, with neighbours as one range."""
    ranges = list[Range]()
    for number in numbers:
        start, end = _first(number), _first(number + 1)
        if ranges and ranges[-1][1] == start:
            start, _ = ranges.pop()
        ranges.append((start, end))
    return ranges


def _done(connection: sqlite3.Connection) -> int:
    """How many blocks are written down."""
    (done,) = connection.execute("SELECT coalesce(max(number) + 1, 0) FROM block").fetchone()
    return int(done)


def _first(block: int) -> int:
    return block << TILE_HEIGHT
