"""A ledger in a database as a reader sees it.

A `PostgresLog` opens a connection for each question, holds no thread and no lock,
and never writes: readers and writers do not wait for each other. Records come
through a cursor, so that a log of any size is read in little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from remit.audit.case import Case, Standing, decode_case, decode_standing
from remit.audit.findings import Verification
from remit.audit.note import VerifyingKey
from remit.audit.stored import Parts, Stored
from remit.audit.tree import (
    Frontier,
    Hash,
    Node,
    Proof,
    Range,
    consistency_ranges,
    inclusion_ranges,
    range_root,
)
from remit.audit.trust import Trust
from remit.audit.verify import verify
from remit.databases.postgres_address import Address
from remit.databases.postgres_session import REFUSED, Connection, Session
from remit.errors import LogError
from remit.ledgers import postgres_query, postgres_schema, query
from remit.ledgers.query import Filter

EVERYTHING = Filter()

PATIENCE = 15.0
"""Seconds to wait for a connection; a question to a large log may take twice as long."""

_AT_ONCE = 500
"""Records fetched in one round trip."""

_LARGEST = 2**63 - 1

# Text and bytes, whatever somebody may have put there instead.
_STORED = """
SELECT seq::bigint, coalesce(leaf::text, ''), body::bytea, coalesce(hash::bytea, '')
FROM remit.record LEFT JOIN remit.payload USING (seq)
"""
_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresLog:
    """The records, proofs and checkpoints in the database at *dsn*, a `postgresql://` address."""

    def __init__(self, dsn: str, *, patience: float = PATIENCE) -> None:
        self.address = Address(dsn, patience)
        with self._snapshot() as session:
            self.origin = session.go_on(self._check)

    def size(self) -> int:
        """How many records there are."""
        return self._frontier().size

    def entry(self, index: int) -> Stored:
        """The record at *index*."""
        with self._snapshot() as session:
            rows = _rows(session, f"{_STORED} WHERE seq = $1", min(index, _LARGEST))
            found = next(rows, None)
        if found is None:
            raise LogError(f"{self.address} has no record {index}", index=index)
        return _stored(found)

    def select(self, wanted: Filter = EVERYTHING, /) -> Iterator[Stored]:
        """The records *wanted*, as they are when the first is read."""
        where, values = postgres_query.where(wanted)
        with self._snapshot() as session:
            for row in _rows(session, f"{_STORED} {where}", *values):
                yield _stored(row)

    def changes(self, start: int = 0, /) -> tuple[Sequence[Stored], int]:
        """The records of kind `changed` from *start* on, and where to start the next time."""
        return query.changes(self, start)

    def root(self) -> Hash:
        """The root over all records, as the log remembers it; `verify` computes it."""
        return self._frontier().root()

    def inclusion_proof(self, index: int, size: int | None = None) -> Proof:
        """Proof that the record at *index* is among the first *size*."""
        with self._snapshot() as session:
            return _roots(session, inclusion_ranges(index, self._checked(session, size)))

    def consistency_proof(self, old: int, size: int | None = None) -> Proof:
        """Proof that the first *old* of *size* records have not been rewritten."""
        with self._snapshot() as session:
            return _roots(session, consistency_ranges(old, self._checked(session, size)))

    def checkpoints(self) -> Iterator[str]:
        """Every checkpoint signed so far, in ascending size."""
        with self._snapshot() as session:
            yield from _checkpoints(session)

    def case(self, identity: str) -> Case | None:
        """The question to people with this id, and what became of it."""
        with self._snapshot() as session:
            rows = _rows(session, "SELECT body FROM remit.approval WHERE id = $1", identity)
            return next((decode_case(body) for (body,) in rows), None)

    def cases(self, *, waiting: bool = True) -> tuple[Case, ...]:
        """The questions to people that are not closed, or all, in the order they were asked in."""
        where = "WHERE digest IS NOT NULL" if waiting else ""
        query = f"SELECT body FROM remit.approval {where} ORDER BY asked, id"  # noqa: S608 - one of two texts
        with self._snapshot() as session:
            return tuple(decode_case(body) for (body,) in _rows(session, query))

    def open_cases(self, digest: str) -> tuple[Case, ...]:
        """Those of them that are about the request with this digest and not closed."""
        query = "SELECT body FROM remit.approval WHERE digest = $1"
        with self._snapshot() as session:
            return tuple(decode_case(body) for (body,) in _rows(session, query, digest))

    def standing(self) -> tuple[Standing, ...]:
        """The standing rights that were given and not revoked."""
        with self._snapshot() as session:
            rows = _rows(session, "SELECT body FROM remit.standing ORDER BY id")
            return tuple(decode_standing(body) for (body,) in rows)

    def verifying_key(self) -> VerifyingKey:
        """There is none: whoever can write a database could replace a key that lies in it.

        Raises:
            LogError: always; a `PostgresLedger` with a signer knows its key.
        """
        raise LogError(f"no key lies beside {self.address}: pass the verifying keys you trust")

    def trust(self) -> Trust:
        """Likewise."""
        return Trust((self.verifying_key(),))

    def verify(
        self,
        trusted: Trust | Iterable[VerifyingKey] | None = None,
        *,
        checkpoint: str | None = None,
    ) -> Verification:
        """Whether the log is whole, in order and unchanged.

        Without *trusted* keys that of the signer is trusted, where there is one.
        *checkpoint* is one kept elsewhere.
        """
        keys = self.trust() if trusted is None else trusted
        with self._snapshot() as session:
            return verify(
                map(_stored, _rows(session, f"{_STORED} ORDER BY seq")),
                _checkpoints(session),
                keys,
                origin=self.origin,
                outside=checkpoint,
                head=_frontier(session),
                nodes=_nodes(session),
            )

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        """All of the log as it is at this moment, to be read before the context ends."""
        with self._snapshot() as session:
            size = _frontier(session).size
            entries = map(_stored, _rows(session, f"{_STORED} ORDER BY seq"))
            yield Parts(self.origin, size, entries, _checkpoints(session), _nodes(session))

    def _frontier(self) -> Frontier:
        with self._snapshot() as session:
            return _frontier(session)

    def _checked(self, session: Session, size: int | None) -> int:
        there = _frontier(session).size
        if size is not None and size > there:
            raise LogError(f"{self.address} has {there} records, not {size}")
        return there if size is None else size

    async def _check(self, connection: Connection) -> str:
        return await postgres_schema.check(connection, self.address)

    @contextmanager
    def _snapshot(self) -> Iterator[Session]:
        """A session that sees the log at one moment, whatever is written meanwhile."""
        session = Session(self.address)
        try:
            session.run(lambda connection: connection.execute(_MOMENT))
            yield session
        except REFUSED as error:
            raise LogError(f"{self.address} cannot be read: {error}") from error
        finally:
            session.close()


def _rows(session: Session, query: str, *values: Any) -> Iterator[Any]:
    cursor: Any = None

    async def more(connection: Connection) -> list[Any]:
        nonlocal cursor
        if cursor is None:
            cursor = await connection.cursor(query, *values)
        rows: list[Any] = await cursor.fetch(_AT_ONCE)
        return rows

    rows: list[Any] | None = None
    while rows is None or len(rows) == _AT_ONCE:
        rows = session.go_on(more)
        yield from rows


def _stored(row: Any) -> Stored:
    index, leaf, body, hashed = row
    return Stored(index, leaf.encode(), body, hashed)


def _frontier(session: Session) -> Frontier:
    row = next(_rows(session, "SELECT coalesce(frontier::bytea, '') FROM remit.tree"), None)
    return Frontier.from_bytes(row[0] if row else b"")


def _checkpoints(session: Session) -> Iterator[str]:
    query = "SELECT coalesce(note::text, '') FROM remit.checkpoint ORDER BY size, id"
    for (note,) in _rows(session, query):
        yield note


def _nodes(session: Session) -> Iterator[Node]:
    """The inner nodes, in the order of the leaves that completed them."""
    query = """
        SELECT level::int, seq::bigint, coalesce(hash::bytea, '')
        FROM remit.node ORDER BY (seq + 1) << (8 * level), level
    """
    yield from map(tuple, _rows(session, query))


def _roots(session: Session, ranges: tuple[Range, ...]) -> Proof:
    def read(level: int, first: int, end: int) -> list[Hash]:
        query = _INNER if level else _LEAVES
        found = session.go_on(lambda connection: connection.fetch(query, first, end, level))
        if len(found) != end - first:
            raise LogError("the log has lost a part of its tree: there is no proof")
        return [row[0] for row in found]

    return tuple(range_root(start, end, read) for start, end in ranges)


_LEAVES = """
SELECT hash::bytea FROM remit.record WHERE seq >= $1 AND seq < $2 AND $3::int = 0 ORDER BY seq
"""
_INNER = """
SELECT hash::bytea FROM remit.node WHERE seq >= $1 AND seq < $2 AND level = $3::int ORDER BY seq
"""
