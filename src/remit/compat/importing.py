"""Audit databases of Aegis and Kite Logik, as records of a ledger.

What they say is noted, and marked as what somebody says: nothing of it was governed here, and
nothing vouches for it but the digest of the file, which the first record has.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from remit.audit.record import Record
from remit.errors import LogError
from remit.guard import Guard
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Subject
from remit.policy import Policy

Row: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Row], Record]

TABLE = "audit_log"
BATCH = 1000

_UNREADABLE = (ValueError, TypeError, KeyError, OverflowError)


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read."""

    system: str
    rows: int


def import_audit(source: Path, target: Path, *, by: Subject) -> Imported:
    """Make a ledger at *target* of the database at *source*, all of it or none.

    Raises:
        LogError: *source* is no audit database of Aegis or Kite Logik, or a row of it cannot
            be read.
        FileExistsError: there is something at *target*.
    """
    if target.exists():
        raise FileExistsError(17, "is there already", str(target))
    with closing(_opened(source)) as database:
        system, read = _system(database, source)
        # Once to see that all of it can be read, and once to keep it.
        rows = sum(1 for _ in _records(database, source, read))
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        facts = {"file": source.name, "sha256": digest, "system": system, "rows": rows}
        with SqliteLedger(target) as ledger:
            Guard(Policy(), ledger=ledger).record_change("audit.imported", facts, by=by)
            records = _records(database, source, read)
            while batch := list(islice(records, BATCH)):
                ledger.append_all(batch).result()
    return Imported(system, rows)


def nanoseconds(timestamp: str) -> int:
    """A moment in ISO 8601; without a zone it is in UTC."""
    moment = datetime.fromisoformat(timestamp)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1e6) * 1000


def parsed(text: str | None) -> Any:
    """What a column of JSON says."""
    return None if text is None else json.loads(text)


def _opened(source: Path) -> sqlite3.Connection:
    if not source.is_file():
        raise FileNotFoundError(2, "No such file", str(source))
    database = sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    return database


def _system(database: sqlite3.Connection, source: Path) -> tuple[str, Read]:
    """Whose database it is, by its columns."""
    from remit.compat.aegis import importing as aegis
    from remit.compat.kitelogik import importing as kitelogik

    try:
        columns = {row["name"] for row in database.execute(f"PRAGMA table_info({TABLE})")}
    except sqlite3.DatabaseError as error:
        raise LogError(f"{source} is no database: {error}") from error
    for system, module in (("Aegis", aegis), ("Kite Logik", kitelogik)):
        if columns >= module.COLUMNS:
            return system, module.record
    raise LogError(f"{source} is no audit database of Aegis or Kite Logik")


def _records(database: sqlite3.Connection, source: Path, read: Read) -> Iterator[Record]:
    for row in database.execute(f"SELECT * FROM {TABLE} ORDER BY rowid"):  # noqa: S608 - our own
        found = dict(row)
        try:
            yield read(found)
        except _UNREADABLE as error:
            raise LogError(f"{source}: row {found['id']} cannot be read: {error}") from error
