r"""Cosignatures (https://c2sp.org/tlog-cosignature): what a witness says of a checkpoint.

A witness has seen a checkpoint, found that the log has only grown since the last one it
saw, and says so with the time. What it signs is

    cosignature/v1
    time 1795262400
    (the text of the checkpoint)

and what stands in the note is the time in eight bytes, most significant first, and the
signature. Its keys have 0x04 where those of logs have 0x01, so neither passes for the other.
"""

from __future__ import annotations

from typing import ClassVar

from remit.audit import note
from remit.audit.note import Note, PublicKey, SecretKey, Signature

ALGORITHM = b"\x04"


class WitnessKey(PublicKey, frozen=True):
    """The key that checks what a witness signs."""

    algorithm: ClassVar[bytes] = ALGORITHM

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether this witness cosigned *message*, at the time in *signature*."""
        if len(signature) != 72 or signature[0] >= 0x80:
            return False
        return super().verifies(_statement(message, signature[:8]), signature[8:])


class WitnessSigner(SecretKey, frozen=True):
    """The key with which a witness signs."""

    algorithm: ClassVar[bytes] = ALGORITHM

    @property
    def verifying(self) -> WitnessKey:
        """The public half, for everybody."""
        return self.undamaged(WitnessKey(self.name, self.public_bytes()))

    def cosign(self, signed: str, at: int) -> str:
        """The note *signed* with a cosignature behind it; *at* is Unix time in seconds."""
        unchecked = note.parse_unchecked(signed)
        time = at.to_bytes(8, "big")
        made = time + self.sign(_statement(unchecked.text.encode(), time))
        added = Signature(self.name, self.hash, made)
        return str(Note(unchecked.text, (*unchecked.signatures, added)))


def time_of(signature: Signature) -> int:
    """When a witness says that it cosigned, in Unix seconds."""
    return int.from_bytes(signature.signature[:8], "big")


def _statement(message: bytes, time: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n" % int.from_bytes(time, "big") + message
