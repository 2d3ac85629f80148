"""A log as files that need no Remit to be read: a folder, or a tar file of it.

    bundle.json         which log this is, and how many records it has
    key                 the verifying key of its checkpoints, and below it those it replaced
    checkpoint          the last of them
    checkpoints         all of them, each as a JSON string on its line
    tile/, payload/     see `remit.audit.tiles`

Nothing in it is to be believed: whoever verifies a bundle brings a key, and the
key in it says no more than the one beside a ledger does.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from remit.audit import tiles
from remit.audit.checkpoint import parse_checkpoint_unchecked
from remit.audit.findings import Verification
from remit.audit.note import VerifyingKey
from remit.audit.stored import Parts, Stored
from remit.audit.tree import TILE_WIDTH, Node
from remit.audit.trust import Trust
from remit.audit.verify import verify
from remit.errors import LogError

FORMAT = 1
LARGEST = 2**26
"""Bytes in a file of a bundle; a tile of leaves or payloads has fewer."""

Put: TypeAlias = Callable[[str, bytes], None]
Pack: TypeAlias = Callable[[list[Any]], bytes]


class About(msgspec.Struct, frozen=True):
    """What a bundle says of itself."""

    v: int
    origin: str
    size: int


def write(parts: Parts, key: VerifyingKey | Trust, put: Put) -> None:
    """Hand all files of a bundle to *put*; *key* checks its checkpoints.

    Raises:
        LogError: the log has gaps, or does not fit its own tree.
    """
    checkpoints = tuple(parts.checkpoints)
    head = _signed_size(checkpoints)
    leaves = _Files(tiles.ENTRIES, 0, put, tiles.pack_leaves)
    payloads = _Files(tiles.PAYLOADS, 0, put, tiles.pack_payloads)
    levels = [_Files(tiles.level_folder(0), 0, put, b"".join)]
    for index, entry in zip(count(), parts.entries, strict=False):
        if entry.index != index:
            raise LogError(f"record {index} is missing, and a bundle has no gaps", index=index)
        _check(entry)
        leaves.add(entry.leaf)
        payloads.add(entry.payload)
        levels[0].add(entry.hash)
    size = leaves.size
    if size != parts.size:
        raise LogError(f"the log has {size} records, and remembers {parts.size}", index=size)
    for level, index, hashed in parts.nodes:
        if level == len(levels):
            levels.append(_Files(tiles.level_folder(level), level, put, b"".join))
        grows = 0 < level < len(levels) and index == levels[level].size
        if not grows or len(hashed) != tiles.HASH_SIZE:
            raise LogError("the log has lost a part of its tree")
        levels[level].add(hashed)
    if any(files.size != size >> 8 * files.level for files in levels) or size >> 8 * len(levels):
        raise LogError("the log has lost a part of its tree")
    for files in (leaves, payloads, *levels):
        files.close(head)
    put("bundle.json", msgspec.json.encode(About(FORMAT, parts.origin, size)) + b"\n")
    put("key", f"{key}\n".encode())
    put("checkpoints", b"".join(msgspec.json.encode(one) + b"\n" for one in checkpoints))
    if checkpoints:
        put("checkpoint", checkpoints[-1].encode(errors="replace"))


def _signed_size(checkpoints: tuple[str, ...]) -> int:
    with suppress(LogError, IndexError):
        return parse_checkpoint_unchecked(checkpoints[-1]).size
    return 0


def _check(entry: Stored) -> None:
    if len(entry.hash) != tiles.HASH_SIZE:
        raise LogError(f"record {entry.index} has a hash that is none", index=entry.index)
    if len(entry.leaf) > tiles.LONGEST_LEAF:
        why = f"a tile takes leaves of {tiles.LONGEST_LEAF} bytes; export JSON Lines instead"
        raise LogError(f"record {entry.index} is too long: {why}", index=entry.index)


class _Files:
    """Fills one tile after the other."""

    def __init__(self, folder: str, level: int, put: Put, pack: Pack) -> None:
        self.folder = folder
        self.level = level
        self.put = put
        self.pack = pack
        self.size = 0
        self.tile: list[Any] = []

    def add(self, one: bytes | None) -> None:
        self.tile.append(one)
        self.size += 1
        if len(self.tile) == TILE_WIDTH:
            self.write(TILE_WIDTH)
            self.tile = []

    def write(self, width: int) -> None:
        index = (self.size - 1) // TILE_WIDTH
        self.put(tiles.tile_path(self.folder, index, width), self.pack(self.tile[:width]))

    def close(self, signed: int) -> None:
        """Write the last tile: as long as it is, and as it was when the log was *signed*."""
        signed >>= 8 * self.level
        widths = {len(self.tile)}
        if signed < self.size and signed // TILE_WIDTH == self.size // TILE_WIDTH:
            widths.add(signed % TILE_WIDTH)
        for width in sorted(widths - {0}):
            self.write(width)


@contextmanager
def created(path: str | Path, *, force: bool = False) -> Iterator[Put]:
    """Takes the files of a bundle at *path*: a tar file if it is called so, else a folder.

    Whatever goes wrong leaves nothing behind, and what was there untouched.
    """
    path = Path(path)
    if not force and path.exists():
        raise FileExistsError(f"{path} is there already")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".tar":
            with tarfile.open(draft, "w", format=tarfile.USTAR_FORMAT) as tar:
                yield lambda name, data: _into_tar(tar, name, data)
        else:
            draft.mkdir()
            yield lambda name, data: _into_folder(draft, name, data)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        draft.replace(path)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        draft.unlink(missing_ok=True)


def _into_tar(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    # No time and no owner: the same log gives the same bytes.
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _into_folder(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Bundle:
    """The log in the bundle at *path*, unchecked until it is verified."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self._tar = None if self.path.is_dir() else tarfile.open(self.path)  # noqa: SIM115
        about = self._about()
        self.origin = about.origin
        self.size = about.size

    def entry(self, index: int) -> Stored:
        """The record at *index*."""
        if not 0 <= index < self.size:
            raise LogError(f"{self.path} has no record {index}", index=index)
        return next(one for one in self._tile(index // TILE_WIDTH) if one.index == index)

    def entries(self) -> Iterator[Stored]:
        """Every record, in order."""
        for index in range(-(-self.size // TILE_WIDTH)):
            yield from self._tile(index)

    def checkpoints(self) -> Iterator[str]:
        """Every checkpoint in it."""
        for line in self._read("checkpoints").splitlines():
            try:
                yield msgspec.json.decode(line, type=str)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                yield ""  # counts for nothing, in its place

    def nodes(self) -> Iterator[Node]:
        """The inner nodes, in the order of the leaves that completed them."""
        levels = [self._hashes(level) for level in range(1, 8) if self.size >> 8 * level]
        for last in range(self.size >> 8):
            done = last + 1
            for level, hashes in enumerate(levels, 1):
                if done % TILE_WIDTH ** (level - 1):
                    break
                yield level, done // TILE_WIDTH ** (level - 1) - 1, next(hashes)

    def parts(self) -> Parts:
        """All of the log."""
        return Parts(self.origin, self.size, self.entries(), self.checkpoints(), self.nodes())

    def verifying_key(self) -> VerifyingKey:
        """The key in the bundle, which is no better than who handed it over."""
        return self.trust().keys[0]

    def trust(self) -> Trust:
        """That key, and those it replaced."""
        try:
            return Trust.parse(self._read("key").decode())
        except UnicodeDecodeError as error:
            raise LogError(f"{self.path}: its key is not text") from error

    def verify(
        self,
        trusted: Trust | Iterable[VerifyingKey] | None = None,
        *,
        checkpoint: str | None = None,
    ) -> Verification:
        """Whether the log is whole, in order and unchanged; *trusted* defaults to its own key."""
        return verify(
            self.entries(),
            self.checkpoints(),
            self.trust() if trusted is None else trusted,
            origin=self.origin,
            outside=checkpoint,
            nodes=self.nodes(),
        )

    def close(self) -> None:
        """Let go of the file."""
        if self._tar is not None:
            self._tar.close()

    def _about(self) -> About:
        try:
            about = msgspec.json.decode(self._read("bundle.json"), type=About)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise LogError(f"{self.path} is not a bundle: {error}") from error
        if about.v != FORMAT:
            why = f"it has format {about.v}, this Remit reads {FORMAT}"
            raise LogError(f"{self.path} was written by a newer Remit: {why}; upgrade Remit")
        if not 0 <= about.size < 2**48:
            raise LogError(f"{self.path} is not a bundle: no log has {about.size} records")
        return about

    def _tile(self, index: int) -> list[Stored]:
        leaves = tiles.unpack_leaves(self._part(tiles.ENTRIES, index, self.size))
        payloads = tiles.unpack_payloads(self._part(tiles.PAYLOADS, index, self.size))
        hashes = tiles.unpack_hashes(self._part(tiles.level_folder(0), index, self.size))
        wanted = _width(index, self.size)
        if not len(leaves) == len(payloads) == len(hashes) == wanted:
            first = index * TILE_WIDTH
            raise LogError(f"{self.path}: the tiles from record {first} on do not fit", index=first)
        rows = zip(count(index * TILE_WIDTH), leaves, payloads, hashes, strict=False)
        return [Stored(*row) for row in rows]

    def _hashes(self, level: int) -> Iterator[bytes]:
        size = self.size >> 8 * level
        for index in range(-(-size // TILE_WIDTH)):
            found = tiles.unpack_hashes(self._part(tiles.level_folder(level), index, size))
            if len(found) != _width(index, size):
                raise LogError(f"{self.path}: a tile of level {level} does not fit")
            yield from found

    def _part(self, folder: str, index: int, size: int) -> bytes:
        return self._read(tiles.tile_path(folder, index, _width(index, size)))

    def _read(self, name: str) -> bytes:
        try:
            if self._tar is None:
                path = self.path / name
                too_long = path.stat().st_size > LARGEST
                data = b"" if too_long else path.read_bytes()
            else:
                member = self._tar.getmember(name)
                too_long = member.size > LARGEST
                file = None if too_long else self._tar.extractfile(member)
                data = file.read() if file else b""
        except (OSError, KeyError, tarfile.TarError) as error:
            raise LogError(f"{self.path} is not a whole bundle: {name} is missing") from error
        if too_long:
            raise LogError(f"{self.path}: {name} is larger than any file of a bundle")
        return data


def _width(index: int, size: int) -> int:
    return min(TILE_WIDTH, size - index * TILE_WIDTH)


def is_bundle(path: Path) -> bool:
    """Whether there is a folder or a tar file at *path*."""
    return path.is_dir() or (path.is_file() and tarfile.is_tarfile(path))
