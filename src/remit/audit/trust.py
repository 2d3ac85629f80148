"""Whom a verifier believes, and how that changes while it reads a log.

A key counts until the log itself replaces it (`remit.audit.rotation`). So a verifier
that trusts the first key of a log can follow it to the present one, and one that
trusts the present one need not know those before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from remit.audit import note
from remit.audit.checkpoint import Checkpoint
from remit.audit.cosignature import WitnessKey, time_of
from remit.audit.findings import Finding, FindingKind, Rotated
from remit.audit.note import VerifyingKey
from remit.audit.rotation import Rotation, vouched_by_both
from remit.errors import LogError


class Trust(msgspec.Struct, frozen=True):
    """Whom a verifier believes before it has read anything."""

    keys: tuple[VerifyingKey, ...]
    """Each may sign the log, until the log replaces it."""
    retired: tuple[VerifyingKey, ...] = ()
    """Earlier keys of it. By themselves they vouch for nothing: whoever stole one could sign."""
    witnesses: tuple[WitnessKey, ...] = ()
    """Who cosigns its checkpoints."""
    quorum: int = 0
    """How many of them it takes; all of them, if 0."""

    def __post_init__(self) -> None:
        if not 0 <= self.quorum <= len(set(self.witnesses)):
            raise ValueError(f"there are {len(set(self.witnesses))} witnesses, not {self.quorum}")

    @property
    def cosignatures(self) -> int:
        """How many witnesses it takes."""
        return self.quorum or len(set(self.witnesses))

    @classmethod
    def of(cls, given: Trust | Iterable[VerifyingKey]) -> Trust:
        """*given*, which may be keys and nothing else."""
        return given if isinstance(given, Trust) else cls(tuple(given))

    @classmethod
    def parse(cls, text: str) -> Trust:
        """Read keys, one a line: the one to trust first, then those it replaced."""
        key, *retired = map(VerifyingKey.parse, text.splitlines() or [""])
        return cls((key,), tuple(retired))

    def __str__(self) -> str:
        return "\n".join(map(str, self.keys + self.retired))


class Mark(msgspec.Struct, frozen=True):
    """A checkpoint that somebody we know signed."""

    checkpoint: Checkpoint
    signed: str
    vouches: bool
    """By a key that counts; else by one that the log has replaced, or should have."""
    witnessed: tuple[int, ...] = ()
    """When the witnesses say that they cosigned it, in Unix seconds."""


class UnknownSigner(LogError):
    """A checkpoint kept elsewhere is by nobody the verifier believes."""


class Keyring:
    """The keys that count at the place up to which a log was read."""

    def __init__(self, trust: Trust, origin: str | None) -> None:
        self.origin = origin
        self.trust = trust
        self.counting = list(trust.keys)
        self.retired = [key for key in trust.retired if key not in trust.keys]
        self.replaced: dict[VerifyingKey, int] = {}
        """Keys that count no more, and the record that says so."""
        self.announced: list[tuple[int, Rotation]] = []
        self.followed: list[Rotated] = []
        self.doubts: list[_Doubt] = []

    def announce(self, index: int, rotation: Rotation) -> None:
        """Take note of what record *index* says. It counts once both keys signed a checkpoint."""
        if self.origin in {None, rotation.origin}:
            self.announced.append((index, rotation))

    def open_all(self, signed: Iterable[str]) -> Iterator[Mark]:
        """The checkpoints by keys that count when they are asked for; others are doubts."""
        for position, one in enumerate(signed):
            known = (*self.counting, *self.retired)
            try:
                mark = self.open(one, known)
            except LogError as error:
                self.doubt(position, one, str(error), known)
                continue
            if not mark.vouches:
                why = "its key was replaced, and this log does not say when"
                self.doubts.append(_Doubt(position, why, _signers(one)))
            yield mark

    def open_kept(self, signed: str) -> Mark:
        """A checkpoint kept elsewhere, which may be by a key that counted once."""
        try:
            return self.open(signed, (*self.counting, *self.retired, *self.replaced))
        except LogError as error:
            raise UnknownSigner(f"the checkpoint kept elsewhere: {error}") from error

    def open(self, signed: str, known: Iterable[VerifyingKey]) -> Mark:
        """The checkpoint in *signed*, if one of the *known* keys signed it."""
        opened = note.open_note(signed, known)
        checkpoint = Checkpoint.parse(opened.text)
        check_origin(checkpoint, self.origin)
        signers = {(one.name, one.hash) for one in opened.signatures}
        vouches = any((key.name, key.hash) in signers for key in self.counting)
        seen = note.signatures_by(note.parse_unchecked(signed), self.trust.witnesses)
        return Mark(checkpoint, signed, vouches, tuple(map(time_of, seen)))

    def doubt(self, position: int, signed: str, why: str, known: Iterable[VerifyingKey]) -> None:
        """Remember a checkpoint that counts for nothing, unless its key turns out to be ours."""
        signers = _signers(signed)
        for key, index in self.replaced.items():
            if (key.name, key.hash) in signers:
                why = f"record {index} replaced its key, {key.name}+{key.hash.hex()}"
        final = {(key.name, key.hash) for key in (*known, *self.replaced)}
        self.doubts.append(_Doubt(position, why, frozenset() if signers & final else signers))

    def follow(self, mark: Mark) -> None:
        """Replace keys where *mark*, which holds, covers a rotation and is signed by both keys."""
        for index, rotation in tuple(self.announced):
            key, previous = rotation.key, rotation.previous
            known = key in self.counting or previous in self.counting
            covered = mark.vouches and index < mark.checkpoint.size
            if known and covered and vouched_by_both(mark.signed, previous, key):
                self.replace(index, rotation, mark.checkpoint.size)

    def replace(self, index: int, rotation: Rotation, size: int) -> None:
        """Let the key that *rotation* brings count, and none of those before it."""
        key = rotation.key
        if key in self.replaced:
            return
        self.announced.remove((index, rotation))
        if key not in self.counting:
            self.counting.append(key)
        earlier = [(index, rotation), *self.before(rotation)]
        for at, one in reversed(earlier):
            self.replaced[one.previous] = at
            self.followed.append(Rotated(at, size, str(one.previous), str(one.key)))
        gone = {(one.previous.name, one.previous.hash) for _, one in earlier}
        self.counting = [one for one in self.counting if one not in self.replaced]
        self.retired = [one for one in self.retired if one not in self.replaced]
        self.doubts = [one for one in self.doubts if not one.signers & gone]

    def before(self, rotation: Rotation) -> Iterator[tuple[int, Rotation]]:
        """How the key that *rotation* replaces came to sign, as far back as the log says."""
        previous = rotation.previous
        for index, one in reversed(tuple(self.announced)):
            if one.key == previous:
                self.announced.remove((index, one))
                yield index, one
                previous = one.previous

    def findings(self) -> Iterator[Finding]:
        """The checkpoints that count for nothing."""
        for one in self.doubts:
            message = f"checkpoint {one.position} counts for nothing: {one.why}"
            yield Finding(FindingKind.UNTRUSTED, one.position, message)


class _Doubt(msgspec.Struct, frozen=True):
    """A checkpoint that counts for nothing, and whose key would make it none of our business."""

    position: int
    why: str
    signers: frozenset[tuple[str, bytes]]


def check_origin(checkpoint: Checkpoint, origin: str | None) -> None:
    """Say so if *checkpoint* is of another log."""
    if origin is not None and checkpoint.origin != origin:
        raise LogError(f"it is a checkpoint of {checkpoint.origin}, not of {origin}")


def _signers(signed: str) -> frozenset[tuple[str, bytes]]:
    try:
        signatures = note.parse_unchecked(signed).signatures
    except LogError:
        return frozenset()
    return frozenset((one.name, one.hash) for one in signatures)
