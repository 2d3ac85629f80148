"""How a log is laid out in files (https://c2sp.org/tlog-tiles), and their bytes.

    tile/<level>/<index>            256 hashes of a level; level 0 are the leaves
    tile/<level>/<index>.p/<width>  the last of a level, while it has fewer
    tile/entries/<index>            256 leaves, each behind its length in two bytes
    payload/<index>                 their payloads, each behind its length in four

An index is written in groups of three digits, all but the last behind an x:
`x001/x234/067`. The payloads are Remit's own: an erased one has the length 2**32 - 1
and no bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from remit.audit.tree import TILE_WIDTH, Hash
from remit.errors import LogError

ENTRIES = "tile/entries"
PAYLOADS = "payload"
HASH_SIZE = 32
LONGEST_LEAF = 2**16 - 1

_ERASED = 2**32 - 1


def level_folder(level: int) -> str:
    """Where the tiles of *level* are."""
    return f"tile/{level}"


def tile_path(folder: str, index: int, width: int = TILE_WIDTH) -> str:
    """The file in *folder* with the tile at *index*, which has *width* of what it holds."""
    digits = f"{index:03}"
    digits = digits.zfill(len(digits) + -len(digits) % 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"{folder}/{number}" if width == TILE_WIDTH else f"{folder}/{number}.p/{width}"


def pack_leaves(leaves: Iterable[bytes]) -> bytes:
    """The bytes of a tile of leaves."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def unpack_leaves(data: bytes) -> list[bytes]:
    """Read what `pack_leaves` wrote."""
    return [part or b"" for part in _unpack(data, 2)]


def pack_payloads(payloads: Iterable[bytes | None]) -> bytes:
    """The bytes of a tile of payloads."""
    return b"".join(
        _ERASED.to_bytes(4, "big") if one is None else len(one).to_bytes(4, "big") + one
        for one in payloads
    )


def unpack_payloads(data: bytes) -> list[bytes | None]:
    """Read what `pack_payloads` wrote."""
    return _unpack(data, 4)


def unpack_hashes(data: bytes) -> list[Hash]:
    """The hashes of a tile."""
    if len(data) % HASH_SIZE:
        raise LogError(f"a tile of {len(data)} bytes is cut short")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def _unpack(data: bytes, prefix: int) -> list[bytes | None]:
    parts: list[bytes | None] = []
    at = 0
    while at < len(data):
        start = at + prefix
        size = int.from_bytes(data[at:start], "big")
        if prefix == 4 and size == _ERASED and len(data) >= start:
            parts.append(None)
            at = start
            continue
        at = start + size
        if at > len(data):
            raise LogError("a tile ends in the middle of an entry")
        parts.append(data[start:at])
    return parts
