"""Changes of what Remit itself works by: on record before they count, or they do not happen."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from remit.audit.record import Kind, Record
from remit.canonical import freeze
from remit.errors import NotData, Unavailable
from remit.identities import new_id
from remit.model import REMIT, Action, Request, Subject
from remit.ports import Ledger, Maybe, finish


def record_change(
    ledger: Ledger,
    act: str,
    facts: Mapping[str, Any],
    *,
    by: Subject = REMIT,
    clock: Callable[[], int] = time.time_ns,
) -> None:
    """Keep that *act* is about to be done; it is durable when this returns.

    Raises:
        Unavailable: it could not be recorded, so it must not be done.
    """
    try:
        frozen = freeze(facts)
    except NotData as error:
        raise Unavailable(f"{act!r} cannot be recorded: {error}") from error
    at = clock()
    keep(ledger, Record(Kind.CHANGED, new_id(), at, Request(by, Action(act, frozen), at=at)))


def keep(ledger: Ledger, record: Record) -> None:
    """Append *record*; it is durable when this returns.

    Raises:
        Unavailable: it could not be recorded.
    """
    try:
        _wait(ledger.append(record))
    except Exception as error:
        act = record.request.action.name
        raise Unavailable(f"the ledger could not record {act!r}: {error}") from error


def keep_together(ledger: Ledger, records: Sequence[Record]) -> bool:
    """Append all of *records*, durable when this returns; False if *ledger* takes them one by one.

    Raises:
        Unavailable: none of them could be recorded.
    """
    append_all = getattr(ledger, "append_all", None)
    if append_all is None:
        return False
    try:
        _wait(append_all(records))
    except Exception as error:
        raise Unavailable(f"the ledger could not record {len(records)} at once: {error}") from error
    return True


def _wait(answer: Maybe[int]) -> None:
    waited = answer.result() if isinstance(answer, Future) else answer
    if isinstance(waited, Awaitable):
        finish(_awaited(waited))


async def _awaited(answer: Awaitable[int]) -> int:
    return await answer
