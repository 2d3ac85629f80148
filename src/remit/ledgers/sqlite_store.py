"""The one connection that writes a ledger file, and its two transactions.

Every transaction takes the lock of the file first and reads the tree from it,
because another process may have written since. So any number of processes can
share a file, and what one of them appends is what the next one builds upon.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias, TypeVar

from remit.audit import note, rotation
from remit.audit.checkpoint import Checkpoint
from remit.audit.note import SigningKey
from remit.audit.record import Entry
from remit.audit.stored import Stored
from remit.audit.tree import Frontier, Hash, Node, leaf_hash
from remit.errors import Conflict, LogError
from remit.ledgers import sqlite_docket, sqlite_schema

T = TypeVar("T")
Row: TypeAlias = tuple[object, ...]

ROWS_AT_ONCE = 128
"""A statement with many rows takes SQLite less time than many with one."""

_RECORD = "INSERT INTO record (seq, leaf, hash) VALUES (?, ?, ?)"
_PAYLOAD = "INSERT INTO payload (seq, body) VALUES (?, ?)"
_NODE = "INSERT INTO node (level, seq, hash) VALUES (?, ?, ?)"
_ROTATIONS = """
SELECT seq, CAST(leaf AS BLOB), CAST(body AS BLOB), hash
FROM record LEFT JOIN payload USING (seq) WHERE action = ? AND kind = 'changed' ORDER BY seq
"""


class Store:
    """Opens the file when it is first needed, and again after anything went wrong."""

    def __init__(self, path: Path, patience: float, clock: Callable[[], int]) -> None:
        self.path = path
        self._clock = clock
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def append(self, entries: Sequence[Entry]) -> list[int | Conflict]:
        """Make *entries* durable, all or none, but for those whose moves cannot be made.

        Where each of them is, or why it is not kept.
        """
        hashes = [leaf_hash(entry.leaf) for entry in entries]

        def work(connection: sqlite3.Connection) -> list[int | Conflict]:
            refused = sqlite_docket.move(connection, entries, self._clock())
            if not refused:
                return list(keep(connection, entries, hashes))
            kept = [at for at in range(len(entries)) if at not in refused]
            places = keep(connection, [entries[at] for at in kept], [hashes[at] for at in kept])
            found: dict[int, int | Conflict] = {**refused, **dict(zip(kept, places, strict=True))}
            return [found[at] for at in range(len(entries))]

        return self.transact(work)

    def sign(self, key: SigningKey) -> str:
        """The head of the log as it is now, signed with *key*; once is enough for each head."""

        def work(connection: sqlite3.Connection) -> str:
            rotation.check_in_use(rotations(connection), key)
            return sign(connection, key)

        return self.transact(work)

    def now(self) -> int:
        """The clock of the ledger. Unix time in nanoseconds."""
        return self._clock()

    def scrub(self) -> bool:
        """Overwrite in the file what was deleted from it; whether readers let that happen."""
        deadline = time.monotonic() + self._patience
        while True:
            connection = self._open()
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy or time.monotonic() > deadline:
                return not busy
            time.sleep(0.01)

    def close(self) -> None:
        """Let go of the file; a transaction that was not committed never was."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What *work* answers, once all it did is on disk."""
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            self.close()
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        # Records written to a file that was moved away would be lost to every reader.
        if self._connection is not None and self._inode != self.path.stat().st_ino:
            self.close()
        if self._connection is None:
            self._connection = sqlite_schema.connect(self.path, self._patience)
            self._inode = self.path.stat().st_ino
            sqlite_schema.check(self._connection, self.path)
        return self._connection


def keep(connection: sqlite3.Connection, entries: Sequence[Entry], hashes: Sequence[Hash]) -> range:
    """Where *entries* are, once the transaction ends."""
    _, first, frontier = _tree(connection)
    nodes: list[Node] = []
    grown = frontier.extend(hashes, nodes)
    indexes = range(first, grown.size)
    leaves = (entry.leaf.decode() for entry in entries)
    bodies = (entry.payload for entry in entries)
    _insert(connection, _RECORD, zip(indexes, leaves, hashes, strict=True))
    _insert(connection, _PAYLOAD, zip(indexes, bodies, strict=True))
    _insert(connection, _NODE, nodes)
    tree = (grown.size, grown.to_bytes())
    connection.execute("UPDATE tree SET size = ?, frontier = ?", tree)
    return indexes


def sign(connection: sqlite3.Connection, *keys: SigningKey) -> str:
    """The head of the log as it is now, signed with all of *keys*, within a transaction."""
    origin, size, frontier = _tree(connection)
    query = "SELECT note FROM checkpoint WHERE size = ? ORDER BY id DESC LIMIT 1"
    last = connection.execute(query, (size,)).fetchone()
    if last is not None and all(note.signed_by(last[0], key) for key in keys):
        return str(last[0])
    signed = Checkpoint(origin, size, frontier.root()).sign(*keys)
    connection.execute("INSERT INTO checkpoint (size, note) VALUES (?, ?)", (size, signed))
    return signed


def rotations(connection: sqlite3.Connection) -> list[Stored]:
    """The records that say that a key was replaced."""
    found = connection.execute(_ROTATIONS, (rotation.ACTION,))
    return [Stored(*row) for row in found]


def _insert(connection: sqlite3.Connection, statement: str, rows: Iterable[Row]) -> None:
    """Carry out *statement*, which ends in the marks of one row, for all *rows*."""
    rest = iter(rows)
    head, values, marks = statement.partition("VALUES ")
    several = head + values + ", ".join([marks] * ROWS_AT_ONCE)
    while len(block := tuple(islice(rest, ROWS_AT_ONCE))) == ROWS_AT_ONCE:
        connection.execute(several, tuple(chain.from_iterable(block)))
    connection.executemany(statement, block)


def _tree(connection: sqlite3.Connection) -> tuple[str, int, Frontier]:
    origin, size, data = connection.execute("SELECT origin, size, frontier FROM tree").fetchone()
    frontier = Frontier.from_bytes(data)
    if frontier.size != size:
        raise LogError(f"the ledger counts {size} records, its tree {frontier.size}")
    return origin, size, frontier
