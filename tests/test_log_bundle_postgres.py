"""A log in a database as files: the same as of a ledger file, for whoever checks or imports it."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import tracemalloc
from contextlib import closing

import pytest
from cli_shell import Shell
from ledger_contract import a_whole_call, append, record
from postgres_server import KEY, ledger, server, sql, url  # noqa: F401 - fixtures
from test_ledger_postgres_tamper import TAMPERINGS, log  # noqa: F401 - a fixture
from test_log_bundle import agreed, breaks, stranger

from remit.audit.note import SigningKey
from remit.audit.record import Kind
from remit.audit.trust import Trust
from remit.errors import LogError
from remit.ledgers import bundle
from remit.ledgers.bundle import Bundle
from remit.ledgers.postgres_log import PostgresLog
from remit.ledgers.sqlite_log import SqliteLog
from remit.ledgers.sqlite_restore import restore

TRUST = Trust((KEY.verifying,))


def export(log, output):
    with log.parts() as parts, bundle.created(output) as put:
        bundle.write(parts, TRUST, put)
    return output


@pytest.mark.parametrize("size", [0, 1, 256, 700])
def test_a_file_made_of_the_bundle_of_a_database_has_the_same_bundle(url, ledger, tmp_path, size):
    records = [one for n in range(size // 2) for one in a_whole_call(f"c-{n}", amount=n)]
    records += [record(Kind.REFUSED)] * (size % 2)
    append(ledger, *records)
    ledger.checkpoint()
    made = export(PostgresLog(url), tmp_path / "audit.tar")
    found = agreed(made)
    assert found[0] == found[2] == size
    assert not found[-1]
    with closing(Bundle(made)) as read:
        restore(read.parts(), tmp_path / "audit.db", TRUST)
    again = export(SqliteLog(tmp_path / "audit.db"), tmp_path / "again.tar")
    assert again.read_bytes() == made.read_bytes()


def test_a_bundle_is_of_one_moment_whatever_is_written_meanwhile(ledger, tmp_path):
    append(ledger, *a_whole_call("before"))
    signed = ledger.checkpoint()
    with ledger.parts() as parts, bundle.created(tmp_path / "audit") as put:
        append(ledger, *a_whole_call("meanwhile"))
        ledger.checkpoint()
        bundle.write(parts, TRUST, put)
    found = agreed(tmp_path / "audit")
    assert (found[0], found[-1]) == (2, {})
    assert list(Bundle(tmp_path / "audit").checkpoints()) == [signed]


def test_erased_payloads_stay_erased_in_the_bundle(url, ledger, tmp_path):
    append(ledger, *a_whole_call("c-1"))
    sql(url, "DELETE FROM remit.payload WHERE seq = 1")
    ledger.checkpoint()
    found = Bundle(export(ledger, tmp_path / "audit"))
    assert [one.payload is None for one in found.entries()] == [False, True]
    assert list(found.entries()) == list(ledger.select())


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_is_done_to_the_tables_shows_in_the_bundle_or_keeps_it_from_being_made(
    url, log, tmp_path, name
):
    statements, _ = TAMPERINGS[name]
    sql(url, *statements)
    try:
        made = export(log, tmp_path / "audit")
    except LogError:
        assert not (tmp_path / "audit").exists()
        return
    assert breaks(agreed(made))


def test_a_long_log_is_read_in_the_memory_of_a_short_one(ledger):
    def peak():
        tracemalloc.start()
        try:
            with ledger.parts() as parts:
                bundle.write(parts, TRUST, lambda _name, _data: None)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    ledger.append_all(record(Kind.REFUSED) for _ in range(1024)).result(60)
    short = peak()
    ledger.append_all(record(Kind.REFUSED) for _ in range(7 * 1024)).result(60)
    assert peak() < 1.5 * short


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


def test_the_command_line_exports_a_database_verifies_and_imports(remit, url, ledger, tmp_path):
    append(ledger, *a_whole_call("c-1", amount=80))
    ledger.checkpoint()
    export = ("log", "export", "--format", "bundle", "--output", "audit.tar", "--ledger", url)
    keyless = remit(*export)
    assert (keyless.code, "name the one you trust with --key" in keyless.err) == (2, True)
    assert not (tmp_path / "audit.tar").exists()
    (tmp_path / "kept.pub").write_text(str(KEY.verifying))
    exported = remit(*export, "--key", "kept.pub")
    assert (exported.code, exported.out, exported.err) == (0, "", "")
    verified = remit("log", "verify", "--ledger", "audit.tar", "--key", "kept.pub")
    assert (verified.code, "is whole" in verified.out) == (0, True)
    assert stranger.main(["audit.tar", "--key", "kept.pub", "--strict"]) == 0
    imported = remit("log", "import", "audit.tar", "--key", "kept.pub", "--ledger", "may.db")
    assert (imported.code, imported.err) == (0, "")
    assert remit("log", "list", "--json", "--ledger", "may.db").lines == (
        remit("log", "list", "--json", "--ledger", url).lines
    )


def test_a_key_that_is_not_the_logs_own_makes_a_bundle_that_says_so(remit, url, ledger, tmp_path):
    append(ledger, *a_whole_call("c-1"))
    ledger.checkpoint()
    other = SigningKey.from_seed("remit/test", b"x" * 32)
    (tmp_path / "other.pub").write_text(str(other.verifying))
    made = ("--format", "bundle", "--output", "audit", "--key", "other.pub", "--ledger", url)
    assert remit("log", "export", *made).code == 0
    assert breaks(agreed(tmp_path / "audit"))
