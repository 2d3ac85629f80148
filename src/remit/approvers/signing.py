"""Signed messages, as Standard Webhooks (https://www.standardwebhooks.com) has them.

    webhook-id: 5d1c…                      the same each time the message is sent
    webhook-timestamp: 1795262400          Unix time in seconds
    webhook-signature: v1,K5oZfz… v1a,hnO… over `id.timestamp.body`; any of them may hold

A key is text: `whsec_` and the base64 of 24 to 64 random bytes is one for both sides (HMAC-SHA256,
`v1`); `whsk_` and `whpk_` are the secret and the public half of an Ed25519 key (`v1a`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from remit.errors import Forged

TOLERANCE = 300
"""Seconds that a message may be on its way."""
AHEAD = 5
"""Seconds that the clock of its sender may be ahead."""


class Key(msgspec.Struct, frozen=True):
    """One key, or one half of one."""

    kind: str
    """`whsec`, `whsk` or `whpk`."""
    secret: bytes

    @classmethod
    def parse(cls, text: str) -> Key:
        """The key written as *text*.

        Raises:
            ValueError: it is none. The message does not repeat it.
        """
        kind, _, encoded = text.partition("_")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            secret = b""
        good = 24 <= len(secret) <= 64 if kind == "whsec" else len(secret) == 32
        if kind not in {"whsec", "whsk", "whpk"} or not good:
            raise ValueError("a key is written whsec_, whsk_ or whpk_, and base64")
        return cls(kind, secret)

    def sign(self, message: bytes) -> str:
        """The signature of *message*, as a header has it.

        Raises:
            ValueError: it is the public half, which cannot sign.
        """
        if self.kind == "whsec":
            return f"v1,{_text(hmac.digest(self.secret, message, hashlib.sha256))}"
        if self.kind == "whpk":
            raise ValueError("a public key signs nothing")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return f"v1a,{_text(Ed25519PrivateKey.from_private_bytes(self.secret).sign(message))}"

    def verifies(self, message: bytes, signature: str) -> bool:
        """Whether *signature*, as a header has it, is one of *message* by this key."""
        version, _, encoded = signature.partition(",")
        if self.kind == "whsec":
            return hmac.compare_digest(self.sign(message).encode(), signature.encode())
        if version != "v1a":
            return False
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (
            Ed25519PrivateKey,
            Ed25519PublicKey,
        )

        public = (
            Ed25519PublicKey.from_public_bytes(self.secret)
            if self.kind == "whpk"
            else Ed25519PrivateKey.from_private_bytes(self.secret).public_key()
        )
        try:
            public.verify(base64.b64decode(encoded, validate=True), message)
        except (InvalidSignature, binascii.Error):
            return False
        return True

    def __repr__(self) -> str:
        return f"Key({self.kind})"


def signed(identity: str, at: int, body: bytes, key: Key) -> dict[str, str]:
    """The headers that sign *body*; *at* is Unix time in seconds."""
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": key.sign(f"{identity}.{at}.".encode() + body),
    }


def check(headers: Mapping[str, str], body: bytes, key: Key, now: int) -> str:
    """The id of a message that *key* signed not long before *now*, Unix time in seconds.

    Raises:
        Forged: it did not, or too long ago.
    """
    found = {name.lower(): value for name, value in headers.items()}
    identity = found.get("webhook-id", "")
    at = found.get("webhook-timestamp", "")
    fresh(at, now)
    message = f"{identity}.{at}.".encode() + body
    signatures = found.get("webhook-signature", "").split(" ")
    if not identity or not any(key.verifies(message, each) for each in signatures):
        raise Forged("the message is not signed by a key that is known here")
    return identity


def fresh(at: str, now: int) -> None:
    """Check that a message signed *at* was signed not long before *now*.

    Raises:
        Forged: it was not.
    """
    if not (at.isascii() and at.isdecimal() and len(at) < 16):
        raise Forged("the message does not say when it was signed")
    if not -AHEAD <= now - int(at) <= TOLERANCE:
        raise Forged("the message was signed too long ago, or is not yet")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
