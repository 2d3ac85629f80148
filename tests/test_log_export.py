"""Records for other systems: each format is held against what its specification requires."""

import json
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cli_shell import Shell
from hypothesis import given
from hypothesis import strategies as st
from ledger_contract import a_whole_call, append, record

from remit.audit.record import Kind, encode
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash
from remit.cli.log import cloudevents, ocsf
from remit.cli.log.record import document
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.sqlite import SqliteLedger
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


@given(records, st.sampled_from(["remit/audit-5d1c09aa", "a log of ours", "naïve"]))
def test_a_record_is_a_cloudevent(one, origin):
    event = json.loads(json.dumps(cloudevents.event(one, origin), default=bytes_of))
    check_cloudevent(event)
    assert event["id"] == str(one.index)
    assert event["type"] == f"remit.call.{one.facts().kind}"
    assert event["data"] == json.loads(json.dumps(document(one), default=bytes_of))


def bytes_of(raw):
    return json.loads(bytes(raw))


REQUIRED = {
    "activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id",
    "src_endpoint", "time", "type_uid", "action_id",
}  # fmt: skip
"""Of API Activity in OCSF 1.3.0, and of the profile security_control."""

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
