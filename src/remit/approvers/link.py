"""Signed links: which question, who may answer it there, and until when."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

import msgspec

from remit.approvers.signing import Key
from remit.errors import Forged


class Link(msgspec.Struct, frozen=True, array_like=True):
    """What a link says."""

    approval: str
    digest: str
    by: str
    until: int
    """Unix time in nanoseconds."""

    def sign(self, key: Key) -> str:
        """The link as text, which whoever has *key* can read again."""
        body = msgspec.json.encode(self)
        return f"{_base64(body)}.{_base64(_mac(key, body))}"

    @classmethod
    def open(cls, token: str, key: Key) -> Link:
        """What *token* says.

        Raises:
            Forged: nobody here has signed it.
        """
        body, _, mac = token.partition(".")
        try:
            signed, given = _unbase64(body), _unbase64(mac)
        except (Base64Error, ValueError):
            signed, given = b"", b""
        if not signed or not hmac.compare_digest(_mac(key, signed), given):
            raise Forged("this link is not one that was sent from here")
        return msgspec.json.decode(signed, type=cls)


def link_key(text: str) -> Key:
    """The key written as *text*.

    Raises:
        ValueError: it is none that links are signed with.
    """
    key = Key.parse(text)
    if key.kind != "whsec":
        raise ValueError("links are signed with a whsec_ key")
    return key


def _mac(key: Key, body: bytes) -> bytes:
    # Of its own kind, so that no signature made for something else is one of a link.
    return hmac.digest(key.secret, b"remit link\n" + body, hashlib.sha256)


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
