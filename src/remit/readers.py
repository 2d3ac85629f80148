"""Those who are told what was recorded, and hold what they hold while code runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from remit.audit.record import Record
from remit.ports import Execute, Reader, Scope
from remit.stepping import Here

T = TypeVar("T")

_log = logging.getLogger("remit.readers")


def tell(readers: Iterable[Reader], record: Record) -> None:
    """Have *readers* take note of what was recorded."""
    for read in readers:
        try:
            read(record)
        except Exception:  # noqa: BLE001 - a reader's mistake is nobody else's
            _log.exception("a reader failed on a record of kind %s", record.kind.value)


@contextmanager
def inside(scopes: Iterable[Scope], identity: str) -> Iterator[None]:
    """Have *scopes* hold what they hold while the code of the run or call *identity* runs."""
    held = ExitStack()
    for scope in scopes:
        try:
            held.enter_context(scope.inside(identity))
        except Exception:  # noqa: BLE001 - a reader's mistake is nobody else's
            _log.exception("a reader failed before %s ran", identity)
    try:
        yield
    finally:
        try:
            held.close()
        except Exception:  # noqa: BLE001 - nor now
            _log.exception("a reader failed after %s ran", identity)


def surrounded(execute: Execute[T], here: Here) -> Execute[T]:
    """*execute*, which runs *here*."""

    def execute_here() -> T | Awaitable[T]:
        with here():
            value = execute()
        return awaited(value) if hasattr(value, "__await__") else value

    async def awaited(value: Awaitable[T]) -> T:
        with here():
            return await value

    return execute_here
