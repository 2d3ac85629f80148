"""The one connection that counts in a meter file, and its one transaction.

    used    label, key, unit, until, amount   what counts, in millionths, and until when
    lease   call, label, key, until, amounts  what is set aside for a call under way
    holder  id, expires                       the processes that have leases

Every transaction takes the lock of the file first. So any number of processes can share
a file, and what one of them has set aside the next one cannot have.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from remit.errors import Unavailable
from remit.meters.books import Books, Lease
from remit.meters.calendar import FOREVER, SECOND
from remit.meters.worker import Work
from remit.model import Share

T = TypeVar("T")

FORMAT = 1
APPLICATION = 0x524D4D54
"""`RMMT` in the header of the file, for tools such as file(1)."""

TIDY_EVERY = 60 * SECOND
"""Nanoseconds until what counts no longer is deleted."""

_TABLES = """
CREATE TABLE used (
    label TEXT, key TEXT, unit TEXT, until INTEGER, amount INTEGER NOT NULL,
    PRIMARY KEY (label, key, unit, until)
) WITHOUT ROWID;
CREATE INDEX used_until ON used (until);
CREATE TABLE lease (
    call TEXT, label TEXT, key TEXT NOT NULL, until INTEGER NOT NULL, amounts BLOB NOT NULL,
    holder TEXT NOT NULL, PRIMARY KEY (call, label)
) WITHOUT ROWID;
CREATE INDEX lease_holder ON lease (holder, label, key);
CREATE TABLE holder (id TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX holder_expires ON holder (expires);
"""
_USED = "SELECT unit, sum(amount) FROM used WHERE label = ? AND key = ? AND until > ? GROUP BY unit"
_LEASE = "SELECT call, label, key, until, amounts, holder FROM lease"
_COUNT = (
    "INSERT INTO used VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
)
_RENEW = "INSERT INTO holder VALUES (?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires"

_amounts = msgspec.json.Decoder(dict[str, int]).decode


class Store:
    """Opens the file when it is first needed, and again after anything went wrong.

    Args:
        path: the file.
        patience: seconds to wait for another process that is counting.
        lease: seconds until what a process has set aside comes back once it is gone.
        clock: Unix time in nanoseconds.
        holder: the process that counts.
    """

    in_doubt = False
    """A commit that fails was not kept."""

    def __init__(
        self, path: Path, patience: float, lease: float, clock: Callable[[], int], holder: str
    ) -> None:
        self.path = path
        self.holder = holder
        self._patience = patience
        self._lease = int(lease * SECOND)
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._tidied = 0

    def transact(self, shares: set[Share], calls: list[str], work: Work[T]) -> T:
        """Carry *work* out on all that is known of *shares* and *calls*, and keep it."""
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            # The moment is told with the lock held: the books of no process run ahead.
            now = self._clock()
            books = self._read(connection, shares, calls, now)
            result = work(books)
            self._write(connection, books)
            self._tidy(connection, now)
            connection.execute("COMMIT")
        except BaseException:
            self.close()
            raise
        return result

    def close(self) -> None:
        """Let go of the file; a transaction that was not committed never was."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _read(
        self, connection: sqlite3.Connection, shares: set[Share], calls: list[str], now: int
    ) -> Books:
        used = [
            (share.limit, share.key, *row)
            for share in shares
            for row in connection.execute(_USED, (share.limit, share.key, now))
        ]
        others = "SELECT id FROM holder WHERE expires <= ? AND id <> ?"
        gone = connection.execute(others, (now, self.holder)).fetchall()
        whose = f"{_LEASE} WHERE holder = ? AND label = ? AND key = ?"
        expired = [
            lease
            for (holder,) in gone
            for share in shares
            for lease in _leases(connection, whose, holder, share.limit, share.key)
        ]
        open_for = f"{_LEASE} WHERE call = ?"
        leases = [lease for call in calls for lease in _leases(connection, open_for, call)]
        return Books(now, self.holder, used, leases, expired)

    def _write(self, connection: sqlite3.Connection, books: Books) -> None:
        connection.executemany(_COUNT, ((*row, change) for row, change in books.changed()))
        connection.executemany(
            "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?)",
            ((*lease[:4], msgspec.json.encode(lease.amounts), lease.holder)
             for lease in books.opened.values()),
        )  # fmt: skip
        connection.executemany("DELETE FROM lease WHERE call = ? AND label = ?", books.closed)
        connection.execute(_RENEW, (self.holder, books.now + self._lease))

    def _tidy(self, connection: sqlite3.Connection, now: int) -> None:
        """Delete what counts no longer, once in a while."""
        if now - self._tidied < TIDY_EVERY:
            return
        connection.execute("DELETE FROM used WHERE until <= ?", (now,))
        connection.execute("DELETE FROM used WHERE until = ? AND amount = 0", (FOREVER,))
        connection.execute(
            "DELETE FROM holder WHERE expires <= ? "
            "AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.holder = holder.id)",
            (now,),
        )
        self._tidied = now

    def _open(self) -> sqlite3.Connection:
        # What is counted in a file that was moved away would be counted for nobody.
        if self._connection is not None and self._inode != self.path.stat().st_ino:
            self.close()
        if self._connection is None:
            self._connection = _connect(self.path, self._patience)
            self._inode = self.path.stat().st_ino
            _check(self._connection, self.path)
        return self._connection


def create(path: Path, patience: float) -> None:
    """Make the meter at *path* unless it is there, whoever else does so at the same moment."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except FileNotFoundError as error:
        why = "there is no such folder for the meter"
        raise FileNotFoundError(errno.ENOENT, why, str(path.parent)) from error
    with closing(_connect(path, patience)) as connection, _readable(path):
        if _is_new(connection):
            _into_wal(connection, time.monotonic() + patience)
            connection.execute("BEGIN IMMEDIATE")
            # Another process may have been here while this one waited for the lock.
            if _is_new(connection):
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute("COMMIT")
        _check(connection, path)


def _leases(connection: sqlite3.Connection, query: str, *values: str) -> Iterator[Lease]:
    for call, label, key, until, amounts, holder in connection.execute(query, values):
        yield Lease(call, label, key, until, _amounts(amounts), holder)


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=patience, isolation_level=None
    )
    with _readable(path):
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    with _readable(path):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise Unavailable(f"{path} is not a meter: it is some other SQLite database")
    if version != FORMAT:
        why = f"it has format {version}, this Remit reads {FORMAT}"
        raise Unavailable(f"{path} was written by another Remit: {why}")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the kind of error, the rest says more about it.
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_NOTADB:
            raise Unavailable(f"{path} is not a meter: {error}") from error
        raise


def _is_new(connection: sqlite3.Connection) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables == 0)


def _into_wal(connection: sqlite3.Connection, deadline: float) -> None:
    # SQLite does not wait for the lock this takes, even where it has been told to.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return
