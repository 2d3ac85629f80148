"""What is done to a ledger file as a whole: each in one transaction with the record of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from remit.audit import note, rotation
from remit.audit.checkpoint import parse_checkpoint_unchecked
from remit.audit.note import SigningKey
from remit.audit.rotation import Rotation
from remit.audit.tree import leaf_hash
from remit.errors import LogError
from remit.ledgers import sqlite_store
from remit.ledgers.sqlite_store import Store
from remit.ledgers.upkeep import change
from remit.model import Subject


def rotate(store: Store, origin: str, keys: tuple[SigningKey, SigningKey], by: Subject) -> str:
    """Announce that the second of *keys* signs in place of the first; the head signed by both."""
    old, new = keys

    def work(connection: sqlite3.Connection) -> str:
        if rotation.is_done(sqlite_store.rotations(connection), old, new):
            return sqlite_store.sign(connection, new)
        word = Rotation.make(origin, old, new)
        entry = change(rotation.ACTION, word.properties, by)
        sqlite_store.keep(connection, [entry], [leaf_hash(entry.leaf)])
        return sqlite_store.sign(connection, old, new)

    with closing(store):
        return store.transact(work)


def cosigned(store: Store, signed: str) -> str:
    """Keep the signatures of *signed* with those that its checkpoint has; all of them."""
    checkpoint = parse_checkpoint_unchecked(signed)

    def work(connection: sqlite3.Connection) -> str:
        found = "SELECT id, note FROM checkpoint WHERE size = ? ORDER BY id"
        for key, kept in connection.execute(found, (checkpoint.size,)).fetchall():
            if parse_checkpoint_unchecked(kept) == checkpoint:
                both = note.merged(kept, signed)
                connection.execute("UPDATE checkpoint SET note = ? WHERE id = ?", (both, key))
                return both
        raise LogError(f"the log has no such checkpoint of {checkpoint.size} records")

    with closing(store):
        return store.transact(work)
