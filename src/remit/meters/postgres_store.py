"""The one connection that counts in a database, and its one transaction.

Every transaction locks the shares it is about, in the order of their numbers, reads what
is known of them, and writes the difference: four round trips, however many jobs share
them. The locks are advisory, so that a share needs no row of its own to be locked.

A connection may be lost between COMMIT and its answer. So every transaction has a number,
which it leaves behind, and the next one looks whether it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Connection, Session
from remit.errors import Unavailable
from remit.meters.books import Books, Lease
from remit.meters.calendar import FOREVER, SECOND
from remit.meters.postgres_schema import SPACE
from remit.meters.worker import Work
from remit.model import Share

T = TypeVar("T")

LOCKS = 1024
"""Shares have this many locks among them: a server has room for a few thousand in all."""

TIDY_EVERY = 60 * SECOND
"""Nanoseconds until what counts no longer is deleted."""

MOST_TIDIED = 10_000
"""Rows deleted at once."""

# What a server that crashes forgets of the last moments is settled in full by whoever is left.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"
_NOW = "coalesce($1::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000)"
# No process is gone, as a rule, and then nobody looks for what it had set aside: OFFSET 0 keeps
# the planner from looking first.
_LEASE = "json_build_array(call, label, key, until, amounts, holder)"
_READ = f"""
WITH moment AS MATERIALIZED (SELECT {_NOW} AS now),
    share AS (SELECT * FROM unnest($2::text[], $3::text[]) AS asked(label, key)),
    gone AS MATERIALIZED (
        SELECT id FROM moment, remit_meter.holder WHERE expires <= now AND id <> $5
    ),
    expired AS (
        SELECT lease.* FROM gone CROSS JOIN share CROSS JOIN LATERAL (
            SELECT * FROM remit_meter.lease
            WHERE holder = gone.id AND label = share.label AND key = share.key OFFSET 0
        ) AS lease
    ),
    counted AS (
        SELECT label, key, unit, sum(amount)::bigint AS amount
        FROM moment, share JOIN remit_meter.used USING (label, key)
        WHERE until > now GROUP BY label, key, unit
    )
SELECT now,
    (SELECT batch FROM remit_meter.holder WHERE id = $5),
    (SELECT json_agg(json_build_array(label, key, unit, amount)) FROM counted)::text,
    (SELECT json_agg({_LEASE})
        FROM remit_meter.lease WHERE call = ANY($4::text[]))::text,
    (SELECT json_agg({_LEASE})
        FROM expired)::text
FROM moment
"""  # noqa: S608 - of our own making, as is all that is put in
_WRITE = """
WITH counted AS (
        INSERT INTO remit_meter.used AS old (label, key, unit, until, amount)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
        ON CONFLICT (label, key, unit, until) DO UPDATE SET amount = old.amount + excluded.amount
    ),
    opened AS (
        INSERT INTO remit_meter.lease (call, label, key, until, amounts, holder)
        SELECT *, $13 FROM unnest($6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[])
        ON CONFLICT (call, label) DO UPDATE SET key = excluded.key, until = excluded.until,
            amounts = excluded.amounts, holder = excluded.holder
    ),
    closed AS (
        DELETE FROM remit_meter.lease USING unnest($11::text[], $12::text[]) AS gone(call, label)
        WHERE lease.call = gone.call AND lease.label = gone.label
    )
INSERT INTO remit_meter.holder (id, expires, batch) VALUES ($13, $14, $15)
ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, batch = excluded.batch
"""
# Whoever tidies up waits for nobody, so that nobody waits in a circle.
_TIDY = (
    "DELETE FROM remit_meter.used WHERE (label, key, unit, until) IN (SELECT label, key, unit, "
    "until FROM remit_meter.used WHERE until <= $1 OR (until = $2 AND amount = 0) LIMIT $3 "
    "FOR UPDATE SKIP LOCKED)"
)
_TIDY_HOLDERS = (
    "DELETE FROM remit_meter.holder WHERE id IN (SELECT id FROM remit_meter.holder "
    "WHERE expires <= $1 AND id <> $2 AND NOT EXISTS "
    "(SELECT 1 FROM remit_meter.lease WHERE lease.holder = holder.id) FOR UPDATE SKIP LOCKED)"
)

_rows = msgspec.json.Decoder(list[tuple[str, str, str, int]]).decode
_leases = msgspec.json.Decoder(list[tuple[str, str, str, int, str, str]]).decode
_amounts = msgspec.json.Decoder(dict[str, int]).decode


class Store:
    """Connects when it first has to, and again after anything went wrong.

    Args:
        address: where the database is.
        lease: seconds until what a process has set aside comes back once it is gone.
        clock: Unix time in nanoseconds; None: the database tells it, to all alike.
        holder: the process that counts.
    """

    def __init__(
        self, address: Address, lease: float, clock: Callable[[], int] | None, holder: str
    ) -> None:
        self.address = address
        self.holder = holder
        self.in_doubt = False
        self._lease = int(lease * SECOND)
        self._clock = clock
        self._session = Session(address)
        self._batch = 0
        self._sent = 0
        """The transaction whose COMMIT was sent and not answered; 0 for none."""
        self._tidied = 0

    def transact(self, shares: set[Share], calls: list[str], work: Work[T]) -> T:
        """Carry *work* out on all that is known of *shares* and *calls*, and keep it."""
        self._batch += 1
        batch, self.in_doubt = self._batch, False
        locks = sorted({_lock(share) for share in shares})
        begin = "; ".join([_BEGIN, *(f"SELECT pg_advisory_xact_lock({SPACE}, {n})" for n in locks)])
        results: list[T] = []

        async def attempt(connection: Connection) -> T:
            await connection.execute(begin)
            books = await self._read(connection, shares, calls)
            if books.kept and self._sent == batch:
                await connection.execute("ROLLBACK")
            else:
                results[:] = [work(books)]
                await self._write(connection, books, batch)
                await self._tidy(connection, books.now)
                self._sent, self.in_doubt = batch, True
                await _commit(connection)
            self._sent, self.in_doubt = 0, False
            return results[0]

        return self._session.run(attempt)

    def close(self) -> None:
        """Let go of the connection; a transaction that was not committed never was."""
        self._session.close()

    async def _read(self, connection: Connection, shares: set[Share], calls: list[str]) -> Books:
        now, last, used, leases, expired = await connection.fetchrow(
            _READ,
            self._clock and self._clock(),
            [share.limit for share in shares],
            [share.key for share in shares],
            calls,
            self.holder,
        )
        known = (_read_leases(found) for found in (leases, expired))
        kept = self._sent != 0 and last == self._sent
        return Books(now, self.holder, _rows(used or "[]"), *known, kept=kept)

    async def _write(self, connection: Connection, books: Books, batch: int) -> None:
        opened = [
            (*lease[:4], msgspec.json.encode(lease.amounts).decode())
            for lease in books.opened.values()
        ]
        await connection.execute(
            _WRITE,
            *_columns([(*row, change) for row, change in books.changed()], 5),
            *_columns(opened, 5),
            *_columns(sorted(books.closed), 2),
            self.holder,
            books.now + self._lease,
            batch,
        )

    async def _tidy(self, connection: Connection, now: int) -> None:
        """Delete what counts no longer, once in a while."""
        if now - self._tidied < TIDY_EVERY:
            return
        await connection.execute(_TIDY, now, FOREVER, MOST_TIDIED)
        await connection.execute(_TIDY_HOLDERS, now, self.holder)
        self._tidied = now


def _lock(share: Share) -> int:
    """The number of the lock of *share*, the same on every machine."""
    digest = hashlib.sha256(f"{share.limit}\n{share.key}".encode()).digest()
    return int.from_bytes(digest[:4]) % LOCKS


def _columns(rows: Sequence[Sequence[Any]], width: int) -> Iterable[list[Any]]:
    return ([row[column] for row in rows] for column in range(width))


def _read_leases(found: str | None) -> list[Lease]:
    return [Lease(*row[:4], _amounts(row[4]), row[5]) for row in _leases(found or "[]")]


async def _commit(connection: Connection) -> None:
    # To commit a transaction that cannot be is no error to PostgreSQL; it answers ROLLBACK.
    answer = await connection.execute("COMMIT")
    if answer != "COMMIT":
        raise Unavailable(f"the database answered {answer} to COMMIT: nothing was kept")
