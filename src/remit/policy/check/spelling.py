"""Patterns that are not what they look like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy import names
from remit.policy.check.finding import Finding, Kind, on
from remit.policy.glob import rewrite
from remit.policy.rule import Document


def look_alikes(documents: Sequence[Document]) -> Iterator[Finding]:
    """Patterns that look like ASCII and are not, or are read as something else than is written."""
    for document in documents:
        for rule in document.rules:
            for pattern in (*rule.action, *rule.subject, *rule.resource):
                if why := _wrong(pattern):
                    yield on(Kind.LOOK_ALIKE, rule, f"{pattern!r} in rule {rule.id!r} {why}")


def _wrong(pattern: str) -> str:
    if pattern.isascii():
        return ""
    spelled, drawn = rewrite(pattern, names.fold), rewrite(pattern, names.drawn)
    if spelled.isascii():
        return f"is read as {spelled!r}; type it like that"
    if drawn.isascii():
        return "has letters that only look like ASCII; type it again"
    return ""
