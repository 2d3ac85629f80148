"""The ledger in a SQLite file: durable, shared by threads and processes, read while written.

    ledger = SqliteLedger("audit.db")
    ledger.append(record).result()      # on disk
    ledger.close()                      # signed

Beside the file lie `audit.db.key`, which signs its checkpoints, and
`audit.db.pub`, with which anybody checks them.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.record import Record
from remit.audit.trust import Trust
from remit.ledgers import keys, sqlite_schema, sqlite_upkeep
from remit.ledgers.retention import SIX_MONTHS_AT_LEAST, Erased, Erasure, Retention
from remit.ledgers.sqlite_log import SqliteLog
from remit.ledgers.sqlite_store import Store
from remit.ledgers.sqlite_writer import Writer
from remit.model import Subject

PATIENCE = 5.0


class SqliteLedger(SqliteLog):
    """Appends to the ledger file at *path*, which is made if it is not there.

    Args:
        path: the file. Its folder must exist.
        signer: the key that signs the checkpoints, or the file it is in; None stands for the
            key beside the ledger.
        origin: names the log in its checkpoints; a new ledger without one makes one up.
        patience: seconds to wait for another process that is writing.
        may_block: seconds for which a record may hold up the event loop of the task that appends
            it, if the last one was of the same task and took no longer. It is there in half the
            time, as no other thread has to wake. 0: an event loop is never held up.
        clock: by which answers of people are too old. Unix time in nanoseconds.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        signer: SigningKey | str | Path | None = None,
        origin: str | None = None,
        patience: float = PATIENCE,
        may_block: float = 0.0,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        origin = sqlite_schema.create(Path(path), origin, patience)
        super().__init__(path)
        if signer is None:
            keys.ensure(self.path, origin)
        found = keys.signing_path(self.path) if signer is None else signer
        self._signer = keys.Signer(Path(found) if isinstance(found, str) else found)
        self._clock = clock
        self._store = partial(Store, self.path, patience, clock, may_block)
        self._writer = Writer(str(self.path), self._store, self._signer)
        self._finalizer = weakref.finalize(self, self._writer.close)

    def append(self, record: Record, /) -> Future[int]:
        """Keep *record*; the future holds its index once it is on disk.

        The end of a call may wait 50 ms for company. One that fails is kept and tried
        again, and nothing else is written before it.

        Raises:
            LogError: the ledger is closed, its queue is full, or an end is still owed.
        """
        return self._writer.append(record)

    def note(self, record: Record, /) -> None:
        """Keep *record*, which is noted, within 50 ms; if that fails, the log says so.

        Raises:
            LogError: the ledger is closed, its queue is full, or an end is still owed.
        """
        self._writer.note(record)

    def append_all(self, records: Iterable[Record], /) -> Future[int]:
        """Keep all of *records* or none; the future holds the index of the first."""
        return self._writer.append_all(records)

    def checkpoint(self) -> str:
        """The signed head of the log, over all that was handed over before."""
        return self._writer.sign().result()

    def verifying_key(self) -> VerifyingKey:
        """The key that checks the checkpoints of this ledger."""
        return self._signer().verifying

    def trust(self) -> Trust:
        """That key, and those it replaced."""
        return self._signer.trust()

    def rotate_key(self, new: SigningKey | None = None, *, by: Subject) -> str:
        """Sign with another key from now on; the head of the log, signed by both.

        The log says so in a record of its own, so that a verifier who trusts the old key
        can follow. *new* is made and put beside the file, unless the ledger was given a
        signer. *by* is who did it, for ever and in the leaf.

        Raises:
            LogError: the key in use was replaced already, or *new* is not new.
        """

        def announce(old: SigningKey, other: SigningKey) -> None:
            sqlite_upkeep.rotate(self._store(), self.origin, (old, other), by)

        self._signer.rotate(announce, new)
        return self.checkpoint()

    def add_signatures(self, signed: str) -> str:
        """Keep what others signed of a checkpoint of this log; the note with all signatures.

        Raises:
            LogError: *signed* is no checkpoint that this log signed.
        """
        return sqlite_upkeep.cosigned(self._store(), signed)

    def erase(
        self,
        asked: Erasure,
        /,
        *,
        by: Subject,
        retention: Retention = SIX_MONTHS_AT_LEAST,
        dry_run: bool = False,
    ) -> Erased:
        """Erase the payloads that are *asked* for, and that *retention* does not hold back.

        Leaves, and with them all proofs, stay. A record of the log says which payloads, how
        many, why and *by* whom, in the transaction that erases them. Calls that are under
        way are left alone, unless *asked* says otherwise. With *dry_run* nothing is erased.
        """
        if dry_run:
            with self._snapshot() as connection:
                return sqlite_upkeep.would_erase(connection, asked, retention, self._clock())
        return sqlite_upkeep.erase(self._store(), asked, retention, by)

    def close(self) -> None:
        """Write what is under way, sign it, and let go of the file.

        Happens by itself when the program ends.
        """
        self._finalizer.detach()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
