r"""Signed notes (https://c2sp.org/signed-note): text, and who vouches for it.

    text        one or more lines, each ending in a newline
                (an empty line)
    signatures  "— " name " " base64(key hash, 4 bytes || Ed25519 signature of the text)

A key is named, and its hash binds the name to the bytes: the first four bytes
of SHA-256(name || "\n" || 0x01 || public key). As text:

    verifying   name+hash+base64(0x01 || public key)
    signing     PRIVATE+KEY+name+hash+base64(0x01 || seed)

Rules kept when a note is opened:

- at least one signature is by a trusted key, and every one by a trusted key is valid;
- signatures by other keys are ignored: they may be witnesses we do not know;
- base64 has one form, control characters have none, and sizes have limits.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from hashlib import sha256
from typing import ClassVar, Self, TypeVar

import msgspec

from remit.errors import LogError

ED25519 = b"\x01"
PRIVATE = "PRIVATE+KEY+"
_DASH = "\N{EM DASH} "
_LONGEST = 1_000_000
_MOST_SIGNATURES = 100

Public = TypeVar("Public", bound="PublicKey")


class PublicKey(msgspec.Struct, frozen=True):
    """A name, and the Ed25519 key that checks what is said in it."""

    algorithm: ClassVar[bytes]
    """Which kind of signature: one byte in front of the key."""
    name: str
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != 32:
            raise LogError(f"the key of {self.name} has {len(self.public)} bytes instead of 32")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name+hash+base64`."""
        name, hashed, key = _split_key(text.strip(), "a verifying key", cls.algorithm)
        found = cls(name, key)
        if found.hash != hashed:
            raise LogError(f"the verifying key of {name} is damaged: its hash does not match")
        return found

    @property
    def hash(self) -> bytes:
        """Four bytes that say which key made a signature."""
        return sha256(self.name.encode() + b"\n" + self.algorithm + self.public).digest()[:4]

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed *message*."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{_base64(self.algorithm + self.public)}"


class VerifyingKey(PublicKey, frozen=True):
    """The key that checks what a log signs."""

    algorithm: ClassVar[bytes] = ED25519


class SecretKey(msgspec.Struct, frozen=True):
    """A name and the secret that speaks for it."""

    algorithm: ClassVar[bytes]
    name: str
    seed: bytes
    hash: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != 32:
            raise LogError(f"the key of {self.name} has {len(self.seed)} bytes instead of 32")

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """The key that grows from *seed*: 32 random bytes nobody else knows."""
        public = cls(name, seed, b"").public_bytes()
        hashed = sha256(name.encode() + b"\n" + cls.algorithm + public).digest()[:4]
        return cls(name, seed, hashed)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PRIVATE+KEY+name+hash+base64`."""
        text = text.strip()
        if not text.startswith(PRIVATE):
            raise LogError(f"a signing key begins with {PRIVATE}")
        rest = text.removeprefix(PRIVATE)
        name, hashed, seed = _split_key(rest, "a signing key", cls.algorithm)
        return cls(name, seed, hashed)

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of *message*."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def secret_text(self) -> str:
        """What `parse` reads. Whoever has it can sign in this name."""
        return f"{PRIVATE}{self.name}+{self.hash.hex()}+{_base64(self.algorithm + self.seed)}"

    def public_bytes(self) -> bytes:
        """The public half."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    def undamaged(self, key: Public) -> Public:
        """The public half *key*, if it is what the hash of this key says."""
        if key.hash != self.hash:
            raise LogError(f"the signing key of {self.name} is damaged: its hash does not match")
        return key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, secret)"


class SigningKey(SecretKey, frozen=True):
    """The key with which a log signs."""

    algorithm: ClassVar[bytes] = ED25519

    @property
    def verifying(self) -> VerifyingKey:
        """The public half, for everybody."""
        return self.undamaged(VerifyingKey(self.name, self.public_bytes()))


class Signature(msgspec.Struct, frozen=True):
    """Who signed, by name and key hash, and the signature itself."""

    name: str
    hash: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A text with its signatures, checked or not: see where it comes from."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        lines = (
            f"{_DASH}{one.name} {_base64(one.hash + one.signature)}\n" for one in self.signatures
        )
        return f"{self.text}\n{''.join(lines)}"


def sign(text: str, *keys: SigningKey) -> str:
    """*text* as a note signed with *keys*; a trailing newline is part of every text."""
    _check_text(text)
    message = text.encode()
    return str(Note(text, tuple(Signature(key.name, key.hash, key.sign(message)) for key in keys)))


def cosign(note: str, *keys: SigningKey) -> str:
    """*note* with the signatures of *keys* behind those it has."""
    unchecked = parse_unchecked(note)
    message = unchecked.text.encode()
    more = tuple(Signature(key.name, key.hash, key.sign(message)) for key in keys)
    return str(Note(unchecked.text, unchecked.signatures + more))


def open_note(note: str, keys: Iterable[PublicKey]) -> Note:
    """The text of *note* with those of its signatures that *keys* made.

    Raises:
        LogError: none of *keys* signed it, or one of them did not sign this text.
    """
    keys = tuple(keys)
    unchecked = parse_unchecked(note)
    valid = signatures_by(unchecked, keys)
    if not valid:
        signers = ", ".join(f"{one.name}+{one.hash.hex()}" for one in unchecked.signatures)
        known = ", ".join(f"{key.name}+{key.hash.hex()}" for key in keys) or "nobody"
        raise LogError(f"signed by {signers}, not by a trusted key ({known})")
    return Note(unchecked.text, valid)


def signatures_by(unchecked: Note, keys: Iterable[PublicKey]) -> tuple[Signature, ...]:
    """Those of the signatures of a note that *keys* made, one for each key at most.

    Raises:
        LogError: one of *keys* did not sign this text, though its name stands there.
    """
    trusted = {(key.name, key.hash): key for key in keys}
    message = unchecked.text.encode()
    valid: dict[tuple[str, bytes], Signature] = {}
    for one in unchecked.signatures:
        key = trusted.get((one.name, one.hash))
        if key is None or (one.name, one.hash) in valid:
            continue
        if not key.verifies(message, one.signature):
            raise LogError(f"{one.name} did not sign this: the signature does not fit the text")
        valid[one.name, one.hash] = one
    return tuple(valid.values())


def merged(note: str, other: str) -> str:
    """*note* with those signatures of *other* that it has not got; both are of one text."""
    one, more = parse_unchecked(note), parse_unchecked(other)
    if one.text != more.text:
        raise LogError("these are notes of different texts")
    new = tuple(signature for signature in more.signatures if signature not in one.signatures)
    return str(Note(one.text, one.signatures + new))


def signed_by(note: str, key: SigningKey) -> bool:
    """Whether *note* has a signature that says it is by *key*."""
    signatures = parse_unchecked(note).signatures
    return any((one.name, one.hash) == (key.name, key.hash) for one in signatures)


def parse_unchecked(note: str) -> Note:
    """The parts of *note*; whether anybody signed it is not looked at."""
    if len(note) > _LONGEST:
        raise LogError(f"a note of {len(note)} characters is too long")
    text, gap, block = note.rpartition("\n\n")
    if not gap or not block.endswith("\n"):
        raise LogError("a note is a text, an empty line and signatures, each ending in a newline")
    _check_text(text + "\n")
    lines = block[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise LogError(f"a note with {len(lines)} signatures has too many")
    return Note(text + "\n", tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise LogError(f"{line[:80]!r} is not a signature line")
    _check_name(name)
    data = unbase64(encoded)
    if len(data) < 5:
        raise LogError(f"the signature of {name} is cut short")
    return Signature(name, data[:4], data[4:])


def unbase64(text: str) -> bytes:
    """The bytes of *text* in the one base64 form they have (RFC 4648, section 4)."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LogError(f"{text[:80]!r} is not base64") from error
    if _base64(data) != text:
        raise LogError(f"{text[:80]!r} is not base64 in its one form")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _split_key(text: str, what: str, algorithm: bytes) -> tuple[str, bytes, bytes]:
    name, _, rest = text.partition("+")
    hashed, _, encoded = rest.partition("+")
    if len(hashed) != 8 or set(hashed) - set("0123456789abcdef"):
        raise LogError(f"{what} reads name+hash+base64, the hash in 8 hexadecimal digits")
    data = unbase64(encoded)
    if data[:1] != algorithm:
        raise LogError(f"the key of {name} is of another kind")
    return name, bytes.fromhex(hashed), data[1:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise LogError(f"{name!r} cannot name a key: it is empty or has a space or a plus in it")


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise LogError("the text of a note ends in a newline")
    if any(char < " " and char != "\n" for char in text):
        raise LogError("the text of a note has no control characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LogError("the text of a note is not Unicode") from error
