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
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FACTS = {"unended", "erased", "unsigned"}
KINDS = {"refused", "asked", "answered", "started", "returned", "raised", "noted", "changed"}
DASH = "\u2014 "
LARGEST = 2**26


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


def parse_key(text: str) -> Key:
    text = text.strip()
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Unusable("a key reads name+hash+base64")
    check_name(parts[0])
    data = strict_base64(parts[2])
    hint = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:4]
    if len(data) != 33 or data[:1] != b"\x01" or hint.hex() != parts[1]:
        raise Unusable("this is not an Ed25519 key, or its hash is not its own")
    return Key(parts[0], hint, data[1:], text)


def open_note(note: str, key: Key) -> Head:
    """The checkpoint in *note*, if *key* signed it."""
    if len(note) > 1_000_000:
        raise Unusable("a note is too long")
    split = note.rfind("\n\n")
    text, lines = note[: split + 1], note[split + 2 :]
    if split < 0 or not lines.endswith("\n"):
        raise Unusable("this is not a signed note")
    if any(c < " " and c != "\n" for c in text):
        raise Unusable("a note has no control characters")
    try:
        message = text.encode()
    except UnicodeEncodeError as error:
        raise Unusable("a note is Unicode") from error
    block = lines[:-1].split("\n")
    if len(block) > 100:
        raise Unusable("a note has too many signatures")
    ours = [data for name, data in map(signature_in, block) if (name, data[:4]) == key[:2]]
    if not ours:
        raise Unusable(f"not signed by the trusted key {key.name}+{key.hint.hex()}")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(ours[0][4:], message)
    except (InvalidSignature, ValueError) as error:
        raise Unusable(f"{key.name} did not sign this") from error
    return parse_head(text)


def open_of(note: str, key: Key, origin: str) -> Head:
    """The checkpoint in *note*, if it is of this log."""
    head = open_note(note, key)
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
    return leaf if good and leaf["v"] <= 1 else None


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


def verify(path: str, key_file: str | None, kept_file: str | None) -> dict[str, Any]:
    """Everything `remit log verify --json` says about the bundle at *path*."""
    with opened(path) as read:
        return check(path, read, key_file, kept_file)


def check(
    path: str, read: Callable[[str], bytes], key_file: str | None, kept_file: str | None
) -> dict[str, Any]:
    about = read_about(read)
    key = parse_key(read_text(key_file) if key_file else decode(read("key"), "key"))
    kept = None
    if kept_file:
        kept = open_of(read_text(kept_file), key, about["origin"])
    report = Report()
    heads = trusted_heads(read("checkpoints"), key, about["origin"], report)
    roots, final, damaged = walk(read, about["size"], heads, kept, report)
    holding, signed = judge(heads, kept, about["size"], roots, report)
    if damaged is not None and not report.has("rewritten", "truncated"):
        report.add("tree-changed", damaged, f"an inner node from record {damaged} on was changed")
    if signed < about["size"]:
        report.add("unsigned", signed, f"records {signed} to {about['size'] - 1} are not signed")
    findings = report.sorted()
    broken = any(one["breaks"] for one in findings)
    return {
        "ledger": path,
        "whole": not broken and (signed > 0 or about["size"] == 0),
        "origin": about["origin"],
        "size": about["size"],
        "root": base64.b64encode(final).decode(),
        "signed": signed,
        "checkpoints": holding,
        "key": key.text,
        "kept": kept and {"size": kept.size, "root": base64.b64encode(kept.root).decode()},
        "findings": findings,
    }


def read_about(read: Callable[[str], bytes]) -> dict[str, Any]:
    try:
        about = json.loads(decode(read("bundle.json"), "bundle.json"))
        good = is_number(about["v"]) and is_text(about["origin"]) and is_number(about["size"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"bundle.json: {error}") from error
    if not good or about["v"] > 1 or not 0 <= about["size"] < 2**48:
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


def trusted_heads(data: bytes, key: Key, origin: str, report: Report) -> list[Head]:
    heads = []
    for position, line in enumerate(data.splitlines()):
        try:
            note = json.loads(line.decode("utf-8"))
            head = open_of(note if isinstance(note, str) else "", key, origin)
        except (ValueError, RecursionError, Unusable) as error:
            report.add("untrusted", position, f"checkpoint {position} counts for nothing: {error}")
        else:
            heads.append(head)
    return heads


def walk(
    read: Callable[[str], bytes],
    size: int,
    heads: list[Head],
    kept: Head | None,
    report: Report,
) -> tuple[dict[int, bytes], bytes, int | None]:
    """Check every record by itself; the roots at the sizes that were signed, and at the end."""
    wanted = {head.size for head in heads} | ({kept.size} if kept else set())
    tree, roots = Growing(), dict[int, bytes]()
    open_calls, used, erased = dict[str, int](), dict[str, int](), list[int]()
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
        check_record(index, leaf, payload, hashed, report, open_calls, used, erased)
    for start, end in runs(erased):
        report.add("erased", start, f"the payloads of records {start} to {end} were erased")
    for call, index in open_calls.items():
        report.add("unended", index, f"call {call} started at record {index} and never ended")
    return roots, tree.root(), damaged


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
    erased: list[int],
) -> None:
    same = hashlib.sha256(b"\x00" + data).digest() == hashed
    if not same:
        report.add("changed", index, f"record {index} was changed: its leaf is not what was hashed")
    leaf = read_leaf(data)
    if leaf is None:
        report.add("unreadable", index, f"record {index} is not one Remit writes")
        return
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
        return
    if payload is None:
        erased.append(index)
    elif hashlib.sha256(payload).hexdigest() != leaf["payload"]:
        report.add("payload-changed", index, f"the payload of record {index} was changed")


def runs(indexes: list[int]) -> list[tuple[int, int]]:
    """The first and last of each run of neighbours."""
    found: list[tuple[int, int]] = []
    for index in indexes:
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


def judge(
    heads: list[Head],
    kept: Head | None,
    size: int,
    roots: dict[int, bytes],
    report: Report,
) -> tuple[int, int]:
    """How many checkpoints hold, and how many records they vouch for.

    They are looked at in the order of the log. One that does not hold is of another
    history if a later one holds, and otherwise the records are not those it signed.
    """
    signed = holding = latest = 0
    doubted: list[Head] = []
    for head, elsewhere in in_order(heads, kept, size):
        if head.size < latest and not elsewhere:
            report.add("out-of-order", head.size, f"a checkpoint of {head.size} stands too late")
        elif roots[head.size] == head.root:
            if not elsewhere:
                contradict(doubted, signed, report)
                doubted = []
            signed, holding = head.size, holding + 1
        elif elsewhere:
            contradict([head], signed, report)
        else:
            doubted.append(head)
        latest = latest if elsewhere else max(latest, head.size)
    promised = max([0, kept.size if kept else 0, *(head.size for head in beyond(heads, size))])
    if promised > size:
        report.add("truncated", size, f"the log ends after {size} records, {promised} were signed")
    contradict([head for head in doubted if head.size <= signed], signed, report)
    left = [head for head in doubted if head.size > signed]
    if left:
        report.add("rewritten", signed, f"records from {signed} on are not those that were signed")
        rivals = [one for one in left if one.size == left[0].size and one.root != left[0].root]
        contradict(rivals, signed, report)
    return holding, signed


def in_order(heads: list[Head], kept: Head | None, size: int) -> Iterator[tuple[Head, bool]]:
    """The checkpoints within the log, and the one kept elsewhere in its place."""
    waiting = kept if kept and kept.size <= size else None
    for head in heads:
        if head.size > size:
            break
        if waiting and waiting.size <= head.size:
            yield waiting, True
            waiting = None
        yield head, False
    if waiting:
        yield waiting, True


def beyond(heads: list[Head], size: int) -> list[Head]:
    """The first checkpoint of more records than there are, and all behind it."""
    for position, head in enumerate(heads):
        if head.size > size:
            return heads[position:]
    return []


def contradict(others: list[Head], signed: int, report: Report) -> None:
    for head in others:
        first = signed if signed < head.size else 0
        report.add("forked", first, f"a checkpoint of {head.size} records is of another history")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bundle", help="the folder or the tar file")
    parser.add_argument("--key", help="file with the verifying key to trust; not the bundle's own")
    parser.add_argument("--checkpoint", help="file with a checkpoint that was kept elsewhere")
    parser.add_argument("--strict", action="store_true", help="facts fail the log too")
    parser.add_argument("--json", action="store_true", help="print a JSON document")
    options = parser.parse_args(arguments)
    try:
        found = verify(options.bundle, options.key, options.checkpoint)
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
