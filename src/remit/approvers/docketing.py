"""What a desk needs of a ledger."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from remit.audit.case import Case, Standing
from remit.audit.record import Record


class Docketing(Protocol):
    """A ledger that keeps questions; all of Remit's do."""

    def append(self, record: Record, /) -> int | Future[int]:
        """Keep *record*, or raise `Conflict`."""
        ...

    def case(self, identity: str, /) -> Case | None:
        """The question with this id."""
        ...

    def cases(self, *, waiting: bool = True) -> tuple[Case, ...]:
        """The questions that are not closed, or all."""
        ...

    def open_cases(self, digest: str, /) -> tuple[Case, ...]:
        """The questions about one request that are not closed."""
        ...

    def standing(self) -> tuple[Standing, ...]:
        """What was given and not revoked."""
        ...
