"""Which records a reader wants, as a question both to a leaf and to a database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from remit.audit.record import Kind
from remit.audit.stored import Leaf, Stored
from remit.model import Effect, Risk


class Log(Protocol):
    """What can be asked for the records it has."""

    def size(self) -> int:
        """How many there are."""
        ...

    def select(self, wanted: Filter, /) -> Iterable[Stored]:
        """Those *wanted*."""
        ...


def changes(log: Log, start: int) -> tuple[list[Stored], int]:
    """The records of kind `changed` from *start* on, and where to start the next time."""
    size = log.size()
    found = list(log.select(Filter(kind=Kind.CHANGED, start=start)))
    return found, max([size, *(one.index + 1 for one in found)])


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Records that have all of these; what is None is not asked about."""

    run: str | None = None
    """One run, by its id."""
    session: str | None = None
    """All runs of one session, by its id."""
    call: str | None = None
    subject: str | None = None
    """`agent:billing-bot`, as the leaf writes it."""
    action: str | None = None
    kind: Kind | None = None
    effect: Effect | None = None
    risk: Risk | None = None
    rule: str | None = None
    """One of the rules that decided."""
    since: int | None = None
    """Unix time in nanoseconds, cut to microseconds as leaves are; included."""
    until: int | None = None
    """Likewise; not included."""
    start: int = 0
    """The lowest index."""
    limit: int | None = None
    newest_first: bool = False

    def __post_init__(self) -> None:
        if self.start < 0 or (self.limit is not None and self.limit < 0):
            raise ValueError("a filter starts at index 0 or later, and has a limit of 0 or more")

    def matches(self, leaf: Leaf) -> bool:
        """Whether a record with this *leaf* is wanted, its index aside."""
        if any(getattr(leaf, name) != value for name, value in self.equalities()):
            return False
        if self.rule is not None and self.rule not in leaf.rules:
            return False
        if self.since is not None and leaf.at < self.since // 1000:
            return False
        return self.until is None or leaf.at < self.until // 1000

    def equalities(self) -> list[tuple[str, str]]:
        """The fields of the leaf that are compared as they are."""
        names = ("run", "session", "call", "subject", "action", "kind", "effect", "risk")
        asked = ((name, getattr(self, name)) for name in names)
        return [(name, str(value)) for name, value in asked if value is not None]

    def sql(self, first: int, end: int) -> tuple[str, list[Any]]:
        """Conditions for the records from *first* to before *end*, in their order, and parameters.

        The table is the `listing` of a ledger file. The limit is the caller's, who may ask of
        several ranges.
        """
        clauses, values = ["seq >= ? AND seq < ?"], list[Any]([max(first, self.start), end])
        for name, value in self.equalities():
            # A leaf leaves out what is empty.
            clauses.append(f"coalesce({name}, '') = ?" if value == "" else f"{name} = ?")
            values.append(value)
        if self.rule is not None:
            clauses.append("EXISTS (SELECT 1 FROM json_each(leaf, '$.rules') WHERE value = ?)")
            values.append(self.rule)
        if self.since is not None:
            clauses.append("at >= ?")
            values.append(self.since // 1000)
        if self.until is not None:
            clauses.append("at < ?")
            values.append(self.until // 1000)
        order = "DESC" if self.newest_first else "ASC"
        return f"WHERE {' AND '.join(clauses)} ORDER BY seq {order}", values
