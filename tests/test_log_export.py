"""Records for other systems: each format is held against what its specification requires."""

import json
import re
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from cli_shell import Shell
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ledger_contract import a_whole_call, append, record
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from pyarrow import parquet

from remit.audit.record import Kind, encode
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash
from remit.cli.log import cloudevents, ocsf
from remit.cli.log.record import document
from remit.errors import LogError
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.model import Effect, Risk

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def stored(index=0, **fields):
    entry = encode(record(**fields), bytes(16))
    return Stored(index, entry.leaf, entry.payload, leaf_hash(entry.leaf))


text = st.text(max_size=20).filter(lambda value: value.isprintable())
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12
)
records = st.builds(
    stored,
    st.integers(0, 10**6),
    kind=st.sampled_from(list(Kind)),
    call=text,
    at=st.integers(10**17, 4 * 10**18),
    subject=st.builds("{}:{}".format, st.sampled_from(["agent", "user", "service"]), names),
    action=names,
    session=text,
    rules=st.lists(text, max_size=3).map(tuple),
    effect=st.sampled_from(list(Effect)),
    risk=st.none() | st.sampled_from(list(Risk)),
)


def check_cloudevent(event):
    """CloudEvents 1.0.2, context attributes and the JSON format."""
    for name in ("id", "source", "specversion", "type"):
        assert isinstance(event[name], str)
        assert event[name]
    assert event["specversion"] == "1.0"
    assert re.fullmatch(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]+", event["source"])
    urlsplit(event["source"])
    assert RFC3339.fullmatch(event["time"])
    datetime.fromisoformat(event["time"])
    assert event["datacontenttype"] == "application/json"
    assert "data_base64" not in event
    for name, value in event.items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)
        if name != "data":
            assert isinstance(value, str)
            assert value


OCSF = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.VERSION)).get_class_schema(
    "api_activity", profiles=["security_control"]
)
OCSF_SCHEMA = Draft202012Validator(OCSF)
"""As the project publishes it."""


@given(records, st.sampled_from(["remit/audit-5d1c09aa", "a log of ours", "naïve"]))
def test_a_record_is_a_cloudevent(one, origin):
    event = json.loads(json.dumps(cloudevents.event(one, origin), default=bytes_of))
    check_cloudevent(event)
    read = JSONFormat().read(CloudEvent, json.dumps(event))
    assert (read.get_id(), read.get_source()) == (event["id"], event["source"])
    assert event["id"] == str(one.index)
    assert event["type"] == f"remit.call.{one.facts().kind}"
    assert event["data"] == json.loads(json.dumps(document(one), default=bytes_of))


def bytes_of(raw):
    return json.loads(bytes(raw))


REQUIRED = {
    "activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id",
    "src_endpoint", "time", "type_uid", "action_id",
}  # fmt: skip
"""Of API Activity in OCSF 1.4.0, and of the profile security_control."""

OPTIONAL = {
    "action", "activity_name", "category_name", "class_name", "disposition", "disposition_id",
    "message", "raw_data", "resources", "severity", "status", "status_detail", "status_id",
    "type_name",
}  # fmt: skip
"""Those we use. There are no others: an unknown attribute is an error in OCSF."""


def check_ocsf(event):
    """What the schema says of class 6003 and of the objects in it."""
    assert set(event) >= REQUIRED
    assert set(event) <= REQUIRED | OPTIONAL
    assert (event["category_uid"], event["class_uid"]) == (6, 6003)
    assert event["activity_id"] in {0, 1, 2, 3, 4, 99}
    assert event["activity_name"]
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["severity_id"] in {0, 1, 2, 3, 4, 5, 6, 99}
    assert event["status_id"] in {0, 1, 2, 99}
    assert event["status"]
    assert event["action_id"] in {0, 1, 2, 99}
    assert event.get("disposition_id", 0) in range(28)
    assert type(event["time"]) is int
    assert 10**11 <= event["time"] < 10**13  # milliseconds
    assert event["api"]["operation"]
    assert {"version", "product"} <= set(event["metadata"])
    assert {"name", "vendor_name"} <= set(event["metadata"]["product"])
    assert event["metadata"]["profiles"] == ["security_control"]
    assert {"user", "app_name", "app_uid"} & set(event["actor"])
    if user := event["actor"].get("user"):
        assert user["name"]
        assert user["type_id"] in {0, 1, 2, 3, 99}
    for authorization in event["actor"]["authorizations"]:
        assert authorization["decision"] in {"allow", "deny"}
        assert authorization["policy"]["name"]
    assert event["src_endpoint"]["name"]
    for resource in event.get("resources", ()):
        assert resource["uid"]


@given(records)
def test_a_record_is_an_ocsf_api_activity(one):
    event = json.loads(json.dumps(ocsf.event(one, "remit/log")))
    check_ocsf(event)
    OCSF_SCHEMA.validate(event)
    assert event["metadata"]["sequence"] == one.index
    assert leaf_hash(event["raw_data"].encode()).hex() == event["metadata"]["uid"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("returned", 1), ("raised", 2), ("refused", 2), ("started", 99), ("asked", 99)],
)
def test_the_kind_of_a_record_is_the_status_of_the_event(kind, status):
    event = ocsf.event(stored(kind=Kind(kind)), "remit/log")
    assert (event["status_id"], event["activity_name"]) == (status, kind)


@pytest.mark.parametrize(
    ("risk", "severity"),
    [(None, 1), (Risk.LOW, 2), (Risk.MEDIUM, 3), (Risk.HIGH, 4), (Risk.CRITICAL, 5)],
)
def test_risk_is_severity(risk, severity):
    assert ocsf.event(stored(risk=risk), "remit/log")["severity_id"] == severity


def test_a_denial_is_a_denied_action_that_was_blocked():
    denied = ocsf.event(stored(kind=Kind.REFUSED, effect=Effect.DENY), "remit/log")
    assert (denied["action_id"], denied["disposition_id"]) == (2, 2)
    allowed = ocsf.event(stored(), "remit/log")
    assert (allowed["action_id"], allowed["disposition_id"]) == (1, 1)


def test_arguments_do_not_leave_the_ledger_for_ocsf():
    event = ocsf.event(stored(email="ada@example.com"), "remit/log")
    assert "ada@example.com" not in json.dumps(event)


def test_a_record_whose_payload_was_erased_is_still_an_event():
    ledger = MemoryLedger()
    append(ledger, *a_whole_call())
    whole = ledger.entry(0)
    erased = Stored(whole.index, whole.leaf, None, whole.hash)
    check_ocsf(json.loads(json.dumps(ocsf.event(erased, "remit/log"))))
    event = cloudevents.event(erased, "remit/log")
    assert event["data"]["payload"] is None


@pytest.fixture
def remit(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("REMIT_POLICY", "REMIT_LEDGER", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with SqliteLedger("l.db") as ledger:
        append(ledger, *a_whole_call("c-1", amount=5), record(Kind.REFUSED, "c-2"))
    monkeypatch.setenv("REMIT_LEDGER", "l.db")
    return Shell(capsys)


def test_export_writes_an_event_a_line(remit):
    for event in remit("log", "export", "--format", "cloudevents").lines:
        check_cloudevent(event)
    found = remit("log", "export", "--format", "ocsf", "--kind", "refused").lines
    assert [event["api"]["request"]["uid"] for event in found] == ["c-2"]
    check_ocsf(found[0])


@pytest.mark.parametrize("name", ["audit.tar", "audit"])
def test_an_exported_bundle_verifies_as_the_ledger_does(remit, name):
    assert remit("log", "export", "--format", "bundle", "--output", name).code == 0
    ours = remit("log", "verify", "--json").json
    theirs = remit("log", "verify", "--ledger", name, "--json").json
    assert theirs | {"ledger": "l.db"} == ours
    assert remit("log", "verify", "--ledger", name).code == 0
    kept = remit("log", "checkpoint").out
    Path("kept").write_text(kept)
    assert remit("log", "verify", "--ledger", name, "--checkpoint", "kept").code == 0
    again = remit("log", "export", "--format", "bundle", "--output", name)
    assert again.code == 1
    assert "--force overwrites it" in again.err
    assert remit("log", "export", "--format", "bundle", "--output", name, "--force").code == 0


def test_a_bundle_is_the_whole_log_and_has_a_name(remit):
    unnamed = remit("log", "export", "--format", "bundle")
    assert unnamed.code == 2
    assert "name it with --output" in unnamed.err
    partly = remit("log", "export", "--format", "bundle", "--output", "x", "--kind", "refused")
    assert partly.code == 2
    assert "the whole log" in partly.err
    nowhere = remit("log", "export", "--format", "bundle", "--output", "no/such/x.tar")
    assert nowhere.code == 3


def test_a_bundle_of_a_ledger_without_a_key_beside_it_is_given_one(remit):
    Path("l.db.pub").rename("elsewhere.pub")
    bundle = ("log", "export", "--format", "bundle", "--output", "b.tar")
    ended = remit(*bundle)
    assert (ended.code, "name one with --key" in ended.err) == (4, True)
    assert remit(*bundle, "--key", "elsewhere.pub").code == 0
    assert remit("log", "verify", "--ledger", "b.tar").code == 0


def test_a_ledger_that_has_gaps_has_no_bundle(remit):
    with closing(sqlite3.connect("l.db")) as connection, connection:
        connection.execute("DELETE FROM record WHERE seq = 1")
    ended = remit("log", "export", "--format", "bundle", "--output", "x")
    assert ended.code == 4
    assert "record 1 is missing, and a bundle has no gaps" in ended.err
    assert not Path("x").exists()


def test_a_folder_that_is_no_bundle_is_not_verified(remit):
    Path("empty").mkdir()
    ended = remit("log", "verify", "--ledger", "empty")
    assert ended.code == 4
    assert "bundle.json is missing" in ended.err


TEXT, TEXTS = pa.string(), pa.list_(pa.string())
COLUMNS = {
    "index": pa.int64(), "time": pa.timestamp("us", tz="UTC"),
    "kind": TEXT, "call": TEXT, "subject": TEXT, "action": TEXT, "payload": TEXT, "run": TEXT,
    "session": TEXT, "effect": TEXT, "policy": TEXT, "rules": TEXTS, "risk": TEXT,
    "monitored": TEXTS, "approval": TEXT, "approved": TEXTS, "uses": TEXTS, "error": TEXT,
    "errors": pa.int64(), "hash": pa.binary(32), "leaf": TEXT, "body": TEXT,
}  # fmt: skip


def parquet_of(remit, *options):
    ended = remit("log", "export", "--format", "parquet", "--output", "x.parquet", *options)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    return parquet.read_table("x.parquet")


def test_a_parquet_file_has_a_row_for_each_record_and_a_column_for_each_field(remit):
    table = parquet_of(remit)
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == COLUMNS
    ledger = SqliteLedger("l.db")
    for row, one in zip(table.to_pylist(), ledger.select(), strict=True):
        leaf = one.facts()
        assert (row["index"], row["hash"]) == (one.index, one.hash)
        assert (row["leaf"].encode(), row["body"].encode()) == (one.leaf, one.payload)
        assert int(row["time"].timestamp()) == leaf.at // 10**6
        assert (row["kind"], row["call"], row["payload"]) == (leaf.kind, leaf.call, leaf.payload)
        assert (row["rules"] or []) == list(leaf.rules)
        assert (row["run"], row["risk"], row["errors"]) == (None, None, None)
    ledger.close()


def test_parquet_holds_what_was_asked_for_and_no_payload_that_was_erased(remit, monkeypatch):
    monkeypatch.setattr("remit.cli.log.parquet.AT_ONCE", 2)
    remit("log", "erase", "--subject", "billing-bot", "--keep-at-least", "none", "--by", "ops")
    assert parquet_of(remit).column("body").null_count == 3
    only = parquet_of(remit, "--force", "--kind", "refused")
    assert only.column("call").to_pylist() == ["c-2"]
    assert parquet_of(remit, "--force", "--call", "nobody").num_rows == 0


def test_parquet_needs_a_file_and_pyarrow_and_leaves_nothing_half_done(remit, monkeypatch):
    nowhere = remit("log", "export", "--format", "parquet")
    assert (nowhere.code, "name a file with --output" in nowhere.err) == (2, True)
    parquet_of(remit)
    again = remit("log", "export", "--format", "parquet", "--output", "x.parquet")
    assert (again.code, "--force overwrites it" in again.err) == (1, True)
    with closing(sqlite3.connect("l.db")) as connection, connection:
        connection.execute("UPDATE record SET payload = CAST('no' AS BLOB) WHERE seq = 1")
    odd = remit("log", "export", "--format", "parquet", "--output", "y.parquet")
    assert (odd.code, "payload of record 1" in odd.err) == (4, True)
    assert [one.name for one in Path().iterdir() if "parquet" in one.name] == ["x.parquet"]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    without = remit("log", "export", "--format", "parquet", "--output", "y.parquet")
    assert (without.code, "pip install 'remit[parquet]'" in without.err) == (3, True)


@pytest.fixture
def exported(remit):
    Path("kept.pub").write_text(Path("l.db.pub").read_text())
    remit("log", "export", "--format", "bundle", "--output", "b.tar")
    return remit


IMPORT = ("log", "import", "b.tar", "--ledger", "copy.db")


def test_what_is_imported_is_what_was_exported(exported):
    ended = exported(*IMPORT, "--key", "kept.pub")
    assert (ended.code, ended.err) == (0, "")
    left = sorted(one.name for one in Path().iterdir() if "copy" in one.name)
    assert left == ["copy.db", "copy.db.pub"]
    ours, theirs = SqliteLog("l.db"), SqliteLog("copy.db")
    assert list(theirs.select()) == list(ours.select())
    assert list(theirs.checkpoints()) == list(ours.checkpoints())
    assert (theirs.origin, theirs.root()) == (ours.origin, ours.root())
    assert theirs.inclusion_proof(1) == ours.inclusion_proof(1)
    assert exported("log", "verify", "--ledger", "copy.db", "--key", "kept.pub").code == 0
    assert exported("log", "list", "--ledger", "copy.db", "--call", "c-2", "--json").code == 0


def test_what_was_imported_takes_no_records(exported):
    exported(*IMPORT)
    with pytest.raises(LogError, match="has lost its"):
        SqliteLedger("copy.db")


def test_a_large_log_with_erased_payloads_is_imported_with_its_inner_nodes(exported):
    with SqliteLedger("l.db") as ledger:
        ledger.append_all(record(Kind.REFUSED, f"d-{n}") for n in range(600)).result(60)
    erase = ("log", "erase", "--older-than", "0d", "--keep-at-least", "none", "--by", "ops")
    assert exported(*erase, "--json").json["count"] > 600
    exported("log", "export", "--format", "bundle", "--output", "b.tar", "--force")
    assert exported(*IMPORT, "--key", "kept.pub").code == 0
    before = exported("log", "verify", "--json").json
    after = exported("log", "verify", "--ledger", "copy.db", "--json").json
    assert after | {"ledger": "l.db"} == before
    assert SqliteLog("copy.db").inclusion_proof(300) == SqliteLog("l.db").inclusion_proof(300)


@pytest.mark.parametrize("how", ["changed", "another key", "another checkpoint", "there", "no tar"])
def test_what_does_not_verify_is_not_imported(exported, how):
    options = ["--key", "kept.pub"]
    if how == "changed":
        data = Path("b.tar").read_bytes()
        Path("b.tar").write_bytes(data.replace(b"because", b"perhaps", 1))
    elif how == "another key":
        exported("key", "generate", "other")
        options = ["--key", "other.pub"]
    elif how == "another checkpoint":
        kept = exported("log", "checkpoint").out
        Path("kept").write_text(kept.replace("\n3\n", "\n4\n"))
        options = ["--checkpoint", "kept"]
    elif how == "there":
        Path("copy.db").write_text("mine")
    else:
        Path("b.tar").write_bytes(Path("l.db").read_bytes())
    ended = exported(*IMPORT, *options)
    assert ended.code in {1, 2, 4}
    assert ended.err
    left = [one.name for one in Path().iterdir() if "copy" in one.name]
    assert left == (["copy.db"] if how == "there" else [])
