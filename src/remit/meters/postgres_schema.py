"""The tables of a meter in a database, all in the PostgreSQL schema `remit_meter`.

used    label, key, unit, until, amount   what counts, in millionths, and until when
lease   call, label, key, until, amounts  what is set aside for a call under way
holder  id, expires, batch                the processes that have leases, and the last
transaction of each
format  one row: the version of these tables
"""

from __future__ import annotations

from remit.databases.postgres_address import Address
from remit.databases.postgres_session import Connection
from remit.errors import Unavailable

FORMAT = 1

SPACE = int.from_bytes(b"rmtr")
"""The advisory locks of meters: this number, and that of a share."""

_TABLES = """
CREATE SCHEMA remit_meter;
CREATE TABLE remit_meter.used (
    label text COLLATE "C", key text COLLATE "C", unit text COLLATE "C", until bigint,
    amount bigint NOT NULL,
    PRIMARY KEY (label, key, unit, until)
);
CREATE INDEX used_until ON remit_meter.used (until);
CREATE TABLE remit_meter.lease (
    call text COLLATE "C", label text COLLATE "C", key text COLLATE "C" NOT NULL,
    until bigint NOT NULL, amounts text NOT NULL, holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (call, label)
);
CREATE INDEX lease_holder ON remit_meter.lease (holder, label, key);
CREATE TABLE remit_meter.holder (
    id text COLLATE "C" PRIMARY KEY, expires bigint NOT NULL, batch bigint NOT NULL
);
CREATE TABLE remit_meter.format (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    version integer NOT NULL
);
"""
_EXISTS = "SELECT oid FROM pg_namespace WHERE nspname = 'remit_meter'"


async def create(connection: Connection, address: Address) -> None:
    """Make the tables unless they are there, whoever else does so at the same moment."""
    if await connection.fetchval(_EXISTS) is None:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute("SELECT pg_advisory_xact_lock($1, -1)", SPACE)
            # Another process may have been here while this one waited for the lock.
            if await connection.fetchval(_EXISTS) is None:
                await connection.execute(_TABLES)
                insert = "INSERT INTO remit_meter.format (version) VALUES ($1)"
                await connection.execute(insert, FORMAT)
    version = await connection.fetchval("SELECT version FROM remit_meter.format")
    if version != FORMAT:
        why = f"it has format {version}, this Remit reads {FORMAT}"
        raise Unavailable(f"the meter in {address} was written by another Remit: {why}")
