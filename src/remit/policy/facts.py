"""What is known about a request besides its arguments, as far as a document declares it.

    facts:
      session: {properties: {customer: {type: string}}, required: [customer]}
      resource: {properties: {tenant: {type: string}}}

A document that declares facts reads no others: what it does not declare is as unknown to
its conditions as an argument that no tool takes. Decisions do not change by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remit.expr.types import DOUBLE, INT, STRING, MapType, Type
from remit.model import Request, Session
from remit.policy.declared import Record, both

if TYPE_CHECKING:
    from remit.expr.compile import Read

HOLDERS: Mapping[str, Read] = {
    "subject": ("subject", "properties"),
    "resource": ("resource", "properties"),
    "session": ("session",),
    "context": ("context",),
    "run": ("run",),
}
"""What has facts, and how conditions lead to them."""

RUN: Mapping[str, Type] = {
    **dict.fromkeys(("id", "name", "parent"), STRING),
    **dict.fromkeys(("attempt", "steps", "model_calls", "tokens", "unpriced"), INT),
    **dict.fromkeys(("seconds", "cost"), DOUBLE),
    "calls": MapType(STRING, INT),
    "tags": MapType(STRING, STRING),
}
"""What every run has."""

OWN: Mapping[str, frozenset[str]] = {
    "session": frozenset(Session.__struct_fields__),
    "run": frozenset(RUN),
}
"""What every session and every run has; it need not be declared."""


@dataclass(frozen=True, eq=False)
class Facts:
    """Declared facts: for each of `HOLDERS` that has any, their types."""

    records: Mapping[str, Record] = field(default_factory=dict)
    declared: bool = False
    """There are no others."""

    def of(self, holder: str) -> Record:
        """The facts of *holder*."""
        return self.records.get(holder) or Record(".".join(HOLDERS[holder]), {})

    def joined(self, others: Iterable[Facts]) -> Facts:
        """These facts and those of *others*."""
        found, declared = dict(self.records), self.declared
        for other in others:
            declared = declared or other.declared
            for holder, record in other.records.items():
                known = found.get(holder)
                found[holder] = record if known is None else both(known, record)
        return Facts(found, declared)

    def __bool__(self) -> bool:
        return self.declared


NO_FACTS = Facts()
"""Nothing is declared, so anything may be read."""


def read_of(reads: Iterable[Read]) -> Iterator[tuple[str, str]]:
    """The facts among what a condition reads: the holder of each, and its name."""
    for read in sorted(reads):
        for holder, way in HOLDERS.items():
            name = read[len(way) : len(way) + 1]
            own = OWN.get(holder, frozenset())
            if read[: len(way)] == way and name and name[0] not in own:
                yield holder, name[0]


def facts_of(request: Request) -> Iterator[tuple[str, str]]:
    """The facts that *request* brings: the holder of each, and its name."""
    held = {
        "subject": request.subject.properties,
        "resource": request.resource.properties,
        "session": request.session.facts,
        "context": request.context,
        "run": request.run,
    }
    return (
        (holder, name)
        for holder, facts in held.items()
        for name in facts
        if name not in OWN.get(holder, ())
    )
