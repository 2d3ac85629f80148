"""Commands about keys: generate, show, rotate."""

import getpass
import stat
from pathlib import Path

import pytest
from cli_shell import Shell
from ledger_contract import a_whole_call, append

from remit.audit.note import SigningKey, VerifyingKey
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with SqliteLedger("l.db") as ledger:
        append(ledger, *a_whole_call())
    monkeypatch.setenv("REMIT_LEDGER", "l.db")
    return Shell(capsys)


def test_generate_makes_a_pair_that_fits_and_keeps_the_secret_to_its_owner(remit):
    ended = remit("key", "generate", "audit", "--name", "example.org/audit")
    assert ended.code == 0
    secret = Path("audit.key").read_text()
    key = SigningKey.parse(secret)
    assert key.verifying == VerifyingKey.parse(Path("audit.pub").read_text())
    assert key.name == "example.org/audit"
    assert secret.strip() not in ended.out
    assert stat.S_IMODE(Path("audit.key").stat().st_mode) == 0o600
    assert remit("key", "generate", "audit").code == 1
    assert Path("audit.key").read_text() == secret
    assert remit("key", "generate", "other", "--name", "a b").code == 2
    assert remit("key", "generate", "no/such/folder").code == 3
    assert not Path("other.key").exists()


def test_show_tells_the_verifying_key_and_never_the_secret(remit):
    shown = remit("key", "show")
    assert shown.out.strip() == Path("l.db.pub").read_text().strip()
    assert remit("key", "show", "l.db.key").out == shown.out
    assert "PRIVATE" not in remit("key", "show", "l.db.key", "--json").out
    assert remit("key", "show", "l.db.pub", "--json").json["key"] == shown.out.strip()
    Path("junk").write_text("junk")
    assert remit("key", "show", "junk").code == 3
    assert remit("key", "show", "nothing").code == 3
    assert remit("key", "show", "--ledger", "postgresql://nowhere/x").code == 2


def test_rotate_replaces_the_key_and_the_old_one_still_leads_to_the_whole_log(remit):
    Path("old.pub").write_text(Path("l.db.pub").read_text())
    secret = Path("l.db.key").read_text()
    ended = remit("key", "rotate", "--by", "user:ops")
    assert ended.code == 0
    assert "give everybody l.db.pub" in ended.err
    assert Path("l.db.key").read_text() != secret
    Path("bridge").write_text(ended.out)
    for options in (["--key", "old.pub"], ["--key", "l.db.pub"], []):
        verified = remit("log", "verify", *options, "--checkpoint", "bridge")
        assert (verified.code, verified.err) == (0, "")
        assert "replaced" in verified.out
        assert "in record 2" in verified.out
    document = remit("log", "verify", "--key", "old.pub", "--json").json
    assert (document["signed"], document["rotations"][0]["index"]) == (3, 2)
    first, *replaced = remit("key", "show").out.splitlines()
    assert replaced == [f"  replaced {Path('old.pub').read_text().strip()}"]
    assert remit("key", "show", "--json").json["replaced"][0]["key"] in replaced[0]
    assert SqliteLog("l.db").entry(2).facts().subject == "user:ops"
    assert first == str(SqliteLog("l.db").verifying_key())


def test_whoever_rotates_is_named_by_the_system_if_not_said(remit, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "maria")
    assert remit("key", "rotate").code == 0
    assert SqliteLog("l.db").entry(2).facts().subject == "user:maria"

    def nobody():
        raise OSError("no user")

    monkeypatch.setattr(getpass, "getuser", nobody)
    ended = remit("key", "rotate")
    assert (ended.code, SqliteLog("l.db").size()) == (2, 3)
    assert "--by" in ended.err


def test_the_key_of_a_ledger_that_is_not_whole_is_not_replaced(remit):
    from test_log_tamper import tamper

    tamper("l.db", "UPDATE record SET payload = CAST('{}' AS BLOB) WHERE seq = 0")
    before = Path("l.db.key").read_text()
    ended = remit("key", "rotate", "--by", "ops")
    assert ended.code == 1
    assert "was not replaced" in ended.err
    assert Path("l.db.key").read_text() == before


def test_a_key_that_lies_elsewhere_is_named(remit):
    remit("key", "generate", "mine")
    with SqliteLedger("m.db", signer="mine.key") as ledger:
        append(ledger, *a_whole_call())
    ended = remit("key", "rotate", "--ledger", "m.db", "--signer", "mine.key", "--by", "ops")
    assert ended.code == 0
    assert len(Path("mine.pub").read_text().splitlines()) == 2
    assert remit("log", "verify", "--ledger", "m.db", "--key", "mine.pub").code == 0
    missing = remit("key", "rotate", "--ledger", "m.db", "--by", "ops")
    assert missing.code == 3
    assert "m.db.key" in missing.err
    assert remit("key", "rotate", "--ledger", "postgresql://nowhere/x", "--by", "ops").code == 2
