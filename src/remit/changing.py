"""Changes of what Remit itself works by: on record before they count, or they do not happen."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from typing import Any

from remit.audit.record import Kind, Record
from remit.call import new_id
from remit.canonical import freeze
from remit.driver import finish
from remit.errors import Unavailable
from remit.model import Action, Request, Subject
from remit.ports import Ledger

REMIT = Subject("service", "remit")
"""Who changes what no person and no agent does."""


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
        at = clock()
        request = Request(by, Action(act, freeze(facts)), at=at)
        answer = ledger.append(Record(Kind.CHANGED, new_id(), at, request))
        waited = answer.result() if isinstance(answer, Future) else answer
        if isinstance(waited, Awaitable):
            finish(_awaited(waited))
    except Exception as error:
        raise Unavailable(f"the ledger could not record {act!r}: {error}") from error


async def _awaited(answer: Awaitable[int]) -> int:
    return await answer
