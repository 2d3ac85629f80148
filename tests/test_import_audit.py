"""Audit databases of Aegis and Kite Logik become ledgers, marked as what somebody says."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3

import pytest

from remit.audit.record import Kind
from remit.cli import main
from remit.compat.aegis import AuditLogger
from remit.compat.kitelogik import AuditStore
from remit.ledgers.sqlite_log import SqliteLog

AEGIS = {
    "session_id": "s1",
    "timestamp": "2025-11-15T14:32:01.250000+00:00",
    "action_type": "delete_document",
    "action_target": "storage",
    "action_params": '{"document_id": "42"}',
    "action_desc": "",
    "risk_level": "CRITICAL",
    "approval": "block",
    "matched_rule": "block_deletes",
    "human_decision": None,
    "result_status": "blocked",
    "result_data": None,
    "result_error": "Blocked by policy rule: block_deletes",
    "agent_id": "bot",
}
CONTEXT = {"session_id": "s2", "user_role": "clerk", "session_scopes": ["read"], "newer": 1}
DECISION = {
    "allow": True, "deny": False, "risk_tier": "OPERATIONAL", "requires_hitl": False,
    "reason": "fine", "rule_matched": "data.kitelogik.main.allow",
}  # fmt: skip
KITELOGIK = {
    "session_id": "s2",
    "tool_name": "get_customer",
    "args_json": '{"customer_id": "c"}',
    "policy_decision_json": json.dumps(DECISION),
    "policy_version": "1",
    "hitl_action_id": None,
    "hitl_decided_by": None,
    "outcome": "allowed",
    "timestamp": "2025-11-15T14:32:01+00:00",
    "context_json": json.dumps(CONTEXT),
}


@pytest.fixture
def database(tmp_path):
    def database(identity, *rows):
        path = tmp_path / "old.db"
        with sqlite3.connect(path) as old:
            names = ", ".join(rows[0])
            old.execute(f"CREATE TABLE audit_log (id {identity}, {names})")
            for number, row in enumerate(rows, 1):
                marks = ", ".join("?" * (len(row) + 1))
                old.execute(
                    f"INSERT INTO audit_log (id, {names}) VALUES ({marks})",
                    [number, *row.values()],
                )
        old.close()
        return path

    return database


def bring(old, new, code=0):
    assert main(["import", "audit", str(old), "--ledger", str(new), "--by", "user:ada"]) == code


def test_rows_of_aegis_are_what_they_were(database, tmp_path, capsys):
    old = database("INTEGER PRIMARY KEY", AEGIS, {**AEGIS, "result_status": None})
    bring(old, tmp_path / "new.db")
    assert capsys.readouterr().out == f"wrote {tmp_path / 'new.db'}: 2 rows of Aegis\n"
    audit = AuditLogger(tmp_path / "new.db")
    first, second = audit.get_log("s1")
    for name in AEGIS.keys() - {"timestamp"}:
        assert first[name] == AEGIS[name]
    assert first["timestamp"] == "2025-11-15T14:32:01+00:00"
    assert second["result_status"] is None
    audit.close()


def test_rows_of_kite_logik_are_what_they_were(database, tmp_path):
    bring(database("TEXT PRIMARY KEY", KITELOGIK), tmp_path / "new.db")
    store = AuditStore(str(tmp_path / "new.db"))
    (row,) = asyncio.run(store.query(session_id="s2"))
    assert (row.tool_name, row.outcome, dict(row.args)) == (
        "get_customer",
        "allowed",
        {"customer_id": "c"},
    )
    assert row.timestamp == KITELOGIK["timestamp"]
    store.close()


def test_nothing_that_was_imported_looks_like_something_that_was_governed(database, tmp_path):
    old = database("INTEGER PRIMARY KEY", {**AEGIS, "result_status": "success"})
    digest = hashlib.sha256(old.read_bytes()).hexdigest()
    bring(old, tmp_path / "new.db")
    log = SqliteLog(tmp_path / "new.db")
    first, second = log.select()
    assert [first.facts().kind, second.facts().kind] == [Kind.CHANGED, Kind.NOTED]
    assert first.facts().subject == "user:ada"
    assert first.details()["args"]["sha256"] == digest
    assert log.verify().intact


@pytest.mark.parametrize(
    "wrong",
    [
        {"action_params": "{"}, {"timestamp": "yesterday"}, {"risk_level": "HUGE"},
        {"approval": "maybe"}, {"result_status": "fine"}, {"action_type": None},
        {"action_params": "[1]"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_row_that_cannot_be_read_stops_all_of_it(database, tmp_path, capsys, wrong):
    old = database("INTEGER PRIMARY KEY", AEGIS, {**AEGIS, **wrong})
    before = sorted(tmp_path.iterdir())
    bring(old, tmp_path / "new.db", code=4)
    assert "row 2 cannot be read" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_number_that_is_none_is_kept_as_text(database, tmp_path):
    old = database("INTEGER PRIMARY KEY", {**AEGIS, "action_params": '{"a": NaN}'})
    bring(old, tmp_path / "new.db")
    audit = AuditLogger(tmp_path / "new.db")
    assert audit.get_log()[0]["action_params"] == '{"a": "nan"}'
    audit.close()


def test_what_is_there_is_not_overwritten_and_what_is_no_audit_log_is_not_read(database, tmp_path):
    (tmp_path / "new.db").write_text("mine")
    old = database("INTEGER PRIMARY KEY", AEGIS)
    bring(old, tmp_path / "new.db", code=3)
    assert (tmp_path / "new.db").read_text() == "mine"
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE audit_log (id INTEGER)")
    other.close()
    bring(tmp_path / "other.db", tmp_path / "newer.db", code=4)
    bring(tmp_path / "none.db", tmp_path / "newer.db", code=3)
    assert not (tmp_path / "newer.db").exists()
