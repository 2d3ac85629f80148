"""A ledger file made of a bundle, to be read: the same bytes under the same indexes.

It has a verifying key beside it and no signing key, so nothing can be appended to it:
the log goes on where it is written, and a second end of it would be a fork.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from remit.audit.checkpoint import parse_checkpoint_unchecked
from remit.audit.findings import Verification
from remit.audit.stored import Parts, Stored
from remit.audit.trust import Trust
from remit.errors import LogError
from remit.ledgers import keys, sqlite_schema
from remit.ledgers.sqlite_log import SqliteLog

AT_ONCE = 10_000


def restore(
    parts: Parts, path: Path, trust: Trust, *, checkpoint: str | None = None
) -> Verification:
    """Make the ledger at *path* of *parts*; say what was found of it.

    It is put in place only if it is whole, and a key that is trusted vouches for some of it.

    Raises:
        FileExistsError: there is something at *path*.
        LogError: it cannot be made of these parts.
    """
    if path.exists() or keys.verifying_path(path).exists():
        raise FileExistsError(f"{path} is there already")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _fill(draft, parts)
        found = SqliteLog(draft).verify(trust, checkpoint=checkpoint)
        if found.intact and (found.signed or not found.size):
            keys.write(keys.verifying_path(path), str(trust), 0o644)
            draft.replace(path)
    finally:
        for name in (draft.name, f"{draft.name}-wal", f"{draft.name}-shm"):
            draft.with_name(name).unlink(missing_ok=True)
    return found


def _fill(path: Path, parts: Parts) -> None:
    sqlite_schema.create(path, parts.origin, patience=1.0)
    with closing(sqlite_schema.connect(path, 1.0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for some in _groups(parts.entries):
            rows = ((one.index, _text(one), one.hash, one.payload) for one in some)
            connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", rows)
        insert = "INSERT INTO node (level, seq, hash) VALUES (?, ?, ?)"
        connection.executemany(insert, parts.nodes)
        for note in parts.checkpoints:
            row = (parse_checkpoint_unchecked(note).size, note)
            connection.execute("INSERT INTO checkpoint (size, note) VALUES (?, ?)", row)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _text(stored: Stored) -> str:
    try:
        return stored.leaf.decode()
    except UnicodeDecodeError as error:
        why = "its leaf is not text"
        raise LogError(
            f"record {stored.index} cannot be read: {why}", index=stored.index
        ) from error


def _groups(entries: Iterable[Stored]) -> Iterator[list[Stored]]:
    rest = iter(entries)
    while some := list(islice(rest, AT_ONCE)):
        yield some
