"""Checkpoints (https://c2sp.org/tlog-checkpoint): the signed head of a log.

    remit/support-desk-5d1c09aa                      origin: which log
    1824                                             size: how many records it has
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=     root over all of them
                                                     (extension lines, if any)
    — remit/support-desk-5d1c09aa Az3grlgtzPICa5OS8…

Whoever keeps a checkpoint can later tell whether those records are still there,
unchanged and in order. The log signs; witnesses may sign the same text.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

import msgspec

from remit.audit import note
from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.tree import Hash
from remit.errors import LogError


class Checkpoint(msgspec.Struct, frozen=True):
    """What a log was at one moment: *size* records with this *root*."""

    origin: str
    size: int
    root: Hash
    extensions: tuple[str, ...] = ()
    """Further lines the signatures cover. Remit writes none."""

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.root) != 32:
            raise LogError("a checkpoint has a size of at least 0 and a root of 32 bytes")
        if not all(line and "\n" not in line for line in (self.origin, *self.extensions)):
            raise LogError("origin and extensions of a checkpoint are lines, and none is empty")

    @property
    def text(self) -> str:
        """What is signed."""
        head = base64.b64encode(self.root).decode()
        lines = (self.origin, str(self.size), head, *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read what `text` says."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop():
            raise LogError("a checkpoint is an origin, a size and a root, each on its line")
        origin, size, head, *extensions = lines
        if not (size.isascii() and size.isdecimal()) or (size[0] == "0" and size != "0"):
            raise LogError(f"{size[:80]!r} is not the size of a log")
        if len(size) > 19:
            raise LogError(f"no log has {size[:80]} records")
        return cls(origin, int(size), note.unbase64(head), tuple(extensions))

    def sign(self, *keys: SigningKey) -> str:
        """This checkpoint as a signed note."""
        return note.sign(self.text, *keys)


def open_checkpoint(signed: str, keys: Iterable[VerifyingKey]) -> Checkpoint:
    """The checkpoint in the note *signed*, vouched for by at least one of *keys*."""
    return Checkpoint.parse(note.open_note(signed, keys).text)


def parse_checkpoint_unchecked(signed: str) -> Checkpoint:
    """The checkpoint in the note *signed*, whoever signed it."""
    return Checkpoint.parse(note.parse_unchecked(signed).text)
