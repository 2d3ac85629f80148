"""A verifier finds what was done to a log, and says where."""

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_contract import a_whole_call, append, record

from remit.audit.checkpoint import Checkpoint
from remit.audit.findings import FACTS, FindingKind
from remit.audit.note import SigningKey
from remit.audit.record import Kind, encode
from remit.audit.stored import Stored
from remit.audit.tree import Frontier, leaf_hash, root
from remit.audit.verify import verify
from remit.errors import LogError
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog

OURS = SigningKey.from_seed("remit/log", b"o" * 32)
THEIRS = SigningKey.from_seed("remit/log", b"t" * 32)
KEYS = [OURS.verifying]

SIZE = 10
"""Five calls, with checkpoints after 4 and after 8 records; two records are unsigned."""


def entry(index, fields):
    encoded = encode(fields, index.to_bytes(16, "big"))
    return Stored(index, encoded.leaf, encoded.payload, leaf_hash(encoded.leaf))


def a_log(prefix="c"):
    calls = (a_whole_call(f"{prefix}-{n}", amount=n) for n in range(SIZE // 2))
    return [entry(index, one) for index, one in enumerate(one for call in calls for one in call)]


def checkpoint(log, size, key=OURS, origin="remit/log"):
    return Checkpoint(origin, size, root(one.hash for one in log[:size])).sign(key)


def renumbered(log):
    return [Stored(index, one.leaf, one.payload, one.hash) for index, one in enumerate(log)]


def rehashed(one):
    return Stored(one.index, one.leaf, one.payload, leaf_hash(one.leaf))


def replace(one, **changes):
    fields = {name: getattr(one, name) for name in ("index", "leaf", "payload", "hash")}
    return Stored(**(fields | changes))


LOG = a_log()
NOTES = [checkpoint(LOG, 4), checkpoint(LOG, 8)]


def check(log, notes=NOTES, keys=KEYS, **options):
    return verify(iter(log), iter(notes), keys, **options)


def breaks(verification):
    return [(one.kind, one.index) for one in verification.findings if one.breaks]


def facts(verification):
    return [(one.kind, one.index) for one in verification.findings if not one.breaks]


def test_an_honest_log_is_intact():
    verification = check(LOG, origin="remit/log", head=Frontier().extend(one.hash for one in LOG))
    assert verification.intact
    assert (verification.size, verification.signed, verification.checkpoints) == (SIZE, 8, 2)
    assert verification.root == root(one.hash for one in LOG)
    assert facts(verification) == [(FindingKind.UNSIGNED, 8)]


@pytest.mark.parametrize("index", range(SIZE))
def test_a_changed_leaf_is_found_where_it_is(index):
    changed = LOG[index].leaf.replace(b'"refund"', b'"search"')
    log = [replace(one, leaf=changed) if one.index == index else one for one in LOG]
    assert breaks(check(log)) == [(FindingKind.CHANGED, index)]


@pytest.mark.parametrize("index", range(SIZE))
def test_a_changed_leaf_with_its_hash_made_to_fit_is_found_by_the_next_checkpoint(index):
    changed = rehashed(replace(LOG[index], leaf=LOG[index].leaf.replace(b'"refund"', b'"search"')))
    log = [changed if one.index == index else one for one in LOG]
    expected = [(FindingKind.REWRITTEN, 4 * (index // 4))] if index < 8 else []
    assert breaks(check(log)) == expected


@pytest.mark.parametrize("index", range(SIZE))
def test_a_changed_payload_is_found_where_it_is(index):
    changed = LOG[index].payload.replace(b"because", b"perhaps")
    assert changed != LOG[index].payload
    log = [replace(one, payload=changed) if one.index == index else one for one in LOG]
    assert breaks(check(log)) == [(FindingKind.PAYLOAD_CHANGED, index)]


@pytest.mark.parametrize("index", range(SIZE - 1))
def test_a_deleted_record_is_found_where_it_was(index):
    log = [one for one in LOG if one.index != index]
    verification = check(log)
    assert breaks(verification) == [(FindingKind.MISSING, index)]
    (missing,) = (one for one in verification.findings if one.breaks)
    assert missing.message == f"record {index} is missing"


@pytest.mark.parametrize("index", range(8))
def test_a_deleted_record_with_the_others_moved_up_is_found_by_the_next_checkpoint(index):
    log = renumbered(one for one in LOG if one.index != index)
    assert breaks(check(log))[0] == (FindingKind.REWRITTEN, 4 * (index // 4))


@given(st.permutations(range(SIZE)).filter(lambda order: order != list(range(SIZE))))
def test_records_in_another_order_are_found(order):
    shuffled = [LOG[index] for index in order]
    assert not check(shuffled).intact
    verification = check(renumbered(shuffled))
    if order[:4] != [0, 1, 2, 3]:
        assert breaks(verification) == [(FindingKind.REWRITTEN, 0)]
    elif order[4:8] != [4, 5, 6, 7]:
        assert breaks(verification) == [(FindingKind.REWRITTEN, 4)]


def test_two_swapped_records_are_found_where_they_are():
    log = [*LOG[:5], LOG[6], LOG[5], *LOG[7:]]
    assert breaks(check(log)) == [(FindingKind.MISSING, 5), (FindingKind.OUT_OF_ORDER, 5)]


@pytest.mark.parametrize("size", range(8))
def test_a_tail_cut_off_is_found_where_it_began(size):
    verification = check(LOG[:size])
    assert breaks(verification) == [(FindingKind.TRUNCATED, size)]
    (cut,) = (one for one in verification.findings if one.breaks)
    assert cut.message == f"the log ends after {size} records, and 8 were signed"


def test_a_tail_cut_off_together_with_its_checkpoint_is_found_by_one_kept_elsewhere():
    assert check(LOG[:5], NOTES[:1]).intact
    verification = check(LOG[:5], NOTES[:1], outside=NOTES[1])
    assert breaks(verification) == [(FindingKind.TRUNCATED, 5)]


def test_an_unsigned_tail_cut_off_is_found_by_what_the_log_remembers():
    head = Frontier().extend(one.hash for one in LOG)
    assert breaks(check(LOG[:8], head=head)) == [(FindingKind.TRUNCATED, 8)]


def test_records_slipped_in_behind_the_end_are_found_by_what_the_log_remembers():
    head = Frontier().extend(one.hash for one in LOG)
    log = [*LOG, entry(SIZE, record(call="forged"))]
    assert breaks(check(log, head=head)) == [(FindingKind.REWRITTEN, 8)]


def test_a_history_rewritten_and_signed_again_is_found_by_a_checkpoint_kept_elsewhere():
    other = a_log("d")
    forged = [checkpoint(other, 4), checkpoint(other, 8)]
    assert check(other, forged).intact
    assert breaks(check(other, forged, outside=NOTES[1])) == [(FindingKind.FORKED, 4)]
    assert breaks(check(other, forged, outside=NOTES[0])) == [(FindingKind.FORKED, 0)]


def test_a_fork_is_found_when_both_histories_were_signed():
    forked = [*LOG[:6], *(replace(one, index=one.index) for one in a_log("d")[6:])]
    notes = [*NOTES, checkpoint(forked, 8)]
    assert breaks(check(LOG, notes)) == [(FindingKind.FORKED, 0)]
    assert breaks(check(LOG, [NOTES[0], notes[2], NOTES[1]])) == [(FindingKind.FORKED, 4)]
    assert breaks(check(LOG, [checkpoint(forked, 7), NOTES[1]])) == [(FindingKind.FORKED, 0)]


def test_two_signed_heads_neither_of_which_is_this_log_are_a_fork_and_a_rewriting():
    notes = [checkpoint(a_log("d"), 8), checkpoint(a_log("e"), 8)]
    assert breaks(check(LOG, notes)) == [(FindingKind.REWRITTEN, 0), (FindingKind.FORKED, 0)]


def test_a_checkpoint_by_another_key_counts_for_nothing():
    verification = check(LOG, [NOTES[0], checkpoint(LOG, 8, THEIRS)])
    assert breaks(verification) == [(FindingKind.UNTRUSTED, 1)]
    assert verification.signed == 4


def test_a_checkpoint_of_another_log_counts_for_nothing():
    verification = check(LOG, [checkpoint(LOG, 8, origin="remit/other")], origin="remit/log")
    assert breaks(verification) == [(FindingKind.UNTRUSTED, 0)]
    assert verification.signed == 0


@pytest.mark.parametrize("damaged", ["", "nonsense", NOTES[1].replace("\n8\n", "\n9\n")])
def test_a_damaged_checkpoint_counts_for_nothing(damaged):
    assert breaks(check(LOG, [NOTES[0], damaged])) == [(FindingKind.UNTRUSTED, 1)]


@pytest.mark.parametrize("outside", ["", "nonsense", checkpoint(LOG, 4, THEIRS)])
def test_a_checkpoint_kept_elsewhere_that_cannot_be_trusted_is_an_error(outside):
    with pytest.raises(LogError):
        check(LOG, outside=outside)
    with pytest.raises(LogError, match="not of remit/log"):
        check(LOG, outside=checkpoint(LOG, 4, origin="other"), origin="remit/log")


def test_checkpoints_out_of_order_are_found():
    assert breaks(check(LOG, reversed(NOTES))) == [(FindingKind.OUT_OF_ORDER, 4)]


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"x":' + b"[" * 100_000,
        LOG[0].leaf.replace(b'"v":1', b'"v":2'),
    ],
)
def test_a_leaf_remit_did_not_write_is_found(leaf):
    nonsense = Stored(SIZE, leaf, b"{}", leaf_hash(leaf))
    assert breaks(check([*LOG, nonsense])) == [(FindingKind.UNREADABLE, SIZE)]


def test_a_payload_that_is_gone_breaks_no_proof_and_has_to_be_accounted_for():
    log = [replace(one, payload=None) if one.index in {2, 3, 7} else one for one in LOG]
    verification = check(log)
    assert verification.signed == 8
    missing = FindingKind.PAYLOAD_MISSING
    assert breaks(verification) == [(missing, 2), (missing, 7)]
    assert "records 2 to 3 is missing, and no record says" in verification.findings[0].message


def test_only_facts_leave_a_log_intact():
    assert {
        FindingKind.UNENDED, FindingKind.ERASED, FindingKind.BACKDATED, FindingKind.UNSIGNED,
        FindingKind.UNWITNESSED,
    } == FACTS  # fmt: skip


changes = st.sampled_from(["leaf", "payload", "hash"])


@given(st.integers(0, 7), changes, st.integers(0), st.integers(1, 255))
def test_no_byte_below_a_checkpoint_can_change_unnoticed(index, part, at, flip):
    data = bytearray(getattr(LOG[index], part))
    data[at % len(data)] ^= flip
    log = [replace(one, **{part: bytes(data)}) if one.index == index else one for one in LOG]
    verification = check(log)
    assert not verification.intact
    assert min(one.index for one in verification.findings if one.breaks) <= index


@given(st.integers(0, 8), st.integers(0, SIZE), st.data())
def test_any_honest_history_verifies(first, size, data):
    log = LOG[:size]
    sizes = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    notes = [checkpoint(log, one) for one in sizes]
    outside = checkpoint(log, min(first, size))
    head = Frontier().extend(one.hash for one in log)
    verification = check(log, notes, outside=outside, head=head)
    assert verification.intact
    assert verification.signed == max([*sizes, min(first, size)])


# The same with a real file and SQL, as somebody would who has the disk.


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "audit.db"
    with SqliteLedger(path) as ledger:
        for n in range(SIZE // 2):
            append(ledger, *a_whole_call(f"c-{n}", amount=n))
            ledger.checkpoint()
    return path


def tamper(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


TAMPERINGS = {
    "delete a record": ["DELETE FROM record WHERE seq = 5"],
    "delete the last record": ["DELETE FROM record WHERE seq = 9"],
    "change a leaf": ["UPDATE record SET leaf = replace(leaf, 'refund', 'search') WHERE seq = 3"],
    "change a hash": ["UPDATE record SET hash = zeroblob(32) WHERE seq = 3"],
    "a hash that is no hash": [
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'BLOB NOT NULL', 'BLOB')",
        "PRAGMA writable_schema = RESET",
        "UPDATE record SET hash = NULL WHERE seq = 3",
    ],
    "no name": ["DELETE FROM log"],
    "another name": ["UPDATE log SET origin = 'remit/other'"],
    "a checkpoint that is no text": ["UPDATE checkpoint SET note = x'ff'"],
    "change a payload": ["UPDATE record SET payload = CAST('{}' AS BLOB) WHERE seq = 3"],
    "swap two records": [
        "UPDATE record SET seq = -1 WHERE seq = 3",
        "UPDATE record SET seq = 3 WHERE seq = 5",
        "UPDATE record SET seq = 5 WHERE seq = -1",
    ],
    "swap two payloads": [
        "CREATE TEMP TABLE kept AS SELECT seq, payload FROM record WHERE seq IN (3, 5)",
        "UPDATE record SET payload = (SELECT payload FROM kept WHERE seq = 5) WHERE seq = 3",
        "UPDATE record SET payload = (SELECT payload FROM kept WHERE seq = 3) WHERE seq = 5",
    ],
    "add a record": [
        "INSERT INTO record (seq, leaf, hash) SELECT 10, leaf, hash FROM record WHERE seq = 0"
    ],
    "change a checkpoint": ["UPDATE checkpoint SET note = replace(note, 'A', 'B')"],
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_done_to_the_file_is_found(path, name):
    assert SqliteLog(path).verify().findings == ()
    tamper(path, *TAMPERINGS[name])
    try:
        verification = SqliteLog(path).verify()
    except LogError:
        return
    assert not verification.intact


def test_what_cannot_be_read_is_an_error_of_the_log_and_no_other(path):
    tamper(path, "DROP TABLE checkpoint")
    with pytest.raises(LogError, match="no such table"):
        SqliteLog(path).verify()


def test_a_file_with_another_key_beside_it_is_found_by_whoever_kept_the_key(path, tmp_path):
    kept = SqliteLog(path).verifying_key()
    with SqliteLedger(tmp_path / "forged.db", origin=SqliteLog(path).origin) as forged:
        append(forged, *a_whole_call("forged"))
    verification = SqliteLog(tmp_path / "forged.db").verify([kept])
    assert breaks(verification) == [(FindingKind.UNTRUSTED, 0)]
    assert verification.signed == 0


def test_payloads_deleted_from_the_file_are_missed_and_every_proof_still_holds(path):
    tamper(path, "UPDATE record SET payload = NULL WHERE seq < 4")
    log = SqliteLog(path)
    verification = log.verify()
    assert verification.signed == SIZE
    assert breaks(verification) == [(FindingKind.PAYLOAD_MISSING, 0)]
    assert log.entry(0).details() is None
    assert json.loads(log.entry(0).leaf)["kind"] == Kind.STARTED


def test_listings_cannot_be_made_to_say_something_else_than_the_leaf(path):
    with pytest.raises(sqlite3.OperationalError, match="it is a view"):
        tamper(path, "UPDATE listing SET subject = 'agent:somebody-else'")


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "audit.db"
    with SqliteLedger(path) as ledger:
        ledger.append_all(record(Kind.REFUSED, f"c-{n}") for n in range(700)).result(60)
    return path.read_bytes(), path.with_name("audit.db.pub").read_bytes()


INNER = {
    "change an inner node": ["UPDATE node SET hash = zeroblob(32) WHERE seq = 1"],
    "delete an inner node": ["DELETE FROM node WHERE seq = 0"],
    "delete the last inner node": ["DELETE FROM node WHERE seq = 1"],
    "move an inner node": ["UPDATE node SET seq = 5 WHERE seq = 1"],
    "add an inner node": ["INSERT INTO node VALUES (1, 2, zeroblob(32))"],
    "add one of a level that is not there": ["INSERT INTO node VALUES (2, 0, zeroblob(32))"],
    "an inner node that is no hash": ["UPDATE node SET hash = 'nonsense' WHERE seq = 0"],
}


@pytest.mark.parametrize("name", INNER)
def test_what_is_done_to_the_inner_nodes_is_found(long, tmp_path, name):
    path = tmp_path / "audit.db"
    path.write_bytes(long[0])
    path.with_name("audit.db.pub").write_bytes(long[1])
    assert SqliteLog(path).verify().findings == ()
    tamper(path, *INNER[name])
    (finding,) = SqliteLog(path).verify().findings
    assert finding.kind is FindingKind.TREE_CHANGED
    assert finding.breaks
