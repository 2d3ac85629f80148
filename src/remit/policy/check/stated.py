"""What a document says of itself that is worth knowing: other environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from remit.policy.check.finding import Finding, Kind
from remit.policy.rule import Document


def changed(documents: Sequence[Document]) -> Iterator[Finding]:
    """Every key that an environment changes."""
    for document in documents:
        for change in document.changes:
            yield Finding(change.place, change.rule, str(change), Kind.ENVIRONMENT)
