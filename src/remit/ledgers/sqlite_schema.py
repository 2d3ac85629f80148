"""The tables of a ledger file, and how to open it.

    record      seq, leaf, hash, payload; a payload may be erased, and every proof still holds
    listing     a view of record, with what listings ask for computed from the leaf
    log         one row: which log this is
    node        level, seq, hash: the inner nodes of its tree at every eighth height
    checkpoint  size, note
    approval    id, digest while it is open, asked, body: the questions to people, and where they
                stand; made of the records, and moved with them
    standing    id, body: standing approvals and delegations that were not revoked
    block       number, first, last: see `sqlite_blocks`
    facet       field, value, block

The columns that listings use are computed when they are read: they cannot say anything
else than the leaf, which the tree protects, and cost nothing when it is written. A record
by itself is one row of one table: one statement, and as little to flush as there can be.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from remit.audit.checkpoint import Checkpoint
from remit.audit.tree import EMPTY_ROOT
from remit.errors import LogError
from remit.ledgers import sqlite_blocks

FORMAT = 5
APPLICATION = 0x52454D54
"""`REMT` in the header of the file, for tools such as file(1)."""

_PAGE = 8192
"""Bytes. A record has some 650: more of them fill a page, and pages are what is written."""

_MOST_PAGES_WAITING = 500
"""In the write-ahead log: 4 MB, as SQLite has it by itself. A longer log is a file that still
grows, and a file that grows takes longer to flush."""

_TABLES = """
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    leaf TEXT NOT NULL,
    hash BLOB NOT NULL,
    payload BLOB
);
CREATE VIEW listing AS SELECT
    seq,
    leaf,
    hash,
    payload,
    json_extract(leaf, '$.at') AS at,
    json_extract(leaf, '$.kind') AS kind,
    json_extract(leaf, '$.call') AS call,
    json_extract(leaf, '$.run') AS run,
    json_extract(leaf, '$.session') AS session,
    json_extract(leaf, '$.subject') AS subject,
    json_extract(leaf, '$.action') AS action,
    json_extract(leaf, '$.effect') AS effect,
    json_extract(leaf, '$.risk') AS risk
FROM record;
CREATE TABLE log (origin TEXT NOT NULL);
CREATE TABLE node (
    level INTEGER, seq INTEGER, hash BLOB NOT NULL, PRIMARY KEY (level, seq)
) WITHOUT ROWID;
CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL);
CREATE INDEX checkpoint_size ON checkpoint (size);
CREATE TABLE approval (
    id TEXT PRIMARY KEY, digest TEXT, asked INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX approval_open ON approval (digest) WHERE digest IS NOT NULL;
CREATE TABLE standing (id TEXT PRIMARY KEY, body BLOB NOT NULL);
"""


def create(path: Path, origin: str | None, patience: float) -> str:
    """Make the ledger at *path* unless it is there; return its origin.

    Processes that come at the same moment find one ledger.
    """
    if origin is not None:
        # Says so now if it is nothing that a checkpoint can name.
        Checkpoint(origin, 0, EMPTY_ROOT)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except FileNotFoundError as error:
        why = "there is no such folder for the ledger"
        raise FileNotFoundError(errno.ENOENT, why, str(path.parent)) from error
    with closing(connect(path, patience)) as connection:
        if _is_new(connection, path):
            connection.execute(f"PRAGMA page_size = {_PAGE}")
            _into_wal(connection, time.monotonic() + patience)
            connection.execute("BEGIN IMMEDIATE")
            # Another process may have been here while this one waited for the lock.
            if _is_new(connection, path):
                _fill(connection, _new_origin(path) if origin is None else origin)
            connection.execute("COMMIT")
        found = check(connection, path)
    if origin is not None and found != origin:
        raise LogError(f"{path} is the ledger {found}, not {origin}")
    return found


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """A connection that writes, and waits *patience* seconds for other processes."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=patience,
        isolation_level=None,
        # Whoever waits for a record may write it, one thread at a time.
        check_same_thread=False,
    )
    try:
        with _readable(path):
            connection.execute("PRAGMA synchronous = FULL")
            # Elsewhere fsync reaches the disk; macOS has to be asked.
            connection.execute("PRAGMA fullfsync = ON")
            # What is deleted, or moved to another page, is overwritten where it was.
            connection.execute("PRAGMA secure_delete = ON")
            # Callers do not wait while the log is emptied, but for one that was not in time.
            connection.execute(f"PRAGMA wal_autocheckpoint = {_MOST_PAGES_WAITING}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, to a ledger that is there."""
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "there is no ledger", str(path))
    try:
        return _open_reader(path, "mode=ro")
    except sqlite3.OperationalError:
        # SQLite wants to coordinate through files beside a WAL database, and cannot write
        # them here. Without a WAL the file is complete, and whoever wrote it is gone.
        if path.with_name(path.name + "-wal").exists():
            raise
        return _open_reader(path, "mode=ro&immutable=1")


def _open_reader(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        isolation_level=None,
        # A generator that was not read to its end may be closed by another thread.
        check_same_thread=False,
    )
    try:
        with _readable(path):
            connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection, path: Path) -> str:
    """The origin of the ledger behind *connection*, if it is one this Remit can read."""
    with _readable(path):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise LogError(f"{path} is not a ledger: it is some other SQLite database")
        if version > FORMAT:
            why = f"it has format {version}, this Remit reads {FORMAT}"
            raise LogError(f"{path} was written by a newer Remit: {why}; upgrade Remit")
        if version < FORMAT:
            why = f"it has format {version}, which no release wrote; this Remit reads {FORMAT}"
            raise LogError(f"{path} was written by an older Remit: {why}")
        row = connection.execute("SELECT origin FROM log").fetchone()
    if row is None:
        raise LogError(f"{path} is a ledger that does not know which log it is")
    return str(row[0])


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What is wrong with the content is our error; what is wrong with the world is SQLite's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the kind of error, the rest says more about it.
        if error.sqlite_errorcode & 0xFF in _CONTENT:
            raise LogError(f"{path} is not a ledger: {error}") from error
        raise


_CONTENT = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    with _readable(path):
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(tables == 0 and application == 0)


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


def _fill(connection: sqlite3.Connection, origin: str) -> None:
    for statement in (_TABLES + sqlite_blocks.TABLES).split(";\n"):
        connection.execute(statement)
    connection.execute("INSERT INTO log VALUES (?)", (origin,))
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _new_origin(path: Path) -> str:
    stem = "".join(char if char.isalnum() or char in "-_." else "-" for char in path.stem)
    return f"remit/{stem}-{secrets.token_hex(4)}"
