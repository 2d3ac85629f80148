"""Limits that can never be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy.check.cover import Covers, impossible
from remit.policy.check.finding import Finding, Kind, Related
from remit.policy.check.reach import denials
from remit.policy.rule import Document, Limit, Mode


def never_binding(documents: Sequence[Document]) -> Iterator[Finding]:
    """Limits on what is denied anyway, on what cannot be, and behind tighter ones."""
    denied = denials(documents)
    for document in documents:
        if document.mode is Mode.MONITOR:
            continue
        for limit in document.limits:
            rule = limit.rule
            if impossible(rule):
                yield _on(limit, "its condition can never be true")
            elif over := denied.of(rule):
                named = " and ".join(repr(other.id) for other in over)
                yield _on(limit, f"all it counts is denied by {named}")
            elif tighter := _tighter(limit, document.limits):
                yield _on(limit, f"{tighter.id!r} counts the same and allows less", tighter)


def _tighter(limit: Limit, others: Sequence[Limit]) -> Limit | None:
    """A limit that is always reached before *limit* is."""
    for other in others:
        alike = _counts(other) == _counts(limit)
        if other is limit or not alike or not _less(other, limit):
            continue
        if Covers((other.rule,)).singly(limit.rule):
            return other
    return None


def _counts(limit: Limit) -> tuple[object, ...]:
    """What two limits have in common that count alike."""
    per = [each.text for each in limit.per]
    reserve = {unit: each if isinstance(each, int) else each.text for unit, each in limit.reserve}
    return per, reserve, limit.period, limit.effect, limit.mode


def _less(one: Limit, other: Limit) -> bool:
    """Whether *one* allows less of all that *other* counts."""
    most = dict(one.max)
    return all(name in most and most[name] < amount for name, amount in other.max)


def _on(limit: Limit, why: str, *related: Limit) -> Finding:
    return Finding(
        limit.place,
        limit.id,
        f"the limit {limit.id!r} is never reached: {why}",
        Kind.NEVER_BINDS,
        tuple(Related(other.place, f"limit {other.id!r}") for other in related),
    )
