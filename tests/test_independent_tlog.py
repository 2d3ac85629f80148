"""An implementation by somebody else agrees on roots, proofs, tiles, checkpoints, cosignatures."""

import pytest

pytest.importorskip(
    "aics_tlog", reason="aics-tlog is not installed: it needs Python 3.12 (pip install aics-tlog)"
)

from aics_tlog import (
    FileSystemTileReader,
    MerkleTree,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    parse_note,
    parse_vkey,
    read_entry,
    tree_root_from_tiles,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
)
from hypothesis import given
from hypothesis import strategies as st
from ledger_contract import record
from test_log_bundle import export

from remit.audit import tree
from remit.audit.cosignature import WitnessSigner
from remit.audit.record import Kind
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog

SIZE = 700
WITNESS = WitnessSigner.from_seed("witness.example/w", b"w" * 32)


def leaves(size):
    return [b"leaf %d" % n for n in range(size)]


@given(st.integers(1, 300), st.data())
def test_roots_and_proofs_are_the_same_and_each_accepts_those_of_the_other(size, data):
    theirs = MerkleTree(leaves(size))
    hashes = [tree.leaf_hash(leaf) for leaf in leaves(size)]
    root = tree.root(hashes)
    assert theirs.root() == root
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(hashes, index)
    assert list(theirs.inclusion_proof(index)) == list(proof)
    assert verify_leaf_inclusion(leaves(size)[index], index, size, proof, root)
    assert tree.verify_inclusion(
        hashes[index], index, size, tuple(theirs.inclusion_proof(index)), root
    )
    old = data.draw(st.integers(1, size))
    proof = tree.consistency_proof(hashes, old)
    assert list(theirs.consistency_proof(old, size)) == list(proof)
    assert verify_consistency(old, size, theirs.root(old), root, proof)
    assert not verify_consistency(old, size, theirs.root(old), bytes(32), proof)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "audit.db"
    with SqliteLedger(path) as made:
        made.append_all(record(Kind.REFUSED, f"c-{n}") for n in range(SIZE)).result(60)
        made.add_signatures(WITNESS.cosign(made.checkpoint(), 1_795_262_400))
    return path


def test_the_tiles_of_a_bundle_are_tiles_to_it(ledger, tmp_path):
    log = SqliteLog(ledger)
    reader = FileSystemTileReader(export(ledger, tmp_path / "audit"))
    assert tree_root_from_tiles(reader, SIZE) == log.root()
    for index in (0, 255, 256, 511, 699):
        assert read_entry(reader, index, SIZE) == log.entry(index).leaf
        theirs = inclusion_proof_from_tiles(reader, index, SIZE)
        assert list(theirs) == list(log.inclusion_proof(index))
    for old in (1, 256, 300, 699):
        theirs = consistency_proof_from_tiles(reader, old, SIZE)
        assert list(theirs) == list(log.consistency_proof(old))


def test_it_accepts_our_checkpoints_and_cosignatures_and_no_others(ledger):
    log = SqliteLog(ledger)
    signed = list(log.checkpoints())[-1]
    ours, witness = parse_vkey(str(log.verifying_key())), parse_vkey(str(WITNESS.verifying))
    assert verify_checkpoint(parse_note(signed), ours, [witness], quorum=1).ok
    other = parse_vkey(str(WitnessSigner.from_seed("witness.example/w", b"x" * 32).verifying))
    assert not verify_checkpoint(parse_note(signed), ours, [other], quorum=1).ok
    forged = signed.replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n")
    assert not verify_checkpoint(parse_note(forged), ours, [witness], quorum=1).ok
