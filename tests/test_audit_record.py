"""The bytes of a record are what the documentation says they are."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from remit.audit.record import Kind, Record, encode
from remit.audit.stored import Stored
from remit.audit.tree import leaf_hash
from remit.canonical import canonical, digest
from remit.model import (
    Action,
    Approval,
    Decision,
    Effect,
    Request,
    Risk,
    Session,
    Subject,
)

SALT = bytes(range(16))
texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
requests = st.builds(
    Request,
    st.builds(Subject, texts, texts),
    st.builds(Action, texts, st.dictionaries(texts, values, max_size=3)),
    session=st.builds(Session, texts),
)
decisions = st.builds(
    Decision,
    st.sampled_from(Effect),
    texts,
    rules=st.lists(texts, max_size=3).map(tuple),
    errors=st.lists(texts, max_size=2).map(tuple),
    risk=st.none() | st.sampled_from(Risk),
    monitored=st.lists(texts, max_size=2).map(tuple),
    policy=texts,
)
approvals = st.builds(Approval, st.booleans(), st.builds(Subject, texts, texts), texts, st.just(0))
records = st.builds(
    Record,
    st.sampled_from(Kind),
    texts,
    st.integers(0, 2**62),
    requests,
    st.none() | decisions,
    st.lists(approvals, max_size=2).map(tuple),
)


@given(records)
def test_a_leaf_is_canonical_json(record):
    leaf = encode(record, SALT).leaf
    assert canonical(json.loads(leaf)) == leaf


@given(records)
def test_a_leaf_names_its_payload_and_reads_back(record):
    entry = encode(record, SALT)
    facts = Stored(0, entry.leaf, entry.payload, leaf_hash(entry.leaf)).facts()
    assert facts.payload == hashlib.sha256(entry.payload).hexdigest()
    assert (facts.kind, facts.call, facts.at) == (record.kind, record.call, record.at // 1000)
    assert facts.subject == str(record.request.subject)
    assert facts.action == record.request.action.name
    assert facts.session == record.request.session.id
    if record.decision is not None:
        assert facts.rules == record.decision.rules
        assert facts.effect == record.decision.effect
        assert facts.errors == len(record.decision.errors)


@given(records)
def test_a_payload_begins_with_its_salt(record):
    payload = encode(record, SALT).payload
    assert payload.startswith(b'{"salt":"000102030405060708090a0b0c0d0e0f"')
    assert json.loads(payload)["salt"] == SALT.hex()


def test_another_salt_makes_another_payload_and_so_another_leaf():
    record = Record(Kind.STARTED, "c", 0, Request(Subject("agent", "a"), Action("refund")))
    one, other = encode(record, SALT), encode(record, bytes(16))
    assert one.payload != other.payload
    assert one.leaf != other.leaf


def test_of_a_result_only_the_digest_is_kept():
    request = Request(Subject("agent", "a"), Action("lookup"))
    record = Record(Kind.RETURNED, "c", 0, request, result={"iban": "DE02 1203"})
    entry = encode(record, SALT)
    assert b"DE02" not in entry.leaf + entry.payload
    assert json.loads(entry.payload)["result"] == digest({"iban": "DE02 1203"})
