"""A ledger file as a reader sees it.

A `SqliteLog` opens a connection for each question, holds no thread and no lock,
and never writes: readers and the writer do not wait for each other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from remit.audit.case import Case, Standing
from remit.audit.findings import Verification
from remit.audit.note import VerifyingKey
from remit.audit.stored import Parts, Stored
from remit.audit.tree import Hash, Proof, consistency_ranges, inclusion_ranges
from remit.audit.trust import Trust
from remit.audit.verify import verify
from remit.errors import LogError
from remit.ledgers import keys, query, sqlite_blocks, sqlite_docket, sqlite_schema, sqlite_tree
from remit.ledgers.query import Filter
from remit.ledgers.sqlite_blocks import STORED

EVERYTHING = Filter()


class SqliteLog:
    """The records, proofs and checkpoints in the ledger file at *path*."""

    def __init__(self, path: str | Path) -> None:
        # Absolute, because the program may change its folder.
        self.path = Path(path).absolute()
        with self._reading() as connection:
            self.origin = sqlite_schema.check(connection, self.path)

    def size(self) -> int:
        """How many records there are."""
        with self._reading() as connection:
            return sqlite_tree.size(connection)

    def entry(self, index: int) -> Stored:
        """The record at *index*."""
        with self._reading() as connection:
            row = connection.execute(f"{STORED} WHERE seq = ?", (index,)).fetchone()
        if row is None:
            raise LogError(f"{self.path} has no record {index}", index=index)
        return Stored(*row)

    def select(self, wanted: Filter = EVERYTHING, /) -> Iterator[Stored]:
        """The records *wanted*, as they are when the first is read."""
        with self._snapshot() as connection:
            for row in islice(sqlite_blocks.select(connection, wanted), wanted.limit):
                yield Stored(*row)

    def changes(self, start: int = 0, /) -> tuple[Sequence[Stored], int]:
        """The records of kind `changed` from *start* on, and where to start the next time."""
        return query.changes(self, start)

    def root(self) -> Hash:
        """The root over all records, of what the log keeps of its tree; `verify` computes it."""
        with self._snapshot() as connection:
            return sqlite_tree.frontier(connection).root()

    def inclusion_proof(self, index: int, size: int | None = None) -> Proof:
        """Proof that the record at *index* is among the first *size*."""
        with self._snapshot() as connection:
            return sqlite_tree.roots(
                connection, inclusion_ranges(index, self._checked(connection, size))
            )

    def consistency_proof(self, old: int, size: int | None = None) -> Proof:
        """Proof that the first *old* of *size* records have not been rewritten."""
        with self._snapshot() as connection:
            return sqlite_tree.roots(
                connection, consistency_ranges(old, self._checked(connection, size))
            )

    def checkpoints(self) -> Iterator[str]:
        """Every checkpoint signed so far, in ascending size."""
        with self._reading() as connection:
            yield from _checkpoints(connection)

    def case(self, identity: str) -> Case | None:
        """The question to people with this id, and what became of it."""
        with self._reading() as connection:
            return next(sqlite_docket.named(connection, identity), None)

    def cases(self, *, waiting: bool = True) -> tuple[Case, ...]:
        """The questions to people that are not closed, or all, in the order they were asked in."""
        with self._reading() as connection:
            return tuple(sqlite_docket.cases(connection, waiting=waiting))

    def open_cases(self, digest: str) -> tuple[Case, ...]:
        """Those of them that are about the request with this digest and not closed."""
        with self._reading() as connection:
            return tuple(sqlite_docket.opened(connection, digest))

    def standing(self) -> tuple[Standing, ...]:
        """The standing rights that were given and not revoked."""
        with self._reading() as connection:
            return tuple(sqlite_docket.standing(connection))

    def verifying_key(self) -> VerifyingKey:
        """The key beside the file that checks the checkpoints."""
        return keys.load_verifying(self.path)

    def trust(self) -> Trust:
        """That key, and those it replaced."""
        return keys.load_trust(self.path)

    def verify(
        self,
        trusted: Trust | Iterable[VerifyingKey] | None = None,
        *,
        checkpoint: str | None = None,
    ) -> Verification:
        """Whether the log is whole, in order and unchanged.

        Without *trusted* keys the one beside the file is trusted, which says nothing
        against somebody who could write that too. *checkpoint* is one kept elsewhere.
        """
        with self._snapshot() as connection:
            return verify(
                _entries(connection),
                _checkpoints(connection),
                self.trust() if trusted is None else trusted,
                origin=self.origin,
                outside=checkpoint,
                nodes=sqlite_tree.nodes(connection),
            )

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        """All of the log as it is at this moment, to be read before the context ends."""
        with self._snapshot() as connection:
            size = sqlite_tree.size(connection)
            entries, nodes = _entries(connection), sqlite_tree.nodes(connection)
            yield Parts(self.origin, size, entries, _checkpoints(connection), nodes)

    def _checked(self, connection: sqlite3.Connection, size: int | None) -> int:
        there = sqlite_tree.size(connection)
        if size is not None and size > there:
            raise LogError(f"{self.path} has {there} records, not {size}")
        return there if size is None else size

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees the log at one moment, whatever is written meanwhile."""
        with self._reading() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite_schema.connect_reader(self.path)) as connection:
            try:
                yield connection
            except sqlite3.DatabaseError as error:
                raise LogError(f"{self.path} cannot be read: {error}") from error


def _entries(connection: sqlite3.Connection) -> Iterator[Stored]:
    for row in connection.execute(f"{STORED} ORDER BY seq"):
        yield Stored(*row)


def _checkpoints(connection: sqlite3.Connection) -> Iterator[str]:
    for (note,) in connection.execute("SELECT note FROM checkpoint ORDER BY size, id"):
        yield str(note)
