"""Questions to people in a ledger file: loaded, moved and written back in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from remit.audit.case import (
    Case,
    Docket,
    Standing,
    decode_case,
    decode_standing,
    encode_case,
    wanted,
)
from remit.audit.record import Entry
from remit.errors import Conflict


def move(connection: sqlite3.Connection, entries: Sequence[Entry], now: int) -> dict[int, Conflict]:
    """Make the moves of *entries*; which of these are not to be kept, by their place, and why."""
    if not any(entry.move for entry in entries):
        return {}
    sought = wanted(entry.move for entry in entries)
    cases = {case.id: case for key in sought.digests for case in opened(connection, key)}
    cases |= {case.id: case for key in sought.cases for case in named(connection, key)}
    rights = {key: each for key in sought.standing for each in _standing(connection, key)}
    docket = Docket(cases, rights, now)
    refused = docket.make_all(entry.move for entry in entries)
    for case in docket.changed.values():
        digest = None if case.closed else case.question.digest
        row = (case.id, digest, case.question.at, encode_case(case))
        connection.execute("INSERT OR REPLACE INTO approval VALUES (?, ?, ?, ?)", row)
    for right in docket.given.values():
        values = (right.id, encode_case(right))
        connection.execute("INSERT OR REPLACE INTO standing VALUES (?, ?)", values)
    for identity in docket.revoked:
        connection.execute("DELETE FROM standing WHERE id = ?", (identity,))
    return refused


def named(connection: sqlite3.Connection, identity: str) -> Iterator[Case]:
    """The case with this id, if there is one."""
    query = "SELECT body FROM approval WHERE id = ?"
    for (body,) in connection.execute(query, (identity,)):
        yield decode_case(body)


def cases(connection: sqlite3.Connection, *, waiting: bool) -> Iterator[Case]:
    """All cases, or those that are not closed, in the order in which they were asked."""
    where = "WHERE digest IS NOT NULL" if waiting else ""
    for (body,) in connection.execute(f"SELECT body FROM approval {where} ORDER BY asked, id"):  # noqa: S608 - one of two texts
        yield decode_case(body)


def standing(connection: sqlite3.Connection) -> Iterator[Standing]:
    """Everything that was given and not revoked."""
    for (body,) in connection.execute("SELECT body FROM standing ORDER BY id"):
        yield decode_standing(body)


def opened(connection: sqlite3.Connection, digest: str) -> Iterator[Case]:
    """The cases about the request with this digest that are not closed."""
    for (body,) in connection.execute("SELECT body FROM approval WHERE digest = ?", (digest,)):
        yield decode_case(body)


def _standing(connection: sqlite3.Connection, identity: str) -> Iterator[Standing]:
    query = "SELECT body FROM standing WHERE id = ?"
    for (body,) in connection.execute(query, (identity,)):
        yield decode_standing(body)
