"""`MemoryStore`: what agents remember, with who said it and how far that is to be trusted.

What agents, tools and pages say is never trusted, whatever they call it, and is sanitized.
An entry gives way to one that is trusted as much, from the same session, or more.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from remit.compat.kitelogik.sanitizer import sanitize_tool_output


class TrustTier(StrEnum):
    """How far an entry is to be trusted, the most trusted first."""

    TRUSTED = "TRUSTED"
    INTERNAL = "INTERNAL"
    DELEGATED = "DELEGATED"
    EXTERNAL = "EXTERNAL"
    UNTRUSTED = "UNTRUSTED"


_RANK = {tier: -rank for rank, tier in enumerate(TrustTier)}
_OURS = frozenset({TrustTier.TRUSTED, TrustTier.INTERNAL})
_OUTSIDE = ("agent", "tool", "mcp", "web", "http", "https", "model", "llm")
"""Sources that cannot vouch for themselves, alone or in front of a colon."""

_TABLE = """
CREATE TABLE IF NOT EXISTS memory (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    trust_tier TEXT NOT NULL,
    source TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    sanitized INTEGER NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """One thing that is remembered."""

    key: str
    value: str
    trust_tier: TrustTier
    source: str
    session_id: str
    created_at: datetime
    updated_at: datetime
    sanitized: bool = False


class MemoryStore:
    """The entries in the file at *db_path*."""

    def __init__(self, db_path: str = "memory.db") -> None:
        if db_path == ":memory:":
            raise ValueError("what is remembered outlives the program; name a file, not ':memory:'")
        self._path = Path(db_path).absolute()

    async def setup(self) -> None:
        """Make the file, if it is not there."""
        await asyncio.to_thread(self._setup)

    async def write(
        self, key: str, value: str, trust_tier: TrustTier, source: str, session_id: str
    ) -> MemoryEntry:
        """Remember *value* as *key*.

        Raises:
            TypeError: the value is no text.
            ValueError: the source cannot be trusted so far.
            PermissionError: what is there is trusted more, or belongs to another session.
        """
        if not isinstance(value, str):
            raise TypeError(f"what is remembered is text, not a {type(value).__name__}")
        tier = TrustTier(trust_tier)
        if tier in _OURS and source.lower().partition(":")[0] in _OUTSIDE:
            raise ValueError(f"{source!r} cannot say of itself that it is {tier}")
        sanitized = False
        if tier not in _OURS:
            cleaned = sanitize_tool_output(value)
            value, sanitized = cleaned.content, cleaned.was_modified
        now = datetime.now(UTC)
        entry = MemoryEntry(key, value, tier, source, session_id, now, now, sanitized)
        return await asyncio.to_thread(self._write, entry)

    async def read(self, key: str, session_id: str | None = None) -> MemoryEntry | None:
        """What is remembered as *key*; of one session only, if it is named."""
        entry = await asyncio.to_thread(self._read, key)
        return entry if entry and session_id in {None, entry.session_id} else None

    async def list_keys(self, session_id: str | None = None) -> list[str]:
        """The keys, those written last first; of one session only, if it is named."""
        return await asyncio.to_thread(self._keys, session_id)

    def _setup(self) -> None:
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(_TABLE)

    def _write(self, entry: MemoryEntry) -> MemoryEntry:
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            there = _found(connection, entry.key)
            if there is not None:
                _refuse(there, entry)
            created = there.created_at if there else entry.created_at
            connection.execute(
                "INSERT OR REPLACE INTO memory VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.key, entry.value, entry.trust_tier.value, entry.source, entry.session_id,
                    created.isoformat(), entry.updated_at.isoformat(), int(entry.sanitized),
                ),
            )  # fmt: skip
            written = _found(connection, entry.key)
            assert written is not None
            return written

    def _read(self, key: str) -> MemoryEntry | None:
        with self._connected() as connection:
            return _found(connection, key)

    def _keys(self, session_id: str | None) -> list[str]:
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT key FROM memory WHERE ? IS NULL OR session_id = ? "
                "ORDER BY updated_at DESC, key",
                (session_id, session_id),
            )
            return [row[0] for row in rows]

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=5)) as connection, connection:
            yield connection


def _found(connection: sqlite3.Connection, key: str) -> MemoryEntry | None:
    row = connection.execute("SELECT * FROM memory WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    name, value, tier, source, session, created, updated, sanitized = row
    return MemoryEntry(
        name,
        value,
        TrustTier(tier),
        source,
        session,
        datetime.fromisoformat(created),
        datetime.fromisoformat(updated),
        bool(sanitized),
    )


def _refuse(there: MemoryEntry, entry: MemoryEntry) -> None:
    rank, other = _RANK[entry.trust_tier], _RANK[there.trust_tier]
    if rank > other or (rank == other and entry.session_id == there.session_id):
        return
    raise PermissionError(
        f"{entry.key!r} is {there.trust_tier} and of session {there.session_id!r}: "
        f"{entry.trust_tier} of session {entry.session_id!r} does not replace it"
    )
