"""A run as its records tell it: what happened in it, when, for how long, at what cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from remit.audit.record import ENDS, Kind
from remit.audit.stored import Leaf, Stored
from remit.cli.log.ledger import Log
from remit.ledgers.query import Filter

START, END = "run.start", "run.end"


@dataclass(slots=True)
class Happening:
    """One thing in a run: what was told, or a governed call with its end."""

    leaf: Leaf
    facts: dict[str, Any]
    end: Leaf | None = None

    @property
    def what(self) -> str:
        """`step`, `model`, …; for a call the name of its action."""
        action = self.leaf.action
        return action.removeprefix("run.") if self.leaf.kind is Kind.NOTED else action

    @property
    def seconds(self) -> float | None:
        """How long it took, where that is known."""
        if self.end is not None:
            return (self.end.at - self.leaf.at) / 1e6
        told = self.facts.get("seconds")
        return told if isinstance(told, int | float) else None


@dataclass(slots=True)
class Told:
    """A run, and the runs inside it."""

    id: str
    parent: str
    name: str
    subject: str
    session: str
    at: int
    """Unix time in microseconds."""
    happenings: list[Happening] = field(default_factory=list)
    inside: list[Told] = field(default_factory=list)
    ended: dict[str, Any] | None = None
    """What its end says of all of it; None while it is under way, or if it was cut off."""
    ended_at: int = 0

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.ended_at - self.at) / 1e6 if self.ended is not None else None

    @property
    def outcome(self) -> str:
        """`ended`, the name of the exception it ended in, or `open`."""
        return "open" if self.ended is None else self.ended.get("error") or "ended"


def beginnings(log: Log, wanted: Filter) -> Iterator[Told]:
    """The runs that begin in the records *wanted*."""
    for stored in log.select(msgspec.structs.replace(wanted, action=START)):
        if (leaf := stored.facts()).kind in {Kind.NOTED, Kind.STARTED}:
            yield _begun(leaf, _facts(stored))


def read(log: Log, identity: str) -> Told | None:
    """The run *identity*, and all runs inside it."""
    found = _alone(log, identity)
    if found is None:
        return None
    runs = {found.id: found}
    until = None if found.ended is None else (found.ended_at + 1) * 1000
    for begun in beginnings(log, Filter(since=found.at * 1000, until=until)):
        if begun.parent in runs and begun.id not in runs:
            inner = _alone(log, begun.id) or begun
            runs[begun.id] = inner
            runs[begun.parent].inside.append(inner)
    return found


def alone(log: Log, begun: Told) -> Told:
    """*begun*, with what happened in it."""
    return _alone(log, begun.id) or begun


def _alone(log: Log, identity: str) -> Told | None:
    return _told(log.select(Filter(run=identity)))


def _told(records: Iterable[Stored]) -> Told | None:
    run: Told | None = None
    under_way: dict[str, Happening] = {}
    for stored in records:
        leaf, facts = stored.facts(), _facts(stored)
        if run is None:
            run = _begun(leaf, facts)
        if leaf.kind in ENDS:
            if (call := under_way.pop(leaf.call, None)) is not None:
                call.end = leaf
            continue
        if leaf.action == END and leaf.kind is Kind.NOTED:
            run.ended, run.ended_at = facts.get("args", {}), leaf.at
        elif leaf.action != START:
            happening = Happening(leaf, facts.get("args", {}))
            run.happenings.append(happening)
            if leaf.kind is Kind.STARTED:
                under_way[leaf.call] = happening
    return run


def _begun(leaf: Leaf, facts: dict[str, Any]) -> Told:
    known = facts.get("run", {})
    parent, name = known.get("parent", ""), known.get("name", "")
    return Told(leaf.run, parent, name, leaf.subject, leaf.session, leaf.at)


def _facts(stored: Stored) -> dict[str, Any]:
    """The payload; nothing if it was erased."""
    return stored.details() or {}
