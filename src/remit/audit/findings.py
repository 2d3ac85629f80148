"""What a verifier reports: findings that speak against a log, and facts about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from remit.audit.tree import Hash


class FindingKind(StrEnum):
    """What a verifier may find."""

    CHANGED = "changed"
    """A leaf is not what its stored hash says."""
    PAYLOAD_CHANGED = "payload-changed"
    """A payload is not the one its leaf names."""
    PAYLOAD_MISSING = "payload-missing"
    """A payload is not there, and no record says that it was erased."""
    UNREADABLE = "unreadable"
    """A leaf is not one Remit writes."""
    MISSING = "missing"
    """Records are not there, though later ones are."""
    OUT_OF_ORDER = "out-of-order"
    """A record stands behind one that came after it."""
    REWRITTEN = "rewritten"
    """Records are not those that were signed."""
    TREE_CHANGED = "tree-changed"
    """An inner node that the log keeps is not that of its records: its proofs fail."""
    TRUNCATED = "truncated"
    """The log ends before what was signed does."""
    FORKED = "forked"
    """Two histories were signed, or another one than this."""
    UNTRUSTED = "untrusted"
    """A checkpoint is not by a trusted key, or not of this log."""
    REUSED = "reused"
    """One approval released two calls."""
    UNENDED = "unended"
    """A call started and never ended. A fact, not a fault of the log."""
    ERASED = "erased"
    """Payloads were deleted, and a record says so. A fact."""
    BACKDATED = "backdated"
    """Records are dated before what was there already. A fact: clocks are set, and are apart."""
    UNSIGNED = "unsigned"
    """Records lie behind the last checkpoint. A fact."""
    UNWITNESSED = "unwitnessed"
    """Records lie behind the last checkpoint that enough witnesses cosigned. A fact."""


FACTS = frozenset(
    {
        FindingKind.UNENDED,
        FindingKind.ERASED,
        FindingKind.BACKDATED,
        FindingKind.UNSIGNED,
        FindingKind.UNWITNESSED,
    }
)


class Finding(msgspec.Struct, frozen=True):
    """One thing found, and the index of the first record that shows it."""

    kind: FindingKind
    index: int
    message: str

    @property
    def breaks(self) -> bool:
        """Whether it speaks against the log, rather than about it."""
        return self.kind not in FACTS


class Rotated(msgspec.Struct, frozen=True):
    """A key that was replaced, as a verifier could follow it."""

    index: int
    """The record that says so."""
    size: int
    """How many records the checkpoint signs that both keys signed."""
    previous: str
    key: str


class Verification(msgspec.Struct, frozen=True):
    """What a verifier saw of a log."""

    size: int
    """How many records were read."""
    root: Hash
    """The root over them."""
    signed: int
    """How many records, from the first, a trusted key vouches for."""
    checkpoints: int
    """How many checkpoints hold."""
    findings: tuple[Finding, ...] = ()
    witnessed: int = 0
    """How many records, from the first, enough witnesses have seen; 0 where none was named."""
    rotations: tuple[Rotated, ...] = ()
    """Which keys were replaced by which, in order."""

    @property
    def intact(self) -> bool:
        """Nothing found speaks against the log. How much of it is signed, `signed` says."""
        return not any(finding.breaks for finding in self.findings)


def span_of(first: int, end: int) -> str:
    """The records from *first* up to *end*, in words."""
    return f"record {first}" if end == first + 1 else f"records {first} to {end - 1}"
