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

from remit.expr.compile import Read
from remit.model import Request, Session
from remit.policy.declared import Record, both

HOLDERS: Mapping[str, Read] = {
    "subject": ("subject", "properties"),
    "resource": ("resource", "properties"),
    "session": ("session",),
    "context": ("context",),
}
"""What has facts, and how conditions lead to them."""

FIELDS = frozenset(Session.__struct_fields__)
"""What every session has; it is no fact."""


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
            if read[: len(way)] == way and name and not (holder == "session" and name[0] in FIELDS):
                yield holder, name[0]


def facts_of(request: Request) -> Iterator[tuple[str, str]]:
    """The facts that *request* brings: the holder of each, and its name."""
    held = {
        "subject": request.subject.properties,
        "resource": request.resource.properties,
        "session": request.session.facts,
        "context": request.context,
    }
    return ((holder, name) for holder, facts in held.items() for name in facts)
