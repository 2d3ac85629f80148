"""Commands about ledgers, where the ledger is in a database."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import sys

import pytest
from cli_shell import Shell
from ledger_contract import a_whole_call, append
from postgres_server import KEY, PostgresLedger, server, url  # noqa: F401 - fixtures


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


@pytest.fixture
def filled(url):
    with PostgresLedger(url, signer=KEY, origin="remit/audit") as ledger:
        append(ledger, *a_whole_call("c-1", amount=80), *a_whole_call("c-2", session="run-1"))
    return url


def test_records_of_a_database_are_listed_and_shown_and_exported(remit, filled, tmp_path):
    listed = remit("log", "list", "--ledger", filled)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.count("refund") == 8  # the action and the rule
    only = remit("log", "list", "--session", "run-1", "--json", "--ledger", filled)
    assert [line["index"] for line in only.lines] == [2, 3]
    shown = remit("log", "show", "c-1", "--json", "--ledger", filled)
    assert [line["index"] for line in shown.lines] == [0, 1]
    target = tmp_path / "all.jsonl"
    assert remit("log", "export", "--output", target, "--ledger", filled).code == 0
    assert len(target.read_text().splitlines()) == 4


def test_the_ledger_of_a_database_is_named_by_a_variable_too(remit, filled, monkeypatch):
    monkeypatch.setenv("REMIT_LEDGER", filled)
    assert len(remit("log", "list", "--json").lines) == 4


def test_a_database_is_verified_with_the_key_one_names(remit, filled, tmp_path):
    key = tmp_path / "audit.pub"
    key.write_text(str(KEY.verifying))
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(remit("log", "checkpoint", "--ledger", filled).out)
    arguments = ("log", "verify", "--key", key, "--checkpoint", kept, "--ledger", filled)
    verified = remit(*arguments)
    assert (verified.code, verified.err) == (0, "")
    assert "ledger0 is whole" in verified.out
    assert "postgres:" not in verified.out
    assert remit(*arguments, "--json").json["signed"] == 4


def test_what_needs_a_key_beside_the_ledger_says_that_a_database_has_none(remit, filled):
    verified = remit("log", "verify", "--ledger", filled)
    assert verified.code == 2
    assert "no key lies beside postgresql://" in verified.err
    assert "--key" in verified.err
    signed = remit("log", "checkpoint", "--sign", "--ledger", filled)
    assert signed.code == 2
    assert "only read from here" in signed.err


def test_a_database_that_cannot_be_read_is_said_in_one_line(remit, url, monkeypatch):
    empty = remit("log", "list", "--ledger", url)
    assert (empty.code, empty.err.count("\n")) == (4, 1)
    assert "holds no ledger" in empty.err
    away = remit("log", "list", "--ledger", "postgresql://me:hunter2@127.0.0.1:1/audit")
    assert (away.code, away.err.count("\n")) == (4, 1)
    assert "postgresql://127.0.0.1/audit cannot be reached" in away.err
    assert "hunter2" not in away.err
    imported = ("remit.ledgers.postgres_", "remit.databases.postgres_")
    for name in [name for name in sys.modules if name.startswith(imported)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    missing = remit("log", "list", "--ledger", url)
    assert (missing.code, missing.err.count("\n")) == (4, 1)
    assert "pip install 'remit[postgres]'" in missing.err
