"""The one connection that writes a ledger file.

Any number of processes can share a file, and what one of them appends is what the next one
builds upon. A few records are one statement, which says where they go: if another process
has written since, something is there already, and they are appended in a transaction that
takes the lock of the file first and reads what the tree has grown to.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TypeVar

from remit.audit import note, rotation
from remit.audit.checkpoint import Checkpoint
from remit.audit.note import SigningKey
from remit.audit.record import Entry, Kind
from remit.audit.stored import Stored
from remit.audit.tree import TILE_WIDTH, Frontier, Node, leaf_hash
from remit.errors import Conflict
from remit.ledgers import sqlite_blocks, sqlite_docket, sqlite_schema, sqlite_tree
from remit.ledgers.query import Filter
from remit.ledgers.sqlite_rows import FEW, insert

T = TypeVar("T")

FILL_EVERY = 4096
"""Records: some 3 MB, as much as SQLite lets pile up by itself."""

_RECORD = "INSERT INTO record (seq, leaf, hash, payload) VALUES (?, ?, ?, ?)"
_NODE = "INSERT INTO node (level, seq, hash) VALUES (?, ?, ?)"


class Store:
    """Opens the file when it is first needed, and again after anything went wrong."""

    any_thread = True

    def __init__(
        self, path: Path, patience: float, clock: Callable[[], int], may_block: float = 0.0
    ) -> None:
        self.path = path
        self.may_block = may_block
        self._name = str(path)
        self._clock = clock
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._waits = patience
        """Seconds for which the connection waits for other processes."""
        self._inode = 0
        self._tree: Frontier | None = None
        """As this left it. Another process may have written since."""
        self._first = 0
        """Where the last records were appended, or were to be."""
        self._listed = 0
        """How many records listings find by their blocks."""
        self._filled = 0
        """How many there were when they were last moved out of the write-ahead log."""

    def append(self, entries: Sequence[Entry]) -> list[int | Conflict]:
        """Make *entries* durable, all or none, but for those whose moves cannot be made.

        Where each of them is, or why it is not kept.
        """
        if len(entries) <= FEW and (places := self._append_at_once(entries)):
            return list(places)

        def work(connection: sqlite3.Connection) -> list[int | Conflict]:
            refused = sqlite_docket.move(connection, entries, self._clock())
            kept = entries
            if refused:
                kept = [entry for at, entry in enumerate(entries) if at not in refused]
            grown = keep(connection, kept, self._tree)
            self._first, self._tree = grown.size - len(kept), grown
            places = range(self._first, grown.size)
            return _among(refused, places) if refused else list(places)

        return self.transact(work)

    def _append_at_once(
        self, entries: Sequence[Entry], patience: float | None = None
    ) -> range | None:
        """Where *entries* are; None if it takes more than one statement to keep them."""
        try:
            connection, tree = self._open(patience), self._tree
            if tree is None or any([entry.move for entry in entries]):  # noqa: C419 - half the time
                return None
            grown, values, nodes = _appended(tree, entries)
            if nodes:
                return None
            self._first = tree.size
            insert(connection, _RECORD, values)
        except sqlite3.IntegrityError:
            return None
        except BaseException as error:
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if busy and patience == 0:
                # Nothing is wrong with the connection. To close the last one there is would
                # take the write-ahead log with it, and a new one is slow as long as it grows.
                return None
            self.close()
            raise
        self._tree = grown
        return range(tree.size, grown.size)

    def append_now(self, entries: Sequence[Entry]) -> range | None:
        """Where *entries* are, durable; None if that takes more than the flush of a disk."""
        if self._connection is None or len(entries) > FEW:
            return None
        return self._append_at_once(entries, patience=0.0)

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

    def tidy(self) -> int:
        """Do some of what nobody waits for, beside whoever appends; how many records it left out.

        It has a connection of its own, so that it can be done while others use the store.
        """
        tree = self._tree
        if tree is None or tree.size - self._listed < TILE_WIDTH:
            return 0
        with closing(sqlite_schema.connect(self.path, self._patience)) as connection:
            # It can be made again, so nobody waits until it is on disk.
            connection.execute("PRAGMA synchronous = NORMAL")
            self._listed = sqlite_blocks.catch_up(connection)
            if tree.size - self._filled >= FILL_EVERY:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._filled = tree.size
        left = tree.size - self._listed
        return left if left >= TILE_WIDTH else 0

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

    def _open(self, patience: float | None = None) -> sqlite3.Connection:
        """The connection; it waits *patience* seconds for other processes, or as long as usual."""
        patience = self._patience if patience is None else patience
        # Records written to a file that was moved away would be lost to every reader.
        if self._connection is not None and self._inode != os.stat(self._name).st_ino:  # noqa: PTH116 - half the time
            self.close()
        if self._connection is None:
            self._connection = sqlite_schema.connect(self.path, self._patience)
            self._waits = self._patience
            self._inode = self.path.stat().st_ino
            sqlite_schema.check(self._connection, self.path)
        if self._waits != patience:
            # Not known, should this be interrupted.
            self._waits = math.nan
            self._connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")
            self._waits = patience
        return self._connection


def _among(refused: Mapping[int, Conflict], places: Iterable[int]) -> list[int | Conflict]:
    """The *places* of what was kept, with what was *refused* where it stood in between."""
    found: list[int | Conflict] = list(places)
    for at in sorted(refused):
        found.insert(at, refused[at])
    return found


def keep(
    connection: sqlite3.Connection, entries: Sequence[Entry], known: Frontier | None = None
) -> Frontier:
    """The tree with *entries* behind all others; durable once the transaction ends.

    *known* is what it was before: not too long ago, there is little to read.
    """
    tree = sqlite_tree.frontier(connection, known or Frontier())
    grown, values, nodes = _appended(tree, entries)
    insert(connection, _RECORD, values)
    insert(connection, _NODE, [*chain.from_iterable(nodes)])
    return grown


def _appended(
    tree: Frontier, entries: Sequence[Entry]
) -> tuple[Frontier, list[object], list[Node]]:
    """What *entries* make of *tree*, what their rows hold, and the inner nodes they complete."""
    hashes = [leaf_hash(entry.leaf) for entry in entries]
    nodes: list[Node] = []
    grown = tree.extend(hashes, nodes)
    values: list[object] = [None] * (4 * len(entries))
    # Column by column, which takes a third of the time.
    values[0::4] = range(tree.size, grown.size)
    values[1::4] = [entry.leaf.decode() for entry in entries]
    values[2::4] = hashes
    values[3::4] = [entry.payload for entry in entries]
    return grown, values, nodes


def sign(connection: sqlite3.Connection, *keys: SigningKey) -> str:
    """The head of the log as it is now, signed with all of *keys*, within a transaction."""
    tree = sqlite_tree.frontier(connection)
    query = "SELECT note FROM checkpoint WHERE size = ? ORDER BY id DESC LIMIT 1"
    last = connection.execute(query, (tree.size,)).fetchone()
    if last is not None and all(note.signed_by(last[0], key) for key in keys):
        return str(last[0])
    (origin,) = connection.execute("SELECT origin FROM log").fetchone()
    signed = Checkpoint(origin, tree.size, tree.root()).sign(*keys)
    connection.execute("INSERT INTO checkpoint (size, note) VALUES (?, ?)", (tree.size, signed))
    return signed


def rotations(connection: sqlite3.Connection) -> list[Stored]:
    """The records that say that a key was replaced."""
    wanted = Filter(action=rotation.ACTION, kind=Kind.CHANGED)
    return [Stored(*row) for row in sqlite_blocks.select(connection, wanted)]
