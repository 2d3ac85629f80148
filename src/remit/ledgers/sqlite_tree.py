"""The tree of a ledger file, made of the hashes and inner nodes that the file holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from remit.audit.tree import TILE_WIDTH, Frontier, Hash, Node, Proof, Range, peak_ranges, range_root
from remit.errors import LogError

_LEAVES = "SELECT hash FROM record WHERE seq >= ?1 AND seq < ?2 AND ?3 = 0 ORDER BY seq"
_INNER = "SELECT hash FROM node WHERE level = ?3 AND seq >= ?1 AND seq < ?2 ORDER BY seq"


def size(connection: sqlite3.Connection) -> int:
    """How many records there are."""
    (found,) = connection.execute("SELECT coalesce(max(seq) + 1, 0) FROM record").fetchone()
    return int(found)


def frontier(connection: sqlite3.Connection, known: Frontier = Frontier()) -> Frontier:  # noqa: B008 - it is frozen
    """What the tree needs to grow. It was *known* before, so there may be little to read."""
    there = size(connection)
    if known.size <= there < known.size + TILE_WIDTH:
        return known.extend(_hashes(connection, 0, known.size, there))
    try:
        return Frontier(there, roots(connection, peak_ranges(there)))
    except LogError:
        # Without inner nodes it takes longer. Verification says that they are not there.
        return Frontier().extend(_hashes(connection, 0, 0, there))


def roots(connection: sqlite3.Connection, ranges: tuple[Range, ...]) -> Proof:
    """The root over each of *ranges*, which are subtrees."""

    def read(level: int, first: int, end: int) -> list[Hash]:
        return _hashes(connection, level, first, end)

    return tuple(range_root(start, end, read) for start, end in ranges)


def nodes(connection: sqlite3.Connection) -> Iterator[Node]:
    """The inner nodes, in the order of the leaves that completed them."""
    query = """
        SELECT level, seq, coalesce(CAST(hash AS BLOB), x'')
        FROM node ORDER BY (seq + 1) << (8 * level), level
    """
    # Not `yield from`: that would close the cursor after its connection.
    for level, seq, hashed in connection.execute(query):  # noqa: UP028 - see above
        yield level, seq, hashed


def _hashes(connection: sqlite3.Connection, level: int, first: int, end: int) -> list[Hash]:
    query = _INNER if level else _LEAVES
    found = [hashed for (hashed,) in connection.execute(query, (first, end, level))]
    if len(found) != end - first or not all(type(each) is bytes for each in found):
        raise LogError("the log has lost a part of its tree: it can prove nothing")
    return found
