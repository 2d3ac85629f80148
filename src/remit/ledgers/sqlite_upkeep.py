"""What is done to a ledger file as a whole: each in one transaction with the record of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from remit.audit import erasure, note, rotation
from remit.audit.checkpoint import parse_checkpoint_unchecked
from remit.audit.note import SigningKey
from remit.audit.rotation import Rotation
from remit.errors import LogError
from remit.ledgers import sqlite_docket, sqlite_store
from remit.ledgers.erasing import MOST_AT_ONCE, Dialect, Wanted, account, wanted
from remit.ledgers.retention import Erased, Erasure, Retention
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
        entry = change(rotation.ACTION, word.properties, by, store.now())
        sqlite_store.keep(connection, [entry])
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


def erase(store: Store, asked: Erasure, retention: Retention, by: Subject) -> Erased:
    """Erase what is *asked*, and say so in a record for every so many payloads."""

    def work(connection: sqlite3.Connection) -> int:
        indexes = _indexes(connection, _question(connection, asked, retention, store.now()))
        if not indexes:
            return 0
        entry = change(erasure.ACTION, account(asked, retention, indexes), by, store.now())
        places = [(index,) for index in indexes]
        connection.executemany(_FORGET, places)
        connection.executemany("UPDATE record SET payload = NULL WHERE seq = ?", places)
        sqlite_store.keep(connection, [entry])
        return len(indexes)

    with closing(store):
        held = store.transact(lambda found: would_erase(found, asked, retention, store.now()))
        erased = last = store.transact(work)
        while last == MOST_AT_ONCE:
            last = store.transact(work)
            erased += last
        scrubbed = not erased or store.scrub()
        return Erased(erased, held.too_young, held.under_way, scrubbed)


def would_erase(
    connection: sqlite3.Connection, asked: Erasure, retention: Retention, now: int
) -> Erased:
    """What `erase` would come to at the moment *now*."""
    question = _question(connection, asked, retention, now)
    return Erased(
        count=_count(connection, question.erasable, question),
        too_young=_count(connection, question.too_young, question),
        under_way=_count(connection, question.under_way, question),
    )


def _question(
    connection: sqlite3.Connection, asked: Erasure, retention: Retention, now: int
) -> Wanted:
    cases = sqlite_docket.cases(connection, waiting=True)
    waiting = [case.id for case in cases if not case.lapsed(now)]
    return wanted(asked, retention, DIALECT, now, waiting)


def _count(connection: sqlite3.Connection, where: str, question: Wanted) -> int:
    query = f"SELECT count(*) {_FROM} WHERE {where}"
    (found,) = connection.execute(query, question.values).fetchone()
    return int(found)


def _indexes(connection: sqlite3.Connection, question: Wanted) -> list[int]:
    query = f"SELECT r.seq {_FROM} WHERE {question.erasable} ORDER BY r.seq LIMIT {MOST_AT_ONCE}"
    return [index for (index,) in connection.execute(query, question.values)]


DIALECT = Dialect(
    record="listing",
    payload="record",
    approval="approval",
    user="json_extract(CAST({}.payload AS TEXT), '$.session.user')",
    among="{} IN (SELECT value FROM json_each({}))",
    mark="?",
)
_FROM = "FROM listing AS r JOIN record AS p ON p.seq = r.seq AND p.payload IS NOT NULL"
_FORGET = """
DELETE FROM approval WHERE id = (SELECT call FROM listing WHERE seq = ? AND kind = 'asked')
"""
