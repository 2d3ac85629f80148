"""The ledger in a PostgreSQL database: shared by machines, durable, read while written.

    ledger = PostgresLedger("postgresql://db.example/audit", signer="audit.key")
    ledger.append(record).result()      # committed
    ledger.close()                      # signed

Any number of processes on any number of machines append to one tree. Where the
SQLite ledger has its key beside the file, a database has no such place: whoever
may write records there could write the key as well. So the key is named by
whoever signs, and processes that only append need none.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.record import Record
from remit.audit.trust import Trust
from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Connection, Session
from remit.errors import LogError
from remit.ledgers import keys, postgres_log, postgres_schema
from remit.ledgers.postgres_log import PostgresLog
from remit.ledgers.postgres_store import Store
from remit.ledgers.retention import SIX_MONTHS_AT_LEAST, Erased, Erasure, Retention
from remit.ledgers.sqlite_writer import Writer
from remit.model import Subject

PATIENCE = 5.0


class PostgresLedger(PostgresLog):
    """Appends to the ledger in the database at *dsn*, which is made if it is not there.

    Args:
        dsn: a `postgresql://` address. A pooler in between must pool sessions.
        signer: the key that signs the checkpoints, or the file it is in. Without one this
            process signs none: leave that to another, which the agents cannot reach.
        origin: names the log in its checkpoints; a new ledger without one makes one up.
        patience: seconds to wait for the database, or for another that is writing.
        clock: by which answers of people are too old; None is the database's, which all share.
    """

    def __init__(
        self,
        dsn: str,
        *,
        signer: SigningKey | str | Path | None = None,
        origin: str | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._signer = None if signer is None else _signer(signer)
        postgres_schema.check_origin(origin)
        writes = Address(dsn, patience, writes=True)
        _create(writes, origin)
        super().__init__(dsn, patience=max(patience, postgres_log.PATIENCE))
        self._store = partial(Store, writes, self.origin, clock)
        self._writer = Writer(str(writes), self._store, self._signer)
        self._finalizer = weakref.finalize(self, self._writer.close)

    def append(self, record: Record, /) -> Future[int]:
        """Keep *record*; the future holds its index once the database has committed it.

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
        """The key that checks the checkpoints this process signs."""
        return super().verifying_key() if self._signer is None else self._signer().verifying

    def trust(self) -> Trust:
        """That key, and those it replaced, as far as they are known here."""
        return super().trust() if self._signer is None else self._signer.trust()

    def rotate_key(self, new: SigningKey | None = None, *, by: Subject) -> str:
        """Sign with another key from now on; the head of the log, signed by both.

        The log says so in a record of its own, so that a verifier who trusts the old key
        can follow. Where the signer is a file, *new* may be left out: a key is made, and put
        in its place. *by* is who did it, for ever and in the leaf.

        Raises:
            LogError: there is no signer, its key was replaced already, or *new* is not new.
        """
        if self._signer is None:
            raise LogError(f"{self.address} has no signing key here: pass signer=")

        def announce(old: SigningKey, other: SigningKey) -> None:
            with closing(self._store()) as store:
                store.rotate(old, other, by)

        self._signer.rotate(announce, new)
        return self.checkpoint()

    def add_signatures(self, signed: str) -> str:
        """Keep what others signed of a checkpoint of this log; the note with all signatures.

        Raises:
            LogError: *signed* is no checkpoint that this log signed.
        """
        with closing(self._store()) as store:
            return store.add_signatures(signed)

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
        with closing(self._store()) as store:
            return store.erase(asked, retention, by, dry_run=dry_run)

    def close(self) -> None:
        """Write what is under way, sign it if there is a signer, and disconnect.

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


def _create(address: Address, origin: str | None) -> None:
    async def work(connection: Connection) -> str:
        return await postgres_schema.create(connection, address, origin)

    session = Session(address)
    try:
        session.run(work)
    finally:
        session.close()


def _signer(signer: SigningKey | str | Path) -> keys.Signer:
    found = keys.Signer(signer if isinstance(signer, SigningKey) else Path(signer))
    # Says so now if there is none.
    found()
    return found
