"""The tables of a ledger in a database, all in the PostgreSQL schema `remit`.

    record      seq, leaf, hash, and what listings ask for, computed from the leaf
    payload     seq, body; a row may be deleted, and every proof still holds
    tree        one row: which log this is, and the frontier of its tree
    node        level, seq, hash: its inner nodes at every eighth height, for proofs
    checkpoint  size, note
    approval    id, digest while it is open, asked, body: the questions to people
    standing    id, body: standing approvals and delegations that were not revoked
    format      one row: the version of these tables

The columns that listings use are generated: they cannot say anything else than
the leaf, which the tree protects. A text of PostgreSQL has no NUL, so there
U+FFFD stands in its place.
"""

from __future__ import annotations

import secrets

from remit.audit.checkpoint import Checkpoint
from remit.audit.tree import EMPTY_ROOT, Frontier
from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Connection
from remit.errors import LogError

FORMAT = 2

PREFIX = 100
"""Characters of a text that an index holds: one entry of a B-tree has a limit, a name has none."""

LOCK = int.from_bytes(b"remitlog")
"""The advisory lock of whoever makes a ledger or appends to it. PostgreSQL has one per database."""

_TEXTS = ("kind", "call", "run", "session", "subject", "action", "effect", "risk")
_FIELD = r"replace(leaf, '\u0000', '\ufffd')::json ->> '{}'"


def _tables() -> str:
    columns = "".join(
        f',\n    {name} text COLLATE "C" GENERATED ALWAYS AS ({_FIELD.format(name)}) STORED'
        for name in _TEXTS
    )
    indexes = "".join(
        f"CREATE INDEX record_{name} ON remit.record (left({name}, {PREFIX}), seq) "
        f"WHERE {name} IS NOT NULL;\n"
        for name in ("call", "run", "session", "subject", "action")
    )
    return f"""
CREATE SCHEMA remit;
CREATE TABLE remit.record (
    seq bigint PRIMARY KEY,
    leaf text NOT NULL,
    hash bytea NOT NULL,
    at bigint GENERATED ALWAYS AS (({_FIELD.format("at")})::bigint) STORED{columns}
);
CREATE INDEX record_at ON remit.record (at);
{indexes}
CREATE TABLE remit.payload (seq bigint PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE remit.tree (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    origin text NOT NULL,
    size bigint NOT NULL,
    frontier bytea NOT NULL
);
CREATE TABLE remit.node (
    level smallint,
    seq bigint,
    hash bytea NOT NULL,
    PRIMARY KEY (level, seq)
);
CREATE TABLE remit.checkpoint (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size bigint NOT NULL,
    note text NOT NULL
);
CREATE INDEX checkpoint_size ON remit.checkpoint (size);
CREATE TABLE remit.approval (
    id text PRIMARY KEY, digest text, asked bigint NOT NULL, body bytea NOT NULL
);
CREATE INDEX approval_open ON remit.approval (digest) WHERE digest IS NOT NULL;
CREATE TABLE remit.standing (id text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE remit.format (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    version integer NOT NULL
);
"""


def check_origin(origin: str | None) -> None:
    """Say so if *origin* is nothing that a checkpoint can name."""
    if origin is not None:
        Checkpoint(origin, 0, EMPTY_ROOT)


async def create(connection: Connection, address: Address, origin: str | None) -> str:
    """Make the ledger unless it is there; return its origin.

    Processes that come at the same moment find one ledger, and whoever comes
    later needs no right to make one.
    """
    if not await _exists(connection):
        async with connection.transaction(isolation="read_committed"):
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            # Another process may have been here while this one waited for the lock.
            if not await _exists(connection):
                await _fill(connection, address, origin)
    found = await check(connection, address)
    if origin is not None and found != origin:
        raise LogError(f"{address} holds the ledger {found}, not {origin}")
    return found


async def check(connection: Connection, address: Address) -> str:
    """The origin of the ledger behind *connection*, if it is one this Remit can read."""
    if not await _exists(connection):
        raise LogError(f"{address} holds no ledger: it has no schema remit")
    if await connection.fetchval("SELECT to_regclass('remit.format')") is None:
        raise LogError(f"the schema remit of {address} is not that of a ledger")
    version = await connection.fetchval("SELECT version FROM remit.format")
    if not isinstance(version, int) or version > FORMAT:
        why = f"it has format {version}, this Remit reads {FORMAT}"
        raise LogError(f"{address} was written by a newer Remit: {why}; upgrade Remit")
    origin = await connection.fetchval("SELECT origin FROM remit.tree")
    if origin is None:
        raise LogError(f"{address} holds a ledger without its tree")
    return str(origin)


async def _exists(connection: Connection) -> bool:
    found = await connection.fetchval("SELECT oid FROM pg_namespace WHERE nspname = 'remit'")
    return found is not None


async def _fill(connection: Connection, address: Address, origin: str | None) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        why = f"its encoding is {encoding}, and records need UTF8"
        raise LogError(f"{address} cannot hold a ledger: {why}; make a database that has it")
    await connection.execute(_tables())
    named = origin or _new_origin(await connection.fetchval("SELECT current_database()"))
    await connection.execute("INSERT INTO remit.format (version) VALUES ($1)", FORMAT)
    await connection.execute(
        "INSERT INTO remit.tree (origin, size, frontier) VALUES ($1, 0, $2)",
        named,
        Frontier().to_bytes(),
    )


def _new_origin(database: str) -> str:
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in database)
    return f"remit/{name}-{secrets.token_hex(4)}"
