"""What a detector says it found, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The keys and positions that lead from a value to a text inside it."""


class Kind(StrEnum):
    """What a finding is about; conditions ask for one kind each."""

    PII = "pii"
    SECRET = "secret"  # noqa: S105 - what it is about
    INJECTION = "injection"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in one text: `text[start:end]`, as the text was given."""

    type: str
    kind: Kind
    start: int
    end: int
    confidence: float
    path: Path = ()
    """Where the text stands in the value that was scanned; empty if it is the value."""

    def at(self, path: Path) -> Finding:
        """The same finding in a text at *path*."""
        return replace(self, path=path) if path else self


class Detector(Protocol):
    """Finds things in one text, in time that grows with the text and no faster."""

    def find(self, text: str, /) -> Iterable[Finding]:
        """What is found, in any order; findings may overlap."""
        ...


def settle(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """*found* in the order of the text, less what is no news.

    What lies inside a finding of its kind that is at least as likely says nothing new.
    """
    kept: list[Finding] = []
    widest: dict[Kind, Finding] = {}
    for each in sorted(found, key=_order):
        outer = widest.get(each.kind)
        if outer is None or each.end > outer.end:
            widest[each.kind] = each
        elif each.confidence <= outer.confidence:
            continue
        kept.append(each)
    return tuple(kept)


def spans(found: Iterable[Finding]) -> Iterator[Finding]:
    """*found* in order, with those that overlap joined under the name of the likeliest.

    What is joined covers every character that any of them covered.
    """
    joined: Finding | None = None
    for each in sorted(found, key=_order):
        if joined is None or each.start >= joined.end:
            if joined is not None:
                yield joined
            joined = each
            continue
        best = each if each.confidence > joined.confidence else joined
        joined = replace(best, start=joined.start, end=max(joined.end, each.end))
    if joined is not None:
        yield joined


def _order(finding: Finding) -> tuple[int, int, float]:
    return finding.start, -finding.end, -finding.confidence
