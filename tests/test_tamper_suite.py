"""What can be done to a log, each with a real file, found by `remit log verify` and by a stranger.

Whoever does it owns the machine: the file, the key beside it, and the tree the log remembers,
which they make fit again. Whoever verifies has kept a verifying key and a checkpoint, and
knows a witness.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cli_shell import Shell
from ledger_contract import NOON, SECOND, a_whole_call, append, record
from test_log_bundle import LOG, NOTES, agreed, build, stranger
from test_log_tamper import OURS, check, checkpoint, facts, rehashed, replace

from remit.audit.cosignature import WitnessSigner
from remit.audit.findings import FindingKind
from remit.audit.note import SigningKey
from remit.audit.record import Kind, encode
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash
from remit.audit.trust import Trust
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog

HOUR = 3600 * SECOND
WITNESS = WitnessSigner.from_seed("witness.example/w", b"w" * 32)
THIEF = SigningKey.from_seed("remit/log", b"t" * 32)


def calls(first, end, at=NOON):
    return [one for n in range(first, end) for one in a_whole_call(f"c-{n}", amount=n, at=at)]


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    """Ten calls; a checkpoint over four of them was kept, one over eight is in the log only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMIT_LEDGER", "l.db")
    with SqliteLedger("l.db", origin="remit/log", signer=OURS) as ledger:
        append(ledger, *calls(0, 4))
        kept = ledger.checkpoint()
        append(ledger, *calls(4, 8))
        ledger.add_signatures(WITNESS.cosign(ledger.checkpoint(), (NOON + HOUR) // SECOND))
        append(ledger, *calls(8, 10, at=NOON + HOUR))
    Path("kept").write_text(kept)
    Path("kept.pub").write_text(f"{OURS.verifying}\n")
    Path("w.pub").write_text(f"{WITNESS.verifying}\n")
    return Shell(capsys)


def change(*statements):
    """Do this to the file, and make hashes and tree fit what is there then."""
    with closing(sqlite3.connect("l.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    refit()


def refit():
    entries = list(SqliteLog("l.db").select())
    hashes = [(leaf_hash(one.leaf), one.index) for one in entries]
    with closing(sqlite3.connect("l.db")) as connection, connection:
        connection.executemany("UPDATE record SET hash = ? WHERE seq = ?", hashes)


def rewritten(key, *records):
    """Another log of this name, in its place, signed with *key*."""
    Path("l.db").unlink()
    with SqliteLedger("l.db", origin="remit/log", signer=key) as ledger:
        append(ledger, *records)


def close_the_gap(seq):
    later = [f"UPDATE record SET seq = seq - 1 WHERE seq = {n}" for n in range(seq + 1, 20)]
    return [f"DELETE FROM record WHERE seq = {seq}", *later]


def swap(one, other):
    return [
        f"UPDATE record SET seq = -1 WHERE seq = {one}",
        f"UPDATE record SET seq = {one} WHERE seq = {other}",
        f"UPDATE record SET seq = {other} WHERE seq = -1",
    ]


def delete():
    change(*close_the_gap(9))


def delete_and_sign_again():
    change(*close_the_gap(9), "DELETE FROM checkpoint WHERE size > 8")
    sign(OURS)


def reorder():
    change(*swap(4, 6))


def modify():
    change("UPDATE record SET leaf = replace(leaf, 'refund', 'search') WHERE seq = 2")


def truncate():
    change("DELETE FROM record WHERE seq >= 12")


def truncate_with_its_checkpoints():
    change("DELETE FROM record WHERE seq >= 6", "DELETE FROM checkpoint")
    sign(OURS)


def fork():
    original = [one.leaf for one in SqliteLog("l.db").select()]
    rewritten(OURS, *calls(0, 2), *calls(20, 28))
    assert [one.leaf for one in SqliteLog("l.db").select()] != original


def rewrite_with_a_new_key():
    rewritten(THIEF, *calls(30, 40))


def split_the_view():
    """One reader is shown this log, and has kept a checkpoint of the one shown to the other."""
    other = Path("other.db")
    with SqliteLedger(other, origin="remit/log", signer=OURS) as ledger:
        append(ledger, *calls(50, 54))
        Path("kept").write_text(ledger.checkpoint())


def split_the_view_in_the_log():
    with SqliteLedger("other.db", origin="remit/log", signer=OURS) as ledger:
        append(ledger, *calls(50, 57))
        shown = ledger.checkpoint()
    with closing(sqlite3.connect("l.db")) as connection, connection:
        connection.execute("INSERT INTO checkpoint (size, note) VALUES (14, ?)", (shown,))


def backdate_a_record():
    change("UPDATE record SET leaf = replace(leaf, '\"at\":17', '\"at\":16') WHERE seq = 5")


def backdate_a_new_record():
    with SqliteLedger("l.db", signer=OURS) as ledger:
        append(ledger, *calls(60, 61, at=NOON - HOUR))


def backdate_behind_a_witness():
    """No record is later than this one; the witness was."""
    change("DELETE FROM record WHERE seq >= 16", "DELETE FROM checkpoint WHERE size > 16")
    with SqliteLedger("l.db", signer=OURS) as ledger:
        append(ledger, *calls(60, 61, at=NOON))


def take_a_payload_away():
    change("UPDATE record SET payload = NULL WHERE seq = 3")


def sign(key):
    with SqliteLedger("l.db", signer=key) as ledger:
        ledger.checkpoint()


SUITE = {
    delete: {"rewritten"},
    delete_and_sign_again: set(),
    reorder: {"rewritten"},
    modify: {"rewritten"},
    truncate: {"truncated"},
    truncate_with_its_checkpoints: {"truncated"},
    fork: {"forked"},
    rewrite_with_a_new_key: {"untrusted", "forked"},
    split_the_view: {"forked"},
    split_the_view_in_the_log: {"forked"},
    backdate_a_record: {"rewritten"},
    backdate_a_new_record: {"backdated"},
    backdate_behind_a_witness: {"backdated"},
    take_a_payload_away: {"payload-missing"},
}
CLOSED = {delete_and_sign_again: {"unwitnessed"}}
"""What only the witness knows: it was done behind the checkpoint that was kept."""

ASK = ("log", "verify", "--key", "kept.pub", "--checkpoint", "kept", "--witness", "w.pub")


@pytest.mark.parametrize("tampering", SUITE, ids=lambda one: one.__name__)
def test_what_is_done_to_a_log_is_found_by_both(remit, capsys, tampering):
    assert remit(*ASK, "--json").json["whole"]
    tampering()
    ours = remit(*ASK, "--strict", "--json")
    assert ours.code == 1
    kinds = {one["kind"] for one in ours.json["findings"]}
    assert kinds >= SUITE[tampering] | CLOSED.get(tampering, set())
    bundle = ("--format", "bundle", "--output", "b.tar", "--key", "kept.pub")
    assert remit("log", "export", *bundle).code == 0
    capsys.readouterr()
    code = stranger.main(
        ["b.tar", "--key", "kept.pub", "--checkpoint", "kept", "--witness", "w.pub", "--strict",
         "--json"]
    )  # fmt: skip
    theirs = json.loads(capsys.readouterr().out)
    assert code == 1
    assert as_told(theirs) == as_told(ours.json)


def as_told(document):
    found = sorted((one["kind"], one["index"], one["breaks"]) for one in document["findings"])
    facts = ("whole", "size", "root", "signed", "witnessed", "checkpoints", "rotations")
    return found, {name: document[name] for name in facts}


def test_what_nobody_can_find_is_what_was_done_before_anybody_kept_anything(remit):
    rewritten(OURS, *calls(70, 75))
    assert remit("log", "verify", "--key", "kept.pub").code == 0
    assert remit(*ASK).code == 1


# Dates.


def dated(*moments):
    """A log of calls, in seconds after noon."""
    entries = []
    for index, moment in enumerate(moments):
        made = encode(record(Kind.REFUSED, f"c-{index}", at=NOON + moment * SECOND), bytes(16))
        entries.append(Stored(index, made.leaf, made.payload, leaf_hash(made.leaf)))
    return entries


@pytest.mark.parametrize(
    ("moments", "backdated"),
    [
        ((0, 1, 2), []),
        ((0, 300, 0), []),
        ((0, 301, 0), [2]),
        ((0, 7200, 10, 20, 7300), [2]),
        ((7200, 10, 7200, 20), [1, 3]),
        ((0, 10**6, 5, 6), [2]),
    ],
)
def test_a_record_dated_before_what_was_there_already_is_a_fact(tmp_path, moments, backdated):
    log = dated(*moments)
    verification = check(log, [checkpoint(log, len(log))])
    assert verification.intact
    assert facts(verification) == [(FindingKind.BACKDATED, index) for index in backdated]
    agreed(build(tmp_path / "log", log, [checkpoint(log, len(log))]))


@pytest.mark.parametrize(("seen", "backdated"), [(3600, [2]), (200, []), (-3600, [])])
def test_a_record_cannot_be_older_than_the_witness_who_did_not_see_it(seen, backdated):
    log = dated(0, 0, 5, 5)
    note = WITNESS.cosign(checkpoint(log, 2), NOON // SECOND + seen)
    trust = Trust((OURS.verifying,), witnesses=(WITNESS.verifying,))
    found = check(log, [note], trust).findings
    assert [one.index for one in found if one.kind is FindingKind.BACKDATED] == backdated
    assert not [one for one in check(log, [note]).findings if one.kind is FindingKind.BACKDATED], (
        "a witness nobody named says nothing"
    )


def test_a_date_that_was_changed_is_a_change_and_no_date():
    log = list(LOG)
    log[3] = replace(LOG[3], leaf=LOG[3].leaf.replace(b'"at":17', b'"at":16'))
    assert [one.kind for one in check(log, NOTES).findings if one.breaks] == [FindingKind.CHANGED]
    log[3] = rehashed(log[3])
    assert [one.kind for one in check(log, NOTES).findings if one.breaks] == [FindingKind.REWRITTEN]
