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
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from remit.audit.tree import TILE_HEIGHT, TILE_WIDTH, Range
from remit.ledgers import sqlite_tree
from remit.ledgers.query import Filter
from remit.ledgers.sqlite_rows import insert

NO_END = 2**63 - 1

BLOCKS_AT_ONCE = 16
"""More would keep whoever looks after the ledger from what is urgent."""

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

# Calls are numbered. Neighbours share a facet, or every one would bring a row of its own.
_SHARED = "substr({0}, 1, length({0}) - 2)"


def _all(value: str) -> str:
    return f"json_group_array(DISTINCT {value})"


_FACETS = {
    "call": _all(_SHARED.format("json_extract(leaf, '$.call')")),
    **{
        field: _all(f"json_extract(leaf, '$.{field}')")
        for field in ("kind", "subject", "action", "run", "session", "effect", "risk")
    },
}

# SQLite reads the leaves, as it lets other threads go on meanwhile. It answers in one row, as
# between two of them it would have to wait for its turn.
_SUMMARIES = f"""
WITH RECURSIVE part (start, stop) AS (
    VALUES (?1, min(?1 + {TILE_WIDTH}, ?2))
    UNION ALL SELECT stop, min(stop + {TILE_WIDTH}, ?2) FROM part WHERE stop < ?2
)
SELECT json_group_array((
    SELECT json_array(
        start >> {TILE_HEIGHT},
        min(json_extract(leaf, '$.at')),
        max(json_extract(leaf, '$.at')),
        {_all("json_extract(leaf, '$.rules')")},
        json_object({", ".join(f"'{field}', {values}" for field, values in _FACETS.items())})
    ) FROM record WHERE seq >= start AND seq < stop
)) FROM part
"""  # noqa: S608 - of our own making, as is all that is put in
_BLOCK = "INSERT OR REPLACE INTO block VALUES (?, ?, ?)"
_FACET = "INSERT OR IGNORE INTO facet VALUES (?, ?, ?)"


class _Summary(msgspec.Struct, array_like=True, gc=False):
    """What listings ask of the records of one block, or of a part of it."""

    block: int
    first: int | None
    last: int | None
    rules: list[tuple[str, ...] | None]
    facets: dict[str, list[str | None]]

    def rows(self) -> Iterator[_Facet]:
        """What is written down of it; what a leaf does not have is an empty text."""
        for field, values in self.facets.items():
            yield from ((field, value or "", self.block) for value in values)
        yield from (("rule", rule, self.block) for rules in self.rules for rule in rules or ())


_summaries = msgspec.json.Decoder(list[_Summary]).decode


def catch_up(connection: sqlite3.Connection) -> int:
    """Write down the next blocks that are whole; return how many records the written ones hold.

    What two processes write down of one block is the same.
    """
    done = _done(connection)
    end = min(sqlite_tree.size(connection) >> TILE_HEIGHT, done + BLOCKS_AT_ONCE)
    if done >= end:
        return _first(done)
    found = _read(connection, _first(done), _first(end))
    times: dict[int, list[int]] = {number: [] for number in range(done, end)}
    for one in found:
        times[one.block] += [at for at in (one.first, one.last) if at is not None]
    blocks = ((number, min(at, default=0), max(at, default=0)) for number, at in times.items())
    facets = sorted({row for one in found for row in one.rows()})
    # Others wait for the lock of the file: it is taken when there is nothing left to think.
    connection.execute("BEGIN IMMEDIATE")
    insert(connection, _BLOCK, [*chain.from_iterable(blocks)])
    insert(connection, _FACET, [*chain.from_iterable(facets)])
    connection.execute("COMMIT")
    return _first(end)


def _read(connection: sqlite3.Connection, start: int, end: int) -> list[_Summary]:
    """What there is to say of the records from *start* to before *end*, by blocks."""
    try:
        (found,) = connection.execute(_SUMMARIES, (start, end)).fetchone()
        return _summaries(found)
    except (sqlite3.OperationalError, msgspec.MsgspecError):
        # Somebody changed one since. Verification says so; the ledger has to go on.
        if end - start == 1:
            return []
        step = TILE_WIDTH if end - start > TILE_WIDTH else 1
        parts = [_read(connection, at, at + step) for at in range(start, end, step)]
        return [one for part in parts for one in part]


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
    query = "SELECT block FROM facet WHERE field = ?1 AND value = {}"
    for field, value in wanted.equalities():
        place = _SHARED.format("?2") if field == "call" else "?2"
        yield query.format(place), [field, value]
    if wanted.rule is not None:
        yield query.format("?2"), ["rule", wanted.rule]
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
