"""The Merkle tree of RFC 6962 and RFC 9162: roots, proofs, and what they prove.

A tree of *size* leaves has one root. A proof is a handful of roots of smaller
trees, and which ones is arithmetic alone: `inclusion_ranges` and
`consistency_ranges` name them as half-open ranges of leaves, so that whoever
holds the hashes, in memory or in a database, computes just those.

A log of millions must not hash them all again for one proof. It keeps the inner
nodes at every eighth height, one hash for 256 below it; `range_root` then needs
a few hundred hashes at most. They are the tiles of https://c2sp.org/tlog-tiles:
level 0 are the leaves, and a node of a level is the root over 256 of the one below.

    >>> hashes = [leaf_hash(leaf) for leaf in (b"a", b"b", b"c")]
    >>> proof = inclusion_proof(hashes, 1)
    >>> verify_inclusion(hashes[1], 1, 3, proof, root(hashes))
    True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from remit.errors import LogError

Hash: TypeAlias = bytes
Proof: TypeAlias = tuple[Hash, ...]
Range: TypeAlias = tuple[int, int]
Node: TypeAlias = tuple[int, int, Hash]
"""Level, index in its level, hash."""
Read: TypeAlias = Callable[[int, int, int], Iterable[Hash]]
"""The hashes of a level, from one index to before another."""

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

EMPTY_ROOT: Hash = sha256().digest()


def leaf_hash(leaf: bytes) -> Hash:
    """Prefixed, so that no leaf can pass for an inner node."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """Prefixed, so that no inner node can pass for a leaf."""
    return sha256(b"\x01" + left + right).digest()


class Frontier(msgspec.Struct, frozen=True):
    """All that must be remembered of a tree to let it grow: one root per bit of its size."""

    size: int = 0
    peaks: tuple[Hash, ...] = ()
    """Roots of the perfect trees the leaves fall into, largest first."""

    def extend(self, hashes: Iterable[Hash], completed: list[Node] | None = None) -> Frontier:
        """The tree with these leaf hashes behind its own.

        *completed* gets the nodes of levels above 0 that are final now, in the order of
        the leaves that completed them.
        """
        size, peaks = self.size, list(self.peaks)
        for leaf in hashes:
            node, full, height = leaf, size, 0
            while full & 1:
                node = sha256(b"\x01" + peaks.pop() + node).digest()
                full >>= 1
                height += 1
                if not height % TILE_HEIGHT and completed is not None:
                    completed.append((height // TILE_HEIGHT, size >> height, node))
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))

    def append(self, leaf: Hash) -> Frontier:
        """The tree with one more leaf hash."""
        return self.extend((leaf,))

    def root(self) -> Hash:
        """The hash that stands for all leaves."""
        return _joined(self.peaks)

    def to_bytes(self) -> bytes:
        """Eight bytes of size, most significant first, then the peaks."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read what `to_bytes` wrote."""
        size, peaks = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) < 8 or len(peaks) != 32 * size.bit_count():
            raise LogError(f"{len(data)} bytes are not the frontier of a tree")
        return cls(size, tuple(peaks[at : at + 32] for at in range(0, len(peaks), 32)))


def root(hashes: Iterable[Hash]) -> Hash:
    """The root over these leaf hashes."""
    return Frontier().extend(hashes).root()


def peak_ranges(size: int) -> tuple[Range, ...]:
    """The perfect trees that *size* leaves fall into, largest first: those of its `Frontier`."""
    ranges, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            ranges.append((start, start + (1 << height)))
            start += 1 << height
    return tuple(ranges)


def inclusion_ranges(index: int, size: int) -> tuple[Range, ...]:
    """The subtrees whose roots prove leaf *index* to be in a tree of *size* leaves."""
    if not 0 <= index < size:
        raise LogError(f"there is no record {index} among the first {size}", index=index)
    ranges, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return tuple(reversed(ranges))


def consistency_ranges(old: int, size: int) -> tuple[Range, ...]:
    """The subtrees whose roots prove that the first *old* leaves of *size* are unchanged."""
    if not 0 <= old <= size:
        raise LogError(f"a log of {size} records was never {old} records long")
    ranges, start, end = [], 0, size
    while 0 < old < end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    # The verifier knows the old root. Where it is itself a subtree, it is not repeated.
    if old and start:
        ranges.append((start, end))
    return tuple(reversed(ranges))


def inclusion_proof(hashes: Sequence[Hash], index: int) -> Proof:
    """Proof that the leaf at *index* is one of *hashes*."""
    return tuple(root(hashes[a:b]) for a, b in inclusion_ranges(index, len(hashes)))


def consistency_proof(hashes: Sequence[Hash], old: int) -> Proof:
    """Proof that the first *old* of *hashes* have not been rewritten."""
    return tuple(root(hashes[a:b]) for a, b in consistency_ranges(old, len(hashes)))


def verify_inclusion(leaf: Hash, index: int, size: int, proof: Proof, expected: Hash) -> bool:
    """Whether *proof* shows *leaf* at *index* of the tree of *size* leaves with root *expected*.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    node, here, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(sibling, node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and node == expected


def verify_consistency(old: int, old_root: Hash, size: int, new_root: Hash, proof: Proof) -> bool:
    """Whether *proof* shows the tree of *size* leaves to begin with the *old* ones unchanged.

    RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old <= size:
        return False
    if old == size:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = proof if old & (old - 1) else (old_root, *proof)
    if not path:
        return False
    here, last = old - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old_node == old_root and new_node == new_root


def range_root(start: int, end: int, read: Read) -> Hash:
    """The root over the leaves of one range of a proof, from the nodes that *read* finds."""
    peaks = []
    while start < end:
        height = (end - start).bit_length() - 1
        level, rest = divmod(height, TILE_HEIGHT)
        first = start >> TILE_HEIGHT * level
        peaks.append(root(read(level, first, first + (1 << rest))))
        start += 1 << height
    return _joined(peaks)


def _joined(peaks: Sequence[Hash]) -> Hash:
    """The root over perfect trees that stand side by side, largest first."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def _split(size: int) -> int:
    """The largest power of two below *size*: how many leaves the left subtree has."""
    return 1 << (size - 1).bit_length() - 1
