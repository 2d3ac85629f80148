"""What a document says of itself that is worth knowing: limits, other environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy.check.finding import Finding, Kind
from remit.policy.rule import Document


def unmetered(documents: Sequence[Document]) -> Iterator[Finding]:
    """Limits that nothing counts, so that what they are about is denied."""
    for document in documents:
        for limit in document.limits:
            yield Finding(
                limit.place,
                limit.id,
                f"nothing counts for the limit {limit.id!r} yet, so what it is about is denied; "
                "leave it out until there is a meter",
                Kind.UNMETERED,
            )


def changed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Every key that an environment changes."""
    for document in documents:
        for change in document.changes:
            yield Finding(change.place, change.rule, str(change), Kind.ENVIRONMENT)
