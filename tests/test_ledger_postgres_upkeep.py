"""What is done to a ledger in a database as a whole: keys, witnesses, erasure."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import pytest
from cli_shell import Shell
from erasure_contract import *  # noqa: F403 - the contract is a set of tests
from erasure_contract import whole
from ledger_contract import NOON, a_whole_call, append
from postgres_server import KEY, PostgresLedger, server, url  # noqa: F401 - fixtures

from remit.audit.checkpoint import Checkpoint
from remit.audit.note import SigningKey
from remit.errors import LogError
from remit.ledgers.postgres_log import PostgresLog
from remit.model import Subject

OPERATOR = Subject("user", "operator")
NEXT = SigningKey.from_seed("remit/test", b"n" * 32)


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REMIT_LEDGER", raising=False)
    return Shell(capsys)


@pytest.fixture
def ledger(url):
    with PostgresLedger(url, signer=KEY) as made:
        yield made


def test_a_key_is_replaced_and_whoever_trusts_the_old_one_can_follow(url):
    with (
        PostgresLedger(url, signer=KEY, clock=lambda: NOON) as ledger,
        PostgresLedger(url, signer=KEY) as other,
    ):
        append(ledger, *a_whole_call())
        bridge = ledger.rotate_key(NEXT, by=OPERATOR)
        append(other, *a_whole_call("c-2"))
        with pytest.raises(LogError, match="signs no more: record 2"):
            other.checkpoint()
        with pytest.raises(LogError, match="signs no more: record 2"):
            other.close()
        ledger.checkpoint()
    log = PostgresLog(url)
    for trusted in ([KEY.verifying], [NEXT.verifying]):
        verification = log.verify(trusted, checkpoint=bridge)
        assert (verification.signed, verification.findings) == (5, ())
        assert [one.index for one in verification.rotations] == [2]
    with PostgresLedger(url) as ledger, pytest.raises(LogError, match="has no signing key here"):
        ledger.rotate_key(by=OPERATOR)


def test_a_rotation_that_was_committed_and_not_answered_is_done_once(url):
    with PostgresLedger(url, signer=KEY) as ledger:
        append(ledger, *a_whole_call())
        store = ledger._store()
        first = store.rotate(KEY, NEXT, OPERATOR)
        assert store.rotate(KEY, NEXT, OPERATOR) == first
        store.close()
        assert ledger.rotate_key(NEXT, by=OPERATOR) == first
    assert PostgresLog(url).size() == 3


def test_the_key_of_a_database_is_replaced_from_the_command_line(remit, url, tmp_path):
    remit("key", "generate", "audit")
    (tmp_path / "old.pub").write_text((tmp_path / "audit.pub").read_text())
    with PostgresLedger(url, signer="audit.key") as ledger:
        append(ledger, *a_whole_call())
    ended = remit("key", "rotate", "--ledger", url, "--signer", "audit.key", "--by", "ops")
    assert ended.code == 0
    for key in ("old.pub", "audit.pub"):
        assert remit("log", "verify", "--ledger", url, "--key", key).code == 0


def test_what_a_witness_signed_is_kept_in_the_checkpoint_it_signed(remit, url, tmp_path):
    (tmp_path / "audit.pub").write_text(str(KEY.verifying))
    with PostgresLedger(url, signer=KEY) as ledger:
        append(ledger, *a_whole_call())
        ledger.checkpoint()
    remit("key", "generate", "w", "--witness")
    arguments = ("--signer", "w.key", "--key", "audit.pub", "--seen", "seen", "--ledger", url)
    (tmp_path / "cosigned").write_text(remit("log", "witness", *arguments).out)
    assert remit("log", "checkpoint", "--add", "cosigned", "--ledger", url).code == 0
    verify = ("log", "verify", "--key", "audit.pub", "--witness", "w.pub", "--ledger", url)
    assert remit(*verify, "--json").json["witnessed"] == 2
    odd = Checkpoint("remit/test", 1, bytes(32)).sign(KEY)
    with PostgresLedger(url) as ledger, pytest.raises(LogError, match="no such checkpoint"):
        ledger.add_signatures(odd)


def test_payloads_of_a_database_are_erased_from_the_command_line(remit, url):
    with PostgresLedger(url, signer=KEY) as made:
        append(made, *whole("c-1", days=400), *whole("c-2", days=400, subject="agent:clerk"))
    arguments = ("log", "erase", "--subject", "clerk", "--by", "ops", "--ledger", url)
    assert remit(*arguments, "--dry-run", "--json").json["count"] == 2
    ended = remit(*arguments)
    assert (ended.code, ended.out) == (0, "2 payloads erased\n")
    assert "VACUUM FULL" in ended.err
    assert [one.index for one in PostgresLog(url).select() if one.payload is None] == [2, 3]
