"""The Merkle tree against Certificate Transparency's vectors and a slow definition of itself."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.audit.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    consistency_ranges,
    inclusion_proof,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    range_root,
    root,
    verify_consistency,
    verify_inclusion,
)
from remit.errors import LogError

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[3]]),
    (2, 3, [ROOTS[1]]),
    (1, 5, [ROOTS[0], B, D]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [F, E, ROOTS[3]]),
    (2, 5, [B, D]),
]

HASHES = [leaf_hash(leaf) for leaf in LEAVES]
logs = st.lists(st.binary(max_size=4).map(leaf_hash), min_size=1, max_size=70)


def slow_root(hashes):
    """RFC 6962, section 2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\x01" + slow_root(hashes[:k]) + slow_root(hashes[k:])).digest()


def slow_path(m, hashes):
    """RFC 6962, section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m < k:
        return [*slow_path(m, hashes[:k]), slow_root(hashes[k:])]
    return [*slow_path(m - k, hashes[k:]), slow_root(hashes[:k])]


def slow_subproof(m, hashes, known):
    """RFC 6962, section 2.1.2."""
    if m == len(hashes):
        return [] if known else [slow_root(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m <= k:
        return [*slow_subproof(m, hashes[:k], known), slow_root(hashes[k:])]
    return [*slow_subproof(m - k, hashes[k:], False), slow_root(hashes[:k])]


def unhex(proof):
    return tuple(bytes.fromhex(node) for node in proof)


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size):
    assert root(HASHES[:size]).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_hash_of_nothing():
    assert root([]) == EMPTY_ROOT == sha256(b"").digest() == Frontier().root()


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_those_of_certificate_transparency(index, size, proof):
    assert inclusion_proof(HASHES[:size], index) == unhex(proof)
    expected = bytes.fromhex(ROOTS[size - 1])
    assert verify_inclusion(HASHES[index], index, size, unhex(proof), expected)


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(old, size, proof):
    assert consistency_proof(HASHES[:size], old) == unhex(proof)
    roots = [bytes.fromhex(known) for known in ROOTS]
    assert verify_consistency(old, roots[old - 1], size, roots[size - 1], unhex(proof))


@given(logs, st.data())
def test_roots_and_proofs_are_those_of_the_definition(log, data):
    assert root(log) == slow_root(log)
    index = data.draw(st.integers(0, len(log) - 1))
    assert inclusion_proof(log, index) == tuple(slow_path(index, log))
    old = data.draw(st.integers(1, len(log)))
    assert consistency_proof(log, old) == tuple(slow_subproof(old, log, True))


@given(logs, st.data())
def test_every_leaf_can_be_proved_and_no_other(log, data):
    index = data.draw(st.integers(0, len(log) - 1))
    size, proof = len(log), inclusion_proof(log, index)
    assert verify_inclusion(log[index], index, size, proof, root(log))
    assert not verify_inclusion(leaf_hash(b"forged"), index, size, proof, root(log))
    assert not verify_inclusion(log[index], index, size, proof, leaf_hash(b"forged"))


@given(logs, st.data())
def test_an_inclusion_proof_is_good_for_one_index_only(log, data):
    index = data.draw(st.integers(0, len(log) - 1))
    other = data.draw(st.integers(-1, len(log) + 1).filter(lambda it: it != index))
    log[index] = leaf_hash(b"unique leaf")
    proof = inclusion_proof(log, index)
    assert not verify_inclusion(log[index], other, len(log), proof, root(log))


@given(logs, st.data())
def test_a_proof_with_more_or_less_in_it_proves_nothing(log, data):
    index = data.draw(st.integers(0, len(log) - 1))
    proof = inclusion_proof(log, index)
    longer = (*proof, leaf_hash(b"more"))
    assert not verify_inclusion(log[index], index, len(log), longer, root(log))
    if proof:
        assert not verify_inclusion(log[index], index, len(log), proof[:-1], root(log))
    old = data.draw(st.integers(1, len(log)))
    proof = consistency_proof(log, old)
    longer = (*proof, leaf_hash(b"more"))
    assert not verify_consistency(old, root(log[:old]), len(log), root(log), longer)
    if proof:
        assert not verify_consistency(old, root(log[:old]), len(log), root(log), proof[:-1])


@given(logs, st.data())
def test_growth_can_be_proved_and_rewriting_cannot(log, data):
    old = data.draw(st.integers(0, len(log)))
    old_root, size = root(log[:old]), len(log)
    assert verify_consistency(old, old_root, size, root(log), consistency_proof(log, old))
    if not old:
        return
    index = data.draw(st.integers(0, old - 1))
    rewritten = [*log[:index], leaf_hash(b"rewritten"), *log[index + 1 :]]
    proof = consistency_proof(rewritten, old)
    assert not verify_consistency(old, old_root, size, root(rewritten), proof)


@given(st.binary(max_size=70), st.integers(-2, 70), st.integers(-2, 70), logs)
def test_verifying_nonsense_answers_no_and_never_fails(noise, index, size, log):
    proof = tuple(noise[at : at + 32] for at in range(0, len(noise), 32))
    assert not verify_inclusion(leaf_hash(b"no leaf"), index, size, proof, root(log))
    assert not verify_consistency(index, leaf_hash(b"no root"), size, root(log), proof)


@given(logs, st.data())
def test_a_frontier_grows_without_its_leaves(log, data):
    cut = data.draw(st.integers(0, len(log)))
    frontier = Frontier().extend(log[:cut])
    assert frontier.root() == root(log[:cut])
    carried = Frontier.from_bytes(frontier.to_bytes())
    assert carried == frontier
    for leaf in log[cut:]:
        carried = carried.append(leaf)
    assert carried == Frontier().extend(log)
    assert len(carried.peaks) == carried.size.bit_count()


@given(st.binary(max_size=120))
def test_bytes_that_are_no_frontier_are_refused(data):
    try:
        frontier = Frontier.from_bytes(data)
    except LogError:
        return
    assert frontier.to_bytes() == data


@pytest.mark.parametrize("index", [-1, 8, 9])
def test_there_is_no_proof_for_a_record_that_is_not_there(index):
    with pytest.raises(LogError, match="there is no record"):
        inclusion_proof(HASHES, index)


@pytest.mark.parametrize("old", [-1, 9])
def test_there_is_no_proof_of_growth_from_a_log_that_never_was(old):
    with pytest.raises(LogError, match="was never"):
        consistency_proof(HASHES, old)


def test_leaves_and_nodes_cannot_be_mistaken_for_each_other():
    left, right = HASHES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)


MANY = [leaf_hash(n.to_bytes(4, "big")) for n in range(70_000)]


@pytest.fixture(scope="module")
def levels():
    """A tree that kept its inner nodes while it grew."""
    kept = []
    Frontier().extend(MANY, kept)
    found = {0: MANY}
    for level, index, hashed in kept:
        assert index == len(found.setdefault(level, []))
        found[level].append(hashed)
    return found


def test_the_inner_nodes_of_a_level_are_roots_over_256_of_the_one_below(levels):
    assert [len(levels[level]) for level in sorted(levels)] == [70_000, 273, 1]
    for level in (1, 2):
        for index, hashed in enumerate(levels[level]):
            assert hashed == root(levels[level - 1][256 * index : 256 * index + 256])


@given(st.integers(0, 2000), st.lists(st.integers(0, 700), max_size=5))
def test_a_tree_completes_the_same_nodes_however_it_is_handed_its_leaves(size, steps):
    whole, parts = [], []
    Frontier().extend(MANY[:size], whole)
    frontier, end = Frontier(), 0
    for step in [*steps, size]:
        start, end = end, max(end, min(size, step))
        frontier = frontier.extend(MANY[start:end], parts)
    assert parts == whole


@given(st.integers(1, len(MANY)), st.data())
def test_proofs_come_from_inner_nodes_as_they_come_from_leaves(levels, size, data):
    read = 0

    def hashes(level, first, end):
        nonlocal read
        read += end - first
        assert end * 256**level <= size
        return levels[level][first:end]

    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    wanted = (
        (inclusion_ranges, index, inclusion_proof),
        (consistency_ranges, old, consistency_proof),
    )
    for ranges, what, definition in wanted:
        proof = tuple(range_root(a, b, hashes) for a, b in ranges(what, size))
        if size < 3000:
            assert proof == definition(MANY[:size], what)
        elif ranges is inclusion_ranges:
            head = Frontier().extend(MANY[:size]).root() if size < 5000 else None
            assert head is None or verify_inclusion(MANY[index], index, size, proof, head)
    assert read <= 4 * 3 * 256
