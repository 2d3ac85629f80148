"""`AuditLogger`: a ledger of ours, read as Aegis' audit log: one row for each call.

Records of governed calls are kept before anything runs, in a tree that shows what was changed
or taken out: `remit log verify --ledger aegis_audit.db`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from remit import Acting
from remit.audit import tree
from remit.audit.record import ENDS, Kind, Record, encode
from remit.audit.stored import Stored
from remit.canonical import Frozen, freeze
from remit.compat.aegis.core.decision import PolicyDecision
from remit.compat.aegis.core.request import request_of
from remit.compat.aegis.core.result import Result
from remit.compat.aegis.runtime.redaction import conceal
from remit.compat.aegis.runtime.rows import SAID, Row, Wanted, rows
from remit.errors import LogError, NotData
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger
from remit.model import Decision, Effect, Session
from remit.policy.formats.names import identifier

DEFAULT_PATH = "aegis_audit.db"
IN_MEMORY = ":memory:"
MAY_BLOCK = 0.001
"""Seconds. Aegis itself holds up the loop for every row, however long that takes."""
MOST_UNDER_WAY = 10_000
"""Calls that have begun and of which subscribers are still to be told."""

Subscriber = Callable[[Row], object]

_log = logging.getLogger(__name__)


class AuditFile(SqliteLedger):
    """A ledger that knows what it was last given, so that who reads finds what they did."""

    last: Future[int] | None = None

    def append(self, record: Record, /) -> Future[int]:
        """As `SqliteLedger.append`."""
        self.last = answer = super().append(record)
        return answer


class AuditLogger:
    """The audit log in the file at *db_path*, which is made when it is first needed.

    Args:
        db_path: where the ledger is, or `:memory:`.
        ledger: the ledger itself, where there is one already.

    Raises:
        LogError: the file is something else, such as a database of Aegis itself.
    """

    def __init__(
        self,
        db_path: str | Path = DEFAULT_PATH,
        *,
        ledger: SqliteLedger | MemoryLedger | None = None,
    ) -> None:
        self.db_path = db_path
        self._lock = threading.Lock()
        self._opened: SqliteLedger | MemoryLedger | None = ledger
        self._subscribers: list[Subscriber] = []
        self._under_way: dict[str, list[Stored]] = {}

    @property
    def ledger(self) -> SqliteLedger | MemoryLedger:
        """The ledger itself, with checkpoints and proofs."""
        opened = self._opened
        if opened is not None:
            return opened
        with self._lock:
            if self._opened is None:
                in_memory = str(self.db_path) == IN_MEMORY
                self._opened = MemoryLedger() if in_memory else _open(Path(self.db_path))
            return self._opened

    def log(
        self,
        session_id: str,
        decision: PolicyDecision,
        *,
        result: Result | None = None,
        human_decision: str | None = None,
    ) -> int:
        """Note something that was not governed here; it is marked as what somebody says.

        Returns:
            The number of the row.
        """
        said = noted(session_id, decision, result, human_decision)
        answer = self.ledger.append(said)
        index = answer.result() if isinstance(answer, Future) else answer
        self(said)
        return index + 1

    async def note(self, session_id: str, decision: PolicyDecision, result: Result) -> None:
        """As `log`, on an event loop."""
        said = noted(session_id, decision, result)
        answer = self.ledger.append(said)
        if isinstance(answer, Future):
            await asyncio.wrap_future(answer)
        self(said)

    def get_log(
        self,
        session_id: str | None = None,
        *,
        action_type: str | None = None,
        risk_level: str | None = None,
        result_status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        agent_id: str | None = None,
        chain_id: str | None = None,
        newest_first: bool = False,
    ) -> list[Row]:
        """The calls that fit, the oldest first unless said otherwise."""
        wanted = Wanted(action_type, risk_level, result_status, agent_id, chain_id)
        found = [
            row
            for row in self._rows(session_id, _microseconds(since), _microseconds(until))
            if wanted.fits(row)
        ]
        return (found[::-1] if newest_first else found)[:limit]

    def count(
        self,
        *,
        session_id: str | None = None,
        action_type: str | None = None,
        risk_level: str | None = None,
        result_status: str | None = None,
    ) -> int:
        """How many calls fit."""
        return len(
            self.get_log(
                session_id,
                action_type=action_type,
                risk_level=risk_level,
                result_status=result_status,
            )
        )

    def export_jsonl(self, path: str | Path, session_id: str | None = None) -> int:
        """Write all calls, or those of a session, into a file that only its owner can read."""
        written = 0
        with private(path) as file:
            for row in self._rows(session_id):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                written += 1
        return written

    def subscribe(self, callback: Subscriber) -> None:
        """Call *callback* with the row of every call that ends from now on."""
        self._subscribers.append(callback)

    def unsubscribe(self, callback: Subscriber) -> None:
        """Call it no more."""
        self._subscribers = [each for each in self._subscribers if each is not callback]

    def close(self) -> None:
        """Sign what is there, and let go of the file. It is opened again when it is needed."""
        with self._lock:
            opened = self._opened
            if isinstance(opened, AuditFile):
                self._opened = None
                opened.close()

    def __call__(self, record: Record, /) -> None:
        """Take note of *record*, for the subscribers. An audit log is a `Reader`."""
        if not self._subscribers or record.kind is Kind.CHANGED:
            return
        entry = encode(record, secrets.token_bytes(16))
        stored = Stored(0, entry.leaf, entry.payload, tree.leaf_hash(entry.leaf))
        parts = [*self._under_way.pop(record.call, ()), stored]
        if record.kind not in ENDS | {Kind.REFUSED, Kind.NOTED}:
            self._under_way[record.call] = parts
            if len(self._under_way) > MOST_UNDER_WAY:
                # A call that waits for a person may never go on.
                self._under_way.pop(next(iter(self._under_way)))
            return
        for row in rows(parts):
            self._tell(row)

    def _tell(self, row: Row) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(row)
            except Exception:  # noqa: BLE001 - a subscriber's mistake is nobody else's
                _log.exception("a subscriber of the audit log failed")

    def _rows(
        self, session_id: str | None, since: int | None = None, until: int | None = None
    ) -> Iterator[Row]:
        ledger = self.ledger
        if isinstance(ledger, AuditFile) and ledger.last is not None:
            # The end of a call may still be on its way to the disk.
            ledger.last.exception()
        return rows(ledger.select(Filter(session=session_id)), since, until)


def private(path: str | Path) -> IO[str]:
    """A file to write to that only its owner can read, unless it was there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return open(descriptor, "w", encoding="utf-8")  # noqa: PTH123 - whoever asks closes it


def _open(path: Path) -> AuditFile:
    try:
        return AuditFile(path, may_block=MAY_BLOCK)
    except LogError as error:
        raise LogError(
            f"{path} is not a ledger of ours; a database of Aegis stays what it is: name another "
            "file (db_path=)"
        ) from error


def noted(
    session_id: str,
    decision: PolicyDecision,
    result: Result | None = None,
    human_decision: str | None = None,
    *,
    at: int | None = None,
) -> Record:
    """What somebody says of an action that was not governed here, at a moment or now."""
    at, action = time.time_ns() if at is None else at, decision.action
    asked = request_of(action, as_data(action.params), Acting(), at, Session(session_id))
    told = {
        SAID: result and result.status.value,
        "result_error": result and result.error,
        "result_data": result and result.data,
        "human_decision": human_decision,
        "said_approval": decision.approval.value,
        "matched_rule": decision.matched_rule,
    }
    said = _said(decision)
    return Record(Kind.NOTED, secrets.token_hex(12), at, conceal(asked), said, body=as_data(told))


def _said(decision: PolicyDecision) -> Decision:
    effect = Effect.ALLOW if decision.may_run_now else Effect.DENY
    rule = identifier(decision.matched_rule)
    return Decision(effect, "said, and not governed here", (rule,), risk=decision.risk_level.risk)


def as_data(value: Any) -> Any:
    """*value*, frozen; what is no data is text."""
    try:
        return freeze(value)
    except NotData:
        if isinstance(value, dict):
            return Frozen({str(key): as_data(member) for key, member in value.items()})
        if isinstance(value, list | tuple):
            return tuple(as_data(item) for item in value)
        return str(value).encode(errors="replace").decode()


def _microseconds(moment: datetime | None) -> int | None:
    """A moment without a zone is in UTC, as the rows are."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1e6)
