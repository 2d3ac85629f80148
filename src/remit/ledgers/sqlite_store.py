"""The one connection that writes a ledger file, and its two transactions.

Every transaction takes the lock of the file first and reads the tree from it,
because another process may have written since. So any number of processes can
share a file, and what one of them appends is what the next one builds upon.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from remit.audit import note, rotation
from remit.audit.checkpoint import Checkpoint
from remit.audit.note import SigningKey
from remit.audit.record import Entry, Kind
from remit.audit.stored import Stored
from remit.audit.tree import Frontier, Node, leaf_hash
from remit.errors import Conflict, LogError
from remit.ledgers import sqlite_blocks, sqlite_docket, sqlite_schema
from remit.ledgers.query import Filter
from remit.ledgers.sqlite_rows import insert

T = TypeVar("T")

_RECORD = "INSERT INTO record (seq, leaf, hash) VALUES (?, ?, ?)"
_PAYLOAD = "INSERT INTO payload (seq, body) VALUES (?, ?)"
_NODE = "INSERT INTO node (level, seq, hash) VALUES (?, ?, ?)"
_TREE = "UPDATE tree SET size = ?, frontier = ? WHERE size = ? AND frontier = ?"


class Store:
    """Opens the file when it is first needed, and again after anything went wrong."""

    any_thread = True

    def __init__(self, path: Path, patience: float, clock: Callable[[], int]) -> None:
        self.path = path
        self._clock = clock
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._tree: Frontier | None = None
        """As the last transaction left it, unless another process has written since."""
        self._first = 0
        """Where the last transaction began to append."""
        self._whole = 0
        self._listed = 0

    def append(self, entries: Sequence[Entry]) -> list[int | Conflict]:
        """Make *entries* durable, all or none, but for those whose moves cannot be made.

        Where each of them is, or why it is not kept.
        """

        def work(connection: sqlite3.Connection) -> list[int | Conflict]:
            refused = sqlite_docket.move(connection, entries, self._clock())
            kept = [entry for at, entry in enumerate(entries) if at not in refused]
            tree = self._tree = keep(connection, kept, self._tree)
            # Where to look if it stays open whether they were kept.
            self._first, self._whole = tree.size - len(kept), sqlite_blocks.whole(tree.size)
            places = range(self._first, tree.size)
            if not refused:
                return list(places)
            rest = iter(places)
            return [refused.get(at) or next(rest) for at in range(len(entries))]

        return self.transact(work)

    def find(self, entries: Sequence[Entry]) -> range:
        """Where *entries* are, if the last `append` made them durable after all."""
        query = "SELECT seq FROM record WHERE hash = ? AND seq >= ?"
        sought = (leaf_hash(entries[0].leaf), self._first)
        row = self._open().execute(query, sought).fetchone()
        return range(row[0], row[0] + len(entries)) if row else range(0)

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

    def catch_up(self) -> bool:
        """Write down where listings find what was appended; return whether there is more."""
        if self._listed >= self._whole:
            return False

        def work(connection: sqlite3.Connection) -> int:
            _, tree = _read_tree(connection)
            return sqlite_blocks.catch_up(connection, tree.size)

        self._listed = self.transact(work)
        return self._listed < self._whole

    def close(self) -> None:
        """Let go of the file; a transaction that was not committed never was."""
        connection, self._connection = self._connection, None
        self._tree = None
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
        if self._connection is not None and self._inode != os.stat(self.path).st_ino:  # noqa: PTH116 - half the time
            self.close()
        if self._connection is None:
            self._connection = sqlite_schema.connect(self.path, self._patience)
            self._inode = self.path.stat().st_ino
            sqlite_schema.check(self._connection, self.path)
        return self._connection


def keep(
    connection: sqlite3.Connection, entries: Sequence[Entry], tree: Frontier | None = None
) -> Frontier:
    """The tree with *entries* behind all others; on disk once the transaction ends.

    *tree* is what it probably is until then. If it is not, it is read.
    """
    if tree is None:
        _, tree = _read_tree(connection)
    hashes = [leaf_hash(entry.leaf) for entry in entries]
    nodes: list[Node] = []
    grown = tree.extend(hashes, nodes)
    values = (grown.size, grown.to_bytes(), tree.size, tree.to_bytes())
    if not connection.execute(_TREE, values).rowcount:
        return keep(connection, entries)
    indexes = range(tree.size, grown.size)
    leaves = (entry.leaf.decode() for entry in entries)
    bodies = (entry.payload for entry in entries)
    insert(connection, _RECORD, zip(indexes, leaves, hashes, strict=True))
    insert(connection, _PAYLOAD, zip(indexes, bodies, strict=True))
    insert(connection, _NODE, nodes)
    return grown


def sign(connection: sqlite3.Connection, *keys: SigningKey) -> str:
    """The head of the log as it is now, signed with all of *keys*, within a transaction."""
    origin, tree = _read_tree(connection)
    query = "SELECT note FROM checkpoint WHERE size = ? ORDER BY id DESC LIMIT 1"
    last = connection.execute(query, (tree.size,)).fetchone()
    if last is not None and all(note.signed_by(last[0], key) for key in keys):
        return str(last[0])
    signed = Checkpoint(origin, tree.size, tree.root()).sign(*keys)
    connection.execute("INSERT INTO checkpoint (size, note) VALUES (?, ?)", (tree.size, signed))
    return signed


def rotations(connection: sqlite3.Connection) -> list[Stored]:
    """The records that say that a key was replaced."""
    wanted = Filter(action=rotation.ACTION, kind=Kind.CHANGED)
    return [Stored(*row) for row in sqlite_blocks.select(connection, wanted)]


def _read_tree(connection: sqlite3.Connection) -> tuple[str, Frontier]:
    origin, size, data = connection.execute("SELECT origin, size, frontier FROM tree").fetchone()
    frontier = Frontier.from_bytes(data)
    if frontier.size != size:
        raise LogError(f"the ledger counts {size} records, its tree {frontier.size}")
    return origin, frontier
