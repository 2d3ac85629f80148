#!/usr/bin/env python3
# ruff: noqa: D102, D103, PLR0917, T201 - a program in one file, to be read top down
"""Checks a bundle that `remit log export --format bundle` wrote, without Remit.

    python remit_verify.py audit.tar --key audit.pub --checkpoint kept.checkpoint

One file, for Python 3.11 and later and the package `cryptography`. It shares no code
with Remit, so that a mistake in one is a disagreement between the two; the format it
checks is docs/ledger.md of Remit. It answers as `remit log verify --json` does, and
ends with 0 if the log is whole, 1 if not, 2 if it was called wrongly, 3 if a key or
a checkpoint cannot be used, 4 if the bundle cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
import tarfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FACTS = {"unended", "erased", "backdated", "unsigned", "unwitnessed"}
KINDS = {"refused", "asked", "answered", "started", "returned", "raised", "noted", "changed"}
SPANS = re.compile(r"\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*", re.ASCII)
DASH = "\u2014 "
LARGEST = 2**26
TOLERANCE = 5 * 60 * 10**6


class Unreadable(Exception):
    """The bundle is not laid out as one."""


class Unusable(Exception):
    """A key or a checkpoint that nothing can be checked with."""


class Key(NamedTuple):
    """A verifying key, `name+hash+base64`."""

    name: str
    hint: bytes
    public: bytes
    text: str


class Head(NamedTuple):
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes


# Files.


@contextmanager
def opened(path: str) -> Iterator[Callable[[str], bytes]]:
    """Reads the files of the bundle at *path* by name."""
    if Path(path).is_dir():
        yield lambda name: read_file(Path(path, name), name)
        return
    try:
        archive = tarfile.open(path)  # noqa: SIM115 - closed below
    except (OSError, tarfile.TarError) as error:
        raise Unreadable(str(error)) from error
    with archive:
        yield lambda name: read_member(archive, name)


def read_member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        member = archive.getmember(name)
        handle = archive.extractfile(member) if member.size <= LARGEST else None
        data = handle.read() if handle else None
    except (OSError, KeyError, tarfile.TarError) as error:
        raise Unreadable(f"{name} is missing") from error
    if data is None:
        raise Unreadable(f"{name} is no file, or larger than any of a bundle")
    return data


def read_file(path: Path, name: str) -> bytes:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise Unreadable(f"{name} is missing") from error
    if size > LARGEST:
        raise Unreadable(f"{name} is larger than any file of a bundle")
    return data


def tile_name(folder: str, number: int, width: int) -> str:
    """`folder/x001/234`, and `.p/width` behind it if the tile is not full."""
    name = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        name = f"x{number % 1000:03d}/{name}"
    return f"{folder}/{name}" if width == 256 else f"{folder}/{name}.p/{width}"


def tiles_of(read: Callable[[str], bytes], folder: str, size: int) -> Iterator[tuple[int, bytes]]:
    """The tiles of *folder*, each with how much it should hold."""
    for number in range((size + 255) // 256):
        width = min(256, size - 256 * number)
        yield width, read(tile_name(folder, number, width))


def hashes_in(data: bytes, width: int) -> list[bytes]:
    if len(data) != 32 * width:
        raise Unreadable(f"a tile of {width} hashes has {len(data)} bytes")
    return [data[32 * n : 32 * n + 32] for n in range(width)]


def parts_in(data: bytes, width: int, prefix: int) -> list[bytes | None]:
    """The byte strings of a tile, each behind its length; None for an erased payload."""
    found: list[bytes | None] = []
    rest = memoryview(data)
    while rest:
        if len(rest) < prefix:
            raise Unreadable("a tile ends in the middle of an entry")
        length, rest = int.from_bytes(rest[:prefix], "big"), rest[prefix:]
        if prefix == 4 and length == 0xFFFFFFFF:
            found.append(None)
            continue
        if len(rest) < length:
            raise Unreadable("a tile ends in the middle of an entry")
        found.append(bytes(rest[:length]))
        rest = rest[length:]
    if len(found) != width:
        raise Unreadable(f"a tile of {width} entries has {len(found)}")
    return found


# Signed notes.


def strict_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unusable("what should be base64 is not") from error
    if base64.b64encode(data).decode() != text:
        raise Unusable("what should be base64 is not in its one form")
    return data


def check_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise Unusable(f"{name!r} cannot name a key")


def parse_keys(text: str) -> tuple[Key, list[Key]]:
    """The key to trust, and below it those it replaced."""
    key, *replaced = [parse_key(line) for line in text.splitlines() or [""]]
    return key, replaced


def parse_key(text: str, algorithm: bytes = b"\x01") -> Key:
    text = text.strip()
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Unusable("a key reads name+hash+base64")
    check_name(parts[0])
    data = strict_base64(parts[2])
    hint = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:4]
    if len(data) != 33 or data[:1] != algorithm or hint.hex() != parts[1]:
        raise Unusable("this is a key of another kind, or its hash is not its own")
    return Key(parts[0], hint, data[1:], text)


def open_note(note: str, keys: Iterable[Key]) -> tuple[str, set[Key]]:
    """The text of *note*, and which of *keys* signed it: at least one, and none wrongly."""
    text, signatures = parts_of(note)
    signers = set()
    for key in keys:
        ours = [data for name, data in signatures if (name, data[:4]) == key[:2]]
        if not ours:
            continue
        try:
            public = Ed25519PublicKey.from_public_bytes(key.public)
            public.verify(ours[0][4:], text.encode())
        except (InvalidSignature, ValueError) as error:
            raise Unusable(f"{key.name} did not sign this") from error
        signers.add(key)
    if not signers:
        raise Unusable("not signed by a trusted key")
    return text, signers


def times_of(note: str, witnesses: Iterable[Key]) -> list[int]:
    """When *witnesses* cosigned *note*; none of those who did may have done so wrongly."""
    text, signatures = parts_of(note)
    times = []
    for key in set(witnesses):
        ours = [data[4:] for name, data in signatures if (name, data[:4]) == key[:2]]
        if not ours:
            continue
        time = int.from_bytes(ours[0][:8], "big")
        statement = f"cosignature/v1\ntime {time}\n{text}".encode()
        if len(ours[0]) != 72 or time >= 2**63:
            raise Unusable(f"{key.name} did not sign this")
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(ours[0][8:], statement)
        except (InvalidSignature, ValueError) as error:
            raise Unusable(f"{key.name} did not sign this") from error
        times.append(time)
    return times


def parts_of(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of *note*, and its signatures, whoever made them."""
    if len(note) > 1_000_000:
        raise Unusable("a note is too long")
    split = note.rfind("\n\n")
    text, lines = note[: split + 1], note[split + 2 :]
    if split < 0 or not lines.endswith("\n"):
        raise Unusable("this is not a signed note")
    if any(c < " " and c != "\n" for c in text):
        raise Unusable("a note has no control characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unusable("a note is Unicode") from error
    block = lines[:-1].split("\n")
    if len(block) > 100:
        raise Unusable("a note has too many signatures")
    return text, [signature_in(line) for line in block]


def head_in(text: str, origin: str) -> Head:
    """The checkpoint in *text*, if it is of this log."""
    head = parse_head(text)
    if head.origin != origin:
        raise Unusable(f"it is a checkpoint of {head.origin}, not of {origin}")
    return head


def signature_in(line: str) -> tuple[str, bytes]:
    if not line.startswith(DASH) or " " not in line[2:]:
        raise Unusable("a line under a note is no signature")
    name, encoded = line[2:].split(" ", 1)
    check_name(name)
    data = strict_base64(encoded)
    if len(data) < 5:
        raise Unusable("a signature is cut short")
    return name, data


def parse_head(text: str) -> Head:
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise Unusable("a checkpoint is an origin, a size and a root")
    size = lines[1]
    if not (size.isascii() and size.isdigit()) or str(int(size[:20])) != size or len(size) > 19:
        raise Unusable("a checkpoint has a size")
    root = strict_base64(lines[2])
    if len(root) != 32:
        raise Unusable("a root has 32 bytes")
    return Head(lines[0], int(size), root)


# Whom to believe.


class Rotation(NamedTuple):
    """Record *index* says that *key* signs in place of *previous*, in a note that both signed."""

    index: int
    previous: Key
    key: Key


def rotation_in(index: int, payload: bytes, origin: str) -> Rotation | None:
    """What the record of a rotation says, or None if it is not to be believed."""
    try:
        note = json.loads(payload.decode("utf-8"))["args"]["statement"]
        lines = parts_of(note)[0].split("\n")
        if len(lines) != 5 or lines[:2] != ["remit/key.rotated/v1", origin]:
            return None
        found = Rotation(index, parse_key(lines[2]), parse_key(lines[3]))
        return found if signed_by_both(note, found) else None
    except (ValueError, KeyError, TypeError, RecursionError, Unusable):
        return None


def signed_by_both(note: str, rotation: Rotation) -> bool:
    try:
        return len(open_note(note, rotation[1:])[1]) == 2
    except Unusable:
        return False


class Trust(NamedTuple):
    """Whom to believe before anything was read."""

    key: Key
    retired: list[Key]
    witnesses: list[Key]
    quorum: int


class Keyring:
    """The keys that count at the place up to which the checkpoints were looked at."""

    def __init__(self, trust: Trust, rotations: list[Rotation]) -> None:
        key, retired = trust.key, trust.retired
        self.witnesses = trust.witnesses
        self.needed = trust.quorum or len(set(trust.witnesses))
        self.counting = {key}
        self.retired = set(retired) - {key}
        self.replaced: dict[Key, int] = {}
        self.rotations = rotations
        self.followed: list[tuple[Rotation, int]] = []
        self.doubts: list[tuple[int, str, set[tuple[str, bytes]]]] = []

    def open(self, position: int, note: str, origin: str) -> tuple[Head, bool] | None:
        """The checkpoint in *note*, and whether a key that counts vouches for it."""
        known = self.counting | self.retired
        try:
            text, signers = open_note(note, known)
            head = head_in(text, origin)
            times_of(note, self.witnesses)
        except Unusable as error:
            names = {key[:2] for key in known | set(self.replaced)}
            ids = ids_in(note)
            self.doubts.append((position, str(error), set() if ids & names else ids))
            return None
        if not signers & self.counting:
            self.doubts.append(
                (position, "its key was replaced, it is not said when", ids_in(note))
            )
        return head, bool(signers & self.counting)

    def follow(self, head: Head, note: str) -> None:
        """Let keys take each other's place, where *note* holds and both signed it."""
        for one in list(self.rotations):
            ours = one.key in self.counting or one.previous in self.counting
            if not ours or one.index >= head.size or one.key in self.replaced:
                continue
            if signed_by_both(note, one):
                self.take(one, head.size)

    def take(self, rotation: Rotation, size: int) -> None:
        chain = [rotation]
        self.rotations.remove(rotation)
        for one in reversed(list(self.rotations)):
            if one.key == chain[0].previous:
                self.rotations.remove(one)
                chain.insert(0, one)
        self.counting.add(rotation.key)
        for one in chain:
            self.replaced[one.previous] = one.index
            self.followed.append((one, size))
        gone = {one.previous[:2] for one in chain}
        self.counting -= set(self.replaced)
        self.retired -= set(self.replaced)
        self.doubts = [one for one in self.doubts if not one[2] & gone]


def ids_in(note: str) -> set[tuple[str, bytes]]:
    try:
        return {(name, data[:4]) for name, data in parts_of(note)[1]}
    except Unusable:
        return set()


# The tree.


class Growing:
    """Roots of a tree as leaves come: one perfect tree for each bit of the size."""

    def __init__(self) -> None:
        self.size = 0
        self.trees: dict[int, bytes] = {}
        self.tiles: dict[int, bytes] = {}
        """The node that the last leaf completed, by level."""

    def add(self, leaf: bytes) -> None:
        node, height, self.tiles = leaf, 0, {}
        while height in self.trees:
            node = hashlib.sha256(b"\x01" + self.trees.pop(height) + node).digest()
            height += 1
            if height % 8 == 0:
                self.tiles[height // 8] = node
        self.trees[height] = node
        self.size += 1

    def root(self) -> bytes:
        result = b""
        for height in sorted(self.trees):
            tree = self.trees[height]
            result = hashlib.sha256(b"\x01" + tree + result).digest() if result else tree
        return result or hashlib.sha256().digest()


# What a leaf has to look like.


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


REQUIRED = {
    "v": is_number,
    "kind": lambda value: is_text(value) and value in KINDS,
    "call": is_text,
    "at": is_number,
    "subject": is_text,
    "action": is_text,
    "payload": is_text,
}
OPTIONAL = {
    "run": is_text,
    "session": is_text,
    "effect": is_text,
    "policy": is_text,
    "rules": is_texts,
    "risk": is_text,
    "errors": is_number,
    "monitored": is_texts,
    "approval": is_text,
    "approved": is_texts,
    "uses": is_texts,
    "error": is_text,
}


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read_leaf(data: bytes) -> dict[str, Any] | None:
    """The leaf, or None if it is not one Remit writes."""
    try:
        leaf = json.loads(data.decode("utf-8"), parse_constant=no_constant)
        json.dumps(leaf, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    if not isinstance(leaf, dict):
        return None
    good = all(name in leaf and test(leaf[name]) for name, test in REQUIRED.items())
    good = good and all(test(leaf[name]) for name, test in OPTIONAL.items() if name in leaf)
    return leaf if good and leaf["v"] == 1 else None


# Verification.


class Report:
    """What was found, worst first."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int, str]] = []

    def add(self, kind: str, index: int, message: str) -> None:
        self.found.append((kind, index, message))

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _, _ in self.found)

    def sorted(self) -> list[dict[str, Any]]:
        ordered = sorted(self.found, key=lambda one: (one[0] in FACTS, one[1]))
        return [
            {"kind": kind, "index": index, "breaks": kind not in FACTS, "message": message}
            for kind, index, message in ordered
        ]


class Given(NamedTuple):
    """What whoever verifies brings along: names of files."""

    key: str | None = None
    kept: str | None = None
    witnesses: Sequence[str] = ()
    quorum: int = 0


def verify(path: str, given: Given) -> dict[str, Any]:
    """Everything `remit log verify --json` says about the bundle at *path*."""
    with opened(path) as read:
        return check(path, read, given)


def check(path: str, read: Callable[[str], bytes], given: Given) -> dict[str, Any]:
    about = read_about(read)
    key, retired = parse_keys(read_text(given.key) if given.key else decode(read("key"), "key"))
    witnesses = [parse_key(read_text(name), b"\x04") for name in given.witnesses]
    trust = Trust(key, retired, witnesses, given.quorum)
    kept = read_text(given.kept) if given.kept else None
    notes = [note_in(line) for line in read("checkpoints").splitlines()]
    report = Report()
    told = Told(about["origin"])
    wanted = {size for note in [*notes, kept or ""] for size in size_in(note)}
    roots, final, damaged = walk(read, about, wanted, report, told)
    keyring = Keyring(trust, told.rotations)
    judge = Judge(about, roots, keyring, kept, report)
    judge.judge(notes)
    told.report_backdated(judge.seen, report)
    for position, why, _ in keyring.doubts:
        report.add("untrusted", position, f"checkpoint {position} counts for nothing: {why}")
    if damaged is not None and not report.has("rewritten", "truncated"):
        report.add("tree-changed", damaged, f"an inner node from record {damaged} on was changed")
    signed = judge.signed
    if signed < about["size"]:
        report.add("unsigned", signed, f"records {signed} to {about['size'] - 1} are not signed")
    if witnesses and judge.witnessed < about["size"]:
        message = f"records from {judge.witnessed} on were not cosigned by enough witnesses"
        report.add("unwitnessed", judge.witnessed, message)
    vouched = signed > 0 and (judge.witnessed > 0 or not witnesses)
    findings = report.sorted()
    broken = any(one["breaks"] for one in findings)
    return {
        "ledger": path,
        "whole": not broken and (vouched or about["size"] == 0),
        "origin": about["origin"],
        "size": about["size"],
        "root": base64.b64encode(final).decode(),
        "signed": signed,
        "checkpoints": judge.holding,
        "witnessed": judge.witnessed if witnesses else None,
        "key": key.text,
        "rotations": [
            {"index": one.index, "size": size, "previous": one.previous.text, "key": one.key.text}
            for one, size in keyring.followed
        ],
        "kept": judge.kept and document_of(judge.kept),
        "findings": findings,
    }


def document_of(head: Head) -> dict[str, Any]:
    return {"size": head.size, "root": base64.b64encode(head.root).decode()}


def read_about(read: Callable[[str], bytes]) -> dict[str, Any]:
    try:
        about = json.loads(decode(read("bundle.json"), "bundle.json"))
        good = is_number(about["v"]) and is_text(about["origin"]) and is_number(about["size"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"bundle.json: {error}") from error
    if not good or about["v"] != 1 or not 0 <= about["size"] < 2**48:
        raise Unreadable("bundle.json is not of a bundle that this verifier reads")
    return dict(about)


def decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not text") from error


def read_text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: {error}") from error


def note_in(line: bytes) -> str:
    try:
        note = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return ""
    return note if isinstance(note, str) else ""


def size_in(note: str) -> list[int]:
    """The size that *note* is about, if it is about any."""
    try:
        return [parse_head(parts_of(note)[0]).size]
    except Unusable:
        return []


class Told:
    """What records say about the log itself, and payloads that are not there."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.rotations: list[Rotation] = []
        self.missing: list[int] = []
        self.dates: list[tuple[int, int]] = []
        """Of each record that can be read, its index and time."""
        self.accounted: set[int] = set()

    def take(self, index: int, action: str, payload: bytes) -> None:
        if action == "key.rotated":
            found = rotation_in(index, payload, self.origin)
            self.rotations += [found] if found else []
        elif action == "payload.erased":
            for span in erased_in(index, payload):
                first = bisect_left(self.missing, span.start)
                end = bisect_left(self.missing, span.stop)
                self.accounted.update(self.missing[first:end])

    def report_backdated(self, seen: dict[int, int], report: Report) -> None:
        """Report records older than those before them, or than a witness who had *seen* these.

        *seen* has, by the size of a checkpoint, the time when it was cosigned.
        """
        marks = sorted(seen)
        reached, behind = 0, []
        for index, at in self.dates:
            while marks and marks[0] <= index:
                reached = max(reached, seen[marks.pop(0)])
            if at < reached - TOLERANCE:
                behind.append(index)
            reached = max(reached, at)
        for start, end in runs(behind):
            message = f"records {start} to {end} are dated before what was there already"
            report.add("backdated", start, message)

    def report_missing(self, report: Report) -> None:
        gone = [one for one in self.missing if one in self.accounted]
        for start, end in runs(gone):
            report.add("erased", start, f"the payloads of records {start} to {end} were erased")
        lost = [one for one in self.missing if one not in self.accounted]
        for start, end in runs(lost):
            message = f"the payloads of records {start} to {end} are missing, it is not said why"
            report.add("payload-missing", start, message)


def walk(
    read: Callable[[str], bytes],
    about: dict[str, Any],
    wanted: set[int],
    report: Report,
    told: Told,
) -> tuple[dict[int, bytes], bytes, int | None]:
    """Check every record by itself; the roots at the sizes *wanted*, and at the end."""
    size = about["size"]
    tree, roots = Growing(), dict[int, bytes]()
    open_calls, used = dict[str, int](), dict[str, int]()
    stored = {level: inner(read, level, size) for level in range(1, 7) if size >> 8 * level}
    damaged: int | None = None
    if 0 in wanted:
        roots[0] = tree.root()
    for index, (leaf, payload, hashed) in enumerate(records(read, size)):
        tree.add(hashed)
        for level, node in sorted(tree.tiles.items()):
            if next(stored[level]) != node and damaged is None:
                damaged = index + 1 - 256**level
        if index + 1 in wanted:
            roots[index + 1] = tree.root()
        facts = check_record(index, leaf, payload, hashed, report, open_calls, used, told)
        if facts and payload and facts["kind"] == "changed":
            told.take(index, facts["action"], payload)
    told.report_missing(report)
    for call, index in open_calls.items():
        report.add("unended", index, f"call {call} started at record {index} and never ended")
    return roots, tree.root(), damaged


def erased_in(index: int, payload: bytes) -> list[range]:
    """Which records before it record *index* says were erased."""
    try:
        text = json.loads(payload.decode("utf-8"))["args"]["records"]
        if not isinstance(text, str) or not SPANS.fullmatch(text):
            return []
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    spans = [part.partition("-") for part in text.split(",")]
    return [range(int(first), min(int(last or first) + 1, index)) for first, _, last in spans]


def inner(read: Callable[[str], bytes], level: int, size: int) -> Iterator[bytes]:
    for width, data in tiles_of(read, f"tile/{level}", size >> 8 * level):
        yield from hashes_in(data, width)


def records(read: Callable[[str], bytes], size: int) -> Iterator[tuple[bytes, bytes | None, bytes]]:
    folders = ("tile/entries", "payload", "tile/0")
    for tiles in zip(*(tiles_of(read, folder, size) for folder in folders), strict=True):
        (width, leaves), (_, payloads), (_, hashes) = tiles
        found = (parts_in(leaves, width, 2), parts_in(payloads, width, 4))
        for leaf, payload, hashed in zip(*found, hashes_in(hashes, width), strict=True):
            yield leaf or b"", payload, hashed


def check_record(
    index: int,
    data: bytes,
    payload: bytes | None,
    hashed: bytes,
    report: Report,
    open_calls: dict[str, int],
    used: dict[str, int],
    told: Told,
) -> dict[str, Any] | None:
    """Check one record; its leaf, if that and its payload are what they should be."""
    same = hashlib.sha256(b"\x00" + data).digest() == hashed
    if not same:
        report.add("changed", index, f"record {index} was changed: its leaf is not what was hashed")
    leaf = read_leaf(data)
    if leaf is None:
        report.add("unreadable", index, f"record {index} is not one Remit writes")
        return None
    if leaf["kind"] == "started":
        open_calls.pop(leaf["call"], None)
        open_calls[leaf["call"]] = index
        for approval in leaf.get("uses", ()):
            first = used.setdefault(approval, index)
            if first != index:
                report.add("reused", index, f"record {index} uses an approval like {first}")
    elif leaf["kind"] in ("returned", "raised"):
        open_calls.pop(leaf["call"], None)
    if not same:
        return None
    told.dates.append((index, leaf["at"]))
    if payload is None:
        told.missing.append(index)
        return None
    if hashlib.sha256(payload).hexdigest() != leaf["payload"]:
        report.add("payload-changed", index, f"the payload of record {index} was changed")
        return None
    return leaf


def runs(indexes: list[int]) -> list[tuple[int, int]]:
    """The first and last of each run of neighbours."""
    found: list[tuple[int, int]] = []
    for index in indexes:
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


class Judge:
    """Holds the checkpoints against the records, in the order of the log.

    One that does not hold is of another history if a later one holds, and otherwise the
    records are not those it signed. The one kept elsewhere is looked at behind those of
    the log that have its size.
    """

    def __init__(
        self,
        about: dict[str, Any],
        roots: dict[int, bytes],
        keyring: Keyring,
        kept: str | None,
        report: Report,
    ) -> None:
        self.size: int = about["size"]
        self.origin: str = about["origin"]
        self.roots = roots
        self.keyring = keyring
        self.report = report
        self.signed = self.holding = self.latest = self.promised = self.before = 0
        self.doubted: list[Head] = []
        self.waiting = kept
        self.witnessed = 0
        self.seen: dict[int, int] = {}
        self.kept = parse_head(parts_of(kept)[0]) if kept else None

    def judge(self, notes: list[str]) -> None:
        for position, note in enumerate(notes):
            found = self.keyring.open(position, note, self.origin)
            if found:
                self.look(*found, note)
        self.look_at_kept()
        if self.promised > self.size:
            message = f"the log ends after {self.size} records, {self.promised} were signed"
            self.report.add("truncated", self.size, message)
        self.contradict([head for head in self.doubted if head.size <= self.signed], self.signed)
        self.report_rewritten([head for head in self.doubted if head.size > self.signed])

    def look(self, head: Head, vouches: bool, note: str) -> None:  # noqa: FBT001 - from open
        if self.promised or head.size > self.size:
            self.promised = max(self.promised, head.size)
            return
        if self.kept and self.kept.size < head.size:
            self.look_at_kept()
        if head.size < self.latest:
            message = f"a checkpoint of {head.size} stands too late"
            self.report.add("out-of-order", head.size, message)
            return
        if head.size > self.latest:
            self.before, self.latest = self.signed, head.size
        if self.roots[head.size] != head.root:
            self.doubted.append(head)
        elif vouches:
            self.contradict(self.doubted, self.signed)
            self.doubted = []
            self.signed, self.holding = head.size, self.holding + 1
            self.count_witnesses(head, note)
            self.keyring.follow(head, note)

    def look_at_kept(self) -> None:
        note, self.waiting = self.waiting, None
        if note is None:
            return
        known = self.keyring.counting | self.keyring.retired | set(self.keyring.replaced)
        text, signers = open_note(note, known)
        kept = head_in(text, self.origin)
        times_of(note, self.keyring.witnesses)
        if kept.size > self.size:
            self.promised = max(self.promised, kept.size)
        elif self.roots[kept.size] != kept.root:
            self.contradict([kept], self.before if self.latest == kept.size else self.signed)
        else:
            self.holding += 1
            self.count_witnesses(kept, note)
            self.signed = kept.size if signers & self.keyring.counting else self.signed

    def count_witnesses(self, head: Head, note: str) -> None:
        times = times_of(note, self.keyring.witnesses)
        latest = max(times, default=0) * 10**6
        self.seen[head.size] = max(self.seen.get(head.size, 0), latest)
        if self.keyring.needed and len(times) >= self.keyring.needed:
            self.witnessed = max(self.witnessed, head.size)

    def report_rewritten(self, left: list[Head]) -> None:
        if not left:
            return
        message = f"records from {self.signed} on are not those that were signed"
        self.report.add("rewritten", self.signed, message)
        rivals = [one for one in left if one.size == left[0].size and one.root != left[0].root]
        self.contradict(rivals, self.signed)

    def contradict(self, others: list[Head], signed: int) -> None:
        for head in others:
            first = signed if signed < head.size else 0
            message = f"a checkpoint of {head.size} records is of another history"
            self.report.add("forked", first, message)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", help="the folder or the tar file")
    parser.add_argument("--key", help="file with the verifying key to trust; not the bundle's own")
    parser.add_argument("--checkpoint", help="file with a checkpoint that was kept elsewhere")
    parser.add_argument(
        "--witness", action="append", default=[], help="file with the key of a witness"
    )
    parser.add_argument("--quorum", type=int, default=0, help="how many of them; all if not said")
    parser.add_argument("--strict", action="store_true", help="facts fail the log too")
    parser.add_argument("--json", action="store_true", help="print a JSON document")
    options = parser.parse_args(arguments)
    if not 0 <= options.quorum <= len(set(options.witness)):
        parser.error("there are fewer witnesses than --quorum says")
    given = Given(options.key, options.checkpoint, options.witness, options.quorum)
    try:
        found = verify(options.bundle, given)
    except Unusable as error:
        print(f"remit_verify: {error}", file=sys.stderr)
        return 3
    except Unreadable as error:
        print(f"remit_verify: {options.bundle}: {error}", file=sys.stderr)
        return 4
    if options.strict and found["findings"]:
        found["whole"] = False
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        state = "whole" if found["whole"] else "NOT WHOLE"
        print(f"{options.bundle} is {state}")
        print(f"{found['size']} records of {found['origin']}, root {found['root']}")
        print(f"the first {found['signed']} are signed, by {found['checkpoints']} checkpoints")
        for one in found["findings"]:
            print(f"  {one['kind']:<15} {ascii(one['message'])[1:-1]}")
    return 0 if found["whole"] else 1


if __name__ == "__main__":
    sys.exit(main())
