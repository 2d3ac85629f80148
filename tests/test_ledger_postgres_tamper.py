"""What is done to a ledger with SQL, by somebody who owns the database, is found."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import json

import pytest
from ledger_contract import a_whole_call, append, record
from postgres_server import KEY, PostgresLedger, server, sql, url  # noqa: F401 - fixtures

from remit.audit.findings import FindingKind
from remit.audit.note import SigningKey
from remit.audit.record import Kind
from remit.audit.tree import Frontier, leaf_hash
from remit.databases.postgres_session import asyncpg
from remit.errors import LogError
from remit.ledgers.postgres_log import PostgresLog

SIZE = 262
"""Enough for an inner node to be kept."""
KEYS = [KEY.verifying]


@pytest.fixture
def log(url):
    with PostgresLedger(url, signer=KEY) as ledger:
        append(ledger, *[one for n in range(126) for one in a_whole_call(f"b-{n}")])
        for n in range(5):
            append(ledger, *a_whole_call(f"c-{n}", amount=n))
            ledger.checkpoint()
    return PostgresLog(url)


def kinds(verification):
    return {one.kind for one in verification.findings if one.breaks}


CHANGED = FindingKind.CHANGED
TAMPERINGS = {
    "delete a record": (
        ["DELETE FROM remit.record WHERE seq = 5"],
        FindingKind.MISSING,
    ),
    "delete the last record": (
        ["DELETE FROM remit.record WHERE seq = 261"],
        FindingKind.TRUNCATED,
    ),
    "delete the last record and count again": (
        ["DELETE FROM remit.record WHERE seq = 261", "UPDATE remit.tree SET size = 261"],
        FindingKind.TRUNCATED,
    ),
    "change a leaf": (
        ["UPDATE remit.record SET leaf = replace(leaf, 'refund', 'search') WHERE seq = 3"],
        CHANGED,
    ),
    "backdate a leaf and hash it again": (
        [
            "UPDATE remit.record SET leaf = replace(leaf, '\"at\":17', '\"at\":16') WHERE seq = 3",
            "UPDATE remit.record SET hash = sha256('\\x00' || leaf::bytea) WHERE seq = 3",
        ],
        FindingKind.REWRITTEN,
    ),
    "change a hash": (
        ["UPDATE remit.record SET hash = decode(repeat('00', 32), 'hex') WHERE seq = 3"],
        CHANGED,
    ),
    "a hash that is no hash": (
        [
            "ALTER TABLE remit.record ALTER hash DROP NOT NULL",
            "UPDATE remit.record SET hash = NULL WHERE seq = 3",
        ],
        CHANGED,
    ),
    "a leaf that is none": (
        [
            "ALTER TABLE remit.record ALTER leaf DROP NOT NULL",
            "UPDATE remit.record SET leaf = NULL WHERE seq = 3",
        ],
        CHANGED,
    ),
    "no tree": (["DELETE FROM remit.tree"], LogError),
    "no frontier": (["UPDATE remit.tree SET frontier = '7'"], LogError),
    "change the frontier": (
        ["UPDATE remit.tree SET frontier = decode(repeat('00', 72), 'hex')"],
        LogError,
    ),
    "no checkpoint table": (["DROP TABLE remit.checkpoint"], LogError),
    "a column of another type": (
        ["ALTER TABLE remit.record ALTER hash TYPE text USING encode(hash, 'hex')"],
        CHANGED,
    ),
    "change a payload": (
        ["UPDATE remit.payload SET body = '{}' WHERE seq = 3"],
        FindingKind.PAYLOAD_CHANGED,
    ),
    "swap two records": (
        [
            "UPDATE remit.record SET seq = -1 WHERE seq = 3",
            "UPDATE remit.record SET seq = 3 WHERE seq = 5",
            "UPDATE remit.record SET seq = 5 WHERE seq = -1",
        ],
        FindingKind.REWRITTEN,
    ),
    "swap two payloads": (
        [
            "UPDATE remit.payload SET seq = -1 WHERE seq = 3",
            "UPDATE remit.payload SET seq = 3 WHERE seq = 5",
            "UPDATE remit.payload SET seq = 5 WHERE seq = -1",
        ],
        FindingKind.PAYLOAD_CHANGED,
    ),
    "change an inner node": (
        ["UPDATE remit.node SET hash = decode(repeat('00', 32), 'hex')"],
        FindingKind.TREE_CHANGED,
    ),
    "delete an inner node": (["DELETE FROM remit.node"], FindingKind.TREE_CHANGED),
    "add a record": (
        ["INSERT INTO remit.record SELECT 262, leaf, hash FROM remit.record LIMIT 1"],
        FindingKind.REWRITTEN,
    ),
    "change a checkpoint": (
        ["UPDATE remit.checkpoint SET note = replace(note, 'A', 'B')"],
        FindingKind.UNTRUSTED,
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_done_to_the_tables_is_found(url, log, name):
    assert log.verify(KEYS).findings == ()
    statements, expected = TAMPERINGS[name]
    sql(url, *statements)
    if expected is LogError:
        with pytest.raises(LogError):
            log.verify(KEYS)
        return
    assert expected in kinds(log.verify(KEYS))


def test_a_log_rewritten_with_another_key_is_found_by_whoever_kept_the_key(url, log):
    kept = list(log.checkpoints())[2]
    stranger = SigningKey.from_seed(KEY.name, b"s" * 32)
    sql(url, "DROP SCHEMA remit CASCADE")
    with PostgresLedger(url, signer=stranger, origin=log.origin) as forged:
        append(forged, *[record(call=f"forged-{n}") for n in range(SIZE)])
    assert kinds(log.verify(KEYS)) == {FindingKind.UNTRUSTED}
    assert log.verify(KEYS).signed == 0
    assert FindingKind.FORKED in kinds(log.verify([*KEYS, stranger.verifying], checkpoint=kept))


def test_a_log_cut_off_with_its_checkpoints_is_found_by_one_kept_elsewhere(url, log):
    kept = list(log.checkpoints())[-1]
    shorter = Frontier().extend(leaf_hash(one.leaf) for one in list(log.select())[:254]).to_bytes()
    sql(
        url,
        "DELETE FROM remit.record WHERE seq >= 254",
        "DELETE FROM remit.payload WHERE seq >= 254",
        "DELETE FROM remit.node",
        "DELETE FROM remit.checkpoint WHERE size > 254",
        f"UPDATE remit.tree SET size = 254, frontier = '\\x{shorter.hex()}'",
    )
    assert log.verify(KEYS).intact
    assert kinds(log.verify(KEYS, checkpoint=kept)) == {FindingKind.TRUNCATED}


def test_payloads_deleted_with_sql_are_missed_and_every_proof_still_holds(url, log):
    sql(url, "DELETE FROM remit.payload WHERE seq < 4")
    verification = log.verify(KEYS)
    assert verification.signed == SIZE
    assert [(one.kind, one.index) for one in verification.findings] == [
        (FindingKind.PAYLOAD_MISSING, 0)
    ]
    assert log.entry(0).details() is None
    assert json.loads(log.entry(0).leaf)["kind"] == Kind.STARTED


def test_listings_cannot_be_made_to_say_something_else_than_the_leaf(url, log):
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        sql(url, "UPDATE remit.record SET subject = 'agent:somebody-else'")
    assert log.verify(KEYS).findings == ()


def test_there_is_only_one_tree(url, log):
    with pytest.raises(asyncpg.UniqueViolationError):
        sql(url, "INSERT INTO remit.tree SELECT * FROM remit.tree")
    assert log.size() == SIZE
