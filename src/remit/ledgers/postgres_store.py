"""The one connection of a process that writes a ledger in a database.

Whoever appends first takes a lock and reads the tree, because another machine
may have written since. It is an advisory lock, taken in one round trip with
BEGIN and let go of by COMMIT: those who wait for one get it in the order in
which they came. To lock the row of the tree costs a lone writer the same, but
eight of them wrote a fifth less, and the unlucky ones waited twice as long.
Whoever writes without the lock is stopped by the primary key.

A connection may be lost after COMMIT was sent and before its answer came. Then
nobody knows whether the records are there, so the next attempt looks, with the
tree locked, whether the first of them stands where it would have been put. What
is handed over again and is there already, is not written twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from remit.audit import erasure, note, rotation
from remit.audit.checkpoint import Checkpoint, parse_checkpoint_unchecked
from remit.audit.note import SigningKey
from remit.audit.record import Entry
from remit.audit.rotation import Rotation
from remit.audit.stored import Stored
from remit.audit.tree import Frontier, Hash, Node, leaf_hash
from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Connection, Session
from remit.errors import Conflict, LogError
from remit.ledgers import postgres_docket, postgres_erasing
from remit.ledgers.erasing import MOST_AT_ONCE, account
from remit.ledgers.postgres_schema import FORMAT, LOCK
from remit.ledgers.retention import Erased, Erasure, Retention
from remit.ledgers.upkeep import change
from remit.model import Subject

COPY_FROM = 512
"""Records from which on COPY is quicker than one INSERT of arrays."""

NO_DOUBT: tuple[int, list[Hash]] = (0, [])
"""Where the last attempt would have put what, if its COMMIT was sent and not answered."""

# Committed is what is read after the lock was had: one moment for all would be one before it.
_BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK})"
_TREE = "SELECT version, origin, size, frontier FROM remit.tree, remit.format"

_INSERT = """
WITH grown AS (UPDATE remit.tree SET size = $1, frontier = $2),
    bodies AS (
        INSERT INTO remit.payload (seq, body) SELECT * FROM unnest($3::bigint[], $6::bytea[])
    ),
    inner_nodes AS (
        INSERT INTO remit.node (level, seq, hash)
        SELECT * FROM unnest($7::smallint[], $8::bigint[], $9::bytea[])
    )
INSERT INTO remit.record (seq, leaf, hash)
SELECT * FROM unnest($3::bigint[], $4::text[], $5::bytea[])
"""

_ROTATIONS = """
SELECT seq, leaf, body, hash FROM remit.record LEFT JOIN remit.payload USING (seq)
WHERE left(action, 100) = $1 AND action = $1 AND kind = 'changed' ORDER BY seq
"""
_LAST = "SELECT note FROM remit.checkpoint WHERE size = $1 ORDER BY id DESC LIMIT 1"


class Store:
    """Connects when it first has to, and again after anything went wrong."""

    any_thread = False
    may_block = 0.0

    def __init__(
        self, address: Address, origin: str, clock: Callable[[], int] | None = None
    ) -> None:
        self.address = address
        self._clock = clock
        self.origin = origin
        self._session = Session(address)
        self._doubt = NO_DOUBT
        self._kept: dict[Hash, int] = {}
        """What turned out to be there, though whoever handed it over was not told."""

    def append(self, entries: Sequence[Entry], /) -> list[int | Conflict]:
        """Make *entries* durable, all or none, but for those whose moves cannot be made.

        Where each of them is, or why it is not kept.
        """
        hashes = [leaf_hash(entry.leaf) for entry in entries]

        async def work(connection: Connection) -> list[int | Conflict]:
            await connection.execute(_BEGIN)
            frontier = await self._tree(connection)
            await self._resolve(connection)
            new = [at for at, hashed in enumerate(hashes) if hashed not in self._kept]
            moving = [entries[at] for at in new]
            refused = await postgres_docket.move(connection, moving, self._clock and self._clock())
            kept = [at for place, at in enumerate(new) if place not in refused]
            fresh = [hashes[at] for at in kept]
            if kept:
                await _insert(connection, [entries[at] for at in kept], fresh, frontier)
            self._doubt = (frontier.size, fresh)
            await _commit(connection)
            places: dict[int, int | Conflict] = {
                at: self._kept[hashed] for at, hashed in enumerate(hashes) if hashed in self._kept
            }
            places |= {new[place]: conflict for place, conflict in refused.items()}
            places |= dict(zip(kept, range(frontier.size, frontier.size + len(kept)), strict=True))
            self._doubt, self._kept = NO_DOUBT, {}
            return [places[at] for at in range(len(entries))]

        return self._session.run(work)

    def sign(self, key: SigningKey, /) -> str:
        """The head of the log as it is now, signed with *key*; once is enough for each head."""

        async def work(connection: Connection) -> str:
            await connection.execute(_BEGIN)
            frontier = await self._tree(connection)
            rotation.check_in_use(await rotations(connection), key)
            return await self._sign(connection, frontier, key)

        return self._session.run(work)

    def append_now(self, _entries: Sequence[Entry]) -> None:
        """Never: the way to the database takes longer than a loop can wait."""

    def find(self, entries: Sequence[Entry]) -> range:
        """Nothing is in doubt: one thread uses this, and resolves what a lost connection left."""
        raise NotImplementedError

    def tidy(self) -> int:
        """Nothing: the database keeps its indexes as it goes."""
        return 0

    def rotate(self, old: SigningKey, new: SigningKey, by: Subject) -> str:
        """Announce that *new* signs in place of *old*; the head of the log, signed by both."""
        word = Rotation.make(self.origin, old, new)
        entry = change(rotation.ACTION, word.properties, by, self._now())

        async def work(connection: Connection) -> str:
            await connection.execute(_BEGIN)
            frontier = await self._tree(connection)
            if rotation.is_done(await rotations(connection), old, new):
                return await self._sign(connection, frontier, new)
            await _insert(connection, [entry], [leaf_hash(entry.leaf)], frontier)
            return await self._sign(connection, await self._tree(connection), old, new)

        return self._session.run(work)

    def add_signatures(self, signed: str) -> str:
        """Keep the signatures of *signed* with those that its checkpoint has; all of them."""
        checkpoint = parse_checkpoint_unchecked(signed)

        async def work(connection: Connection) -> str:
            await connection.execute(_BEGIN)
            found = "SELECT id, note FROM remit.checkpoint WHERE size = $1 ORDER BY id"
            for key, kept in await connection.fetch(found, min(checkpoint.size, 2**63 - 1)):
                if parse_checkpoint_unchecked(kept) != checkpoint:
                    continue
                both = note.merged(kept, signed)
                update = "UPDATE remit.checkpoint SET note = $1 WHERE id = $2"
                await connection.execute(update, both, key)
                await _commit(connection)
                return both
            raise LogError(f"the log has no such checkpoint of {checkpoint.size} records")

        return self._session.run(work)

    def erase(self, asked: Erasure, retention: Retention, by: Subject, *, dry_run: bool) -> Erased:
        """Erase what is *asked*, and say so in a record for every so many payloads."""
        now = self._now()

        async def look(connection: Connection) -> Erased:
            return await postgres_erasing.would_erase(connection, asked, retention, now)

        async def work(connection: Connection) -> int:
            await connection.execute(_BEGIN)
            frontier = await self._tree(connection)
            indexes = await postgres_erasing.delete(connection, asked, retention, now)
            if indexes:
                entry = change(erasure.ACTION, account(asked, retention, indexes), by, now)
                await _insert(connection, [entry], [leaf_hash(entry.leaf)], frontier)
            await _commit(connection)
            return len(indexes)

        found = self._session.run(look)
        if dry_run:
            return found
        erased = last = self._session.run(work)
        while last == MOST_AT_ONCE:
            last = self._session.run(work)
            erased += last
        return Erased(erased, found.too_young, found.under_way, scrubbed=not erased)

    def _now(self) -> int:
        return time.time_ns() if self._clock is None else self._clock()

    async def _sign(self, connection: Connection, frontier: Frontier, *keys: SigningKey) -> str:
        """The head of the log, signed with all of *keys*; ends the transaction."""
        last = await connection.fetchval(_LAST, frontier.size)
        if last is not None and all(note.signed_by(last, key) for key in keys):
            await connection.execute("ROLLBACK")
            return str(last)
        signed = Checkpoint(self.origin, frontier.size, frontier.root()).sign(*keys)
        insert = "INSERT INTO remit.checkpoint (size, note) VALUES ($1, $2)"
        await connection.execute(insert, frontier.size, signed)
        await _commit(connection)
        return signed

    def close(self) -> None:
        """Let go of the connection; a transaction that was not committed never was."""
        self._session.close()

    async def _resolve(self, connection: Connection) -> None:
        """Find out, with the tree locked, whether the last attempt got through after all."""
        first, hashes = self._doubt
        if hashes and await _holds(connection, first, hashes[0]):
            self._kept |= {hashed: index for index, hashed in enumerate(hashes, first)}
        self._doubt = NO_DOUBT

    async def _tree(self, connection: Connection) -> Frontier:
        """The tree as it stays until the transaction ends."""
        row = await connection.fetchrow(_TREE)
        if row is None:
            raise LogError(f"{self.address} holds a ledger without its tree")
        version, origin, size, data = row
        # What answers may be another database by now, or have been changed by a newer Remit.
        if (version, origin) != (FORMAT, self.origin):
            other = f"the ledger {origin} of format {version}"
            raise LogError(f"{self.address} holds {other}, not {self.origin} of format {FORMAT}")
        frontier = Frontier.from_bytes(data)
        if frontier.size != size:
            raise LogError(f"the ledger counts {size} records, its tree {frontier.size}")
        return frontier


async def rotations(connection: Connection) -> list[Stored]:
    """The records that say that a key was replaced."""
    rows = await connection.fetch(_ROTATIONS, rotation.ACTION)
    return [Stored(seq, leaf.encode(), body, hashed) for seq, leaf, body, hashed in rows]


async def _holds(connection: Connection, index: int, hashed: Hash) -> bool:
    found = await connection.fetchval("SELECT hash FROM remit.record WHERE seq = $1", index)
    return bool(found == hashed)


async def _insert(
    connection: Connection, entries: Sequence[Entry], hashes: Sequence[Hash], frontier: Frontier
) -> None:
    nodes: list[Node] = []
    grown = frontier.extend(hashes, nodes)
    indexes = range(frontier.size, grown.size)
    leaves = [entry.leaf.decode() for entry in entries]
    bodies = [entry.payload for entry in entries]
    if len(entries) < COPY_FROM:
        tree = (grown.size, grown.to_bytes())
        columns = [[node[field] for node in nodes] for field in range(3)]
        await connection.execute(_INSERT, *tree, indexes, leaves, hashes, bodies, *columns)
        return
    await _copy(connection, "record", "seq leaf hash", zip(indexes, leaves, hashes, strict=True))
    await _copy(connection, "payload", "seq body", zip(indexes, bodies, strict=True))
    await _copy(connection, "node", "level seq hash", nodes)
    update = "UPDATE remit.tree SET size = $1, frontier = $2"
    await connection.execute(update, grown.size, grown.to_bytes())


async def _copy(
    connection: Connection, table: str, columns: str, rows: Iterable[tuple[object, ...]]
) -> None:
    await connection.copy_records_to_table(
        table, schema_name="remit", columns=columns.split(), records=rows
    )


async def _commit(connection: Connection) -> None:
    # To commit a transaction that cannot be is no error to PostgreSQL; it answers ROLLBACK.
    answer = await connection.execute("COMMIT")
    if answer != "COMMIT":
        raise LogError(f"the database answered {answer} to COMMIT: nothing was kept")
