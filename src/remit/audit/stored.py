"""A record as a reader finds it: what the log holds under one index."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from remit.audit.record import VERSION, Kind
from remit.audit.tree import Hash, Node
from remit.errors import LogError


class Leaf(msgspec.Struct, frozen=True):
    """What a leaf says, field by field as `remit.audit.record` writes it."""

    v: int
    kind: Kind
    call: str
    at: int
    """Unix time in microseconds."""
    subject: str
    action: str
    payload: str
    run: str = ""
    session: str = ""
    effect: str = ""
    policy: str = ""
    rules: tuple[str, ...] = ()
    risk: str = ""
    errors: int = 0
    monitored: tuple[str, ...] = ()
    approval: str = ""
    """The approval request or standing right it is about."""
    approved: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    """The approval requests that it uses up."""
    error: str = ""


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_decode_leaf = msgspec.json.Decoder(Leaf).decode
_decode_payload = msgspec.json.Decoder(dict[str, Any]).decode


class Stored(msgspec.Struct, frozen=True):
    """One entry of a log, unchecked."""

    index: int
    leaf: bytes
    payload: bytes | None
    """None once it was erased."""
    hash: Hash

    def facts(self) -> Leaf:
        """The leaf, read."""
        try:
            # What the decoder skips it does not look at.
            leaf = _decode_leaf(self.leaf.decode())
        except _UNREADABLE as error:
            raise LogError(
                f"record {self.index} cannot be read: {error}", index=self.index
            ) from error
        if leaf.v != VERSION:
            cure = ": upgrade it" if leaf.v > VERSION else ""
            raise LogError(
                f"record {self.index} has format {leaf.v}, this Remit reads {VERSION}{cure}",
                index=self.index,
            )
        return leaf

    def details(self) -> dict[str, Any] | None:
        """The payload, read; None once it was erased."""
        if self.payload is None:
            return None
        try:
            return _decode_payload(self.payload)
        except _UNREADABLE as error:
            raise LogError(
                f"the payload of record {self.index} cannot be read: {error}", index=self.index
            ) from error

    @property
    def payload_digest(self) -> str:
        """What the leaf must call this payload."""
        return hashlib.sha256(self.payload or b"").hexdigest()


class Parts(msgspec.Struct, frozen=True):
    """A log at one moment, as whoever holds it reads it out."""

    origin: str
    size: int
    entries: Iterable[Stored]
    checkpoints: Iterable[str]
    nodes: Iterable[Node]
    """The inner nodes it keeps, in the order of the leaves that completed them."""
