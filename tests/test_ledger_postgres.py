"""The ledger in a database keeps the promises of every ledger, and some of its own."""

# ruff: noqa: F811 - the fixtures that tests name are imported

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_contract import *  # noqa: F403 - the tests of the contract run as tests of this module
from ledger_contract import a_whole_call, append, record
from postgres_server import KEY, PostgresLedger, ledger, server, sql, url  # noqa: F401 - fixtures
from test_ledger_contract import some_filters, some_records

from remit.audit.checkpoint import open_checkpoint
from remit.audit.findings import FindingKind
from remit.audit.note import SigningKey
from remit.audit.tree import root, verify_consistency, verify_inclusion
from remit.errors import LogError
from remit.ledgers import postgres_query, postgres_store
from remit.ledgers.memory import MemoryLedger
from remit.ledgers.postgres_log import _STORED, PostgresLog
from remit.ledgers.postgres_schema import FORMAT
from remit.ledgers.query import Filter


@settings(max_examples=25, deadline=None)  # a database takes the time it takes
@given(some_records, st.lists(some_filters, min_size=1, max_size=8))
def test_it_agrees_with_the_others_on_what_a_filter_selects(server, records, filters):
    memory = MemoryLedger()
    with PostgresLedger(server.empty()) as ledger:
        append(memory, *records)
        append(ledger, *records)
        for wanted in filters:
            expected = [one.index for one in memory.select(wanted)]
            assert [one.index for one in ledger.select(wanted)] == expected


@settings(deadline=None)
@given(st.text("a\0\\u0\ufffd", min_size=1, max_size=12))
def test_no_name_is_too_odd_to_be_found(odd_names, name):
    (index,) = append(odd_names, record(subject=f"agent:{name}"))
    stored = odd_names.entry(index)
    assert stored.facts().subject == f"agent:{name}"
    wanted = Filter(subject=f"agent:{name}", start=index)
    assert [one.index for one in odd_names.select(wanted)] == [index]


@pytest.fixture(scope="module")
def odd_names(server):
    with PostgresLedger(server.new_database()) as made:
        yield made


@pytest.mark.parametrize("name", ["long " * 10_000, "\N{GRINNING FACE}" * 5000, "\\" * 9000])
def test_no_name_is_too_long_to_be_kept_and_found(ledger, name):
    whole = record(call=name, action=name, session=name, subject=f"agent:{name}", rules=(name,))
    append(ledger, whole, record())
    for wanted in (
        Filter(call=name),
        Filter(action=name),
        Filter(session=name),
        Filter(subject=f"agent:{name}"),
        Filter(rule=name),
    ):
        assert [one.index for one in ledger.select(wanted)] == [0]
    assert list(ledger.select(Filter(call=name + "x"))) == []


def test_a_large_batch_is_kept_as_a_small_one_is(ledger, url, monkeypatch):
    monkeypatch.setattr(postgres_store, "COPY_FROM", 3)
    calls = [record(call=f'c-{n}"\t\\N\n', text="\0\\N\t") for n in range(2000)]
    assert append(ledger, *calls) == list(range(2000))
    head = open_checkpoint(ledger.checkpoint(), [KEY.verifying])
    log = PostgresLog(url)
    verification = log.verify([KEY.verifying])
    assert verification.intact
    assert verification.signed == 2000
    for index in (0, 255, 256, 1791, 1792, 1999):
        proof = log.inclusion_proof(index)
        assert verify_inclusion(log.entry(index).hash, index, head.size, proof, head.root)
    old = root(one.hash for one in log.select(Filter(limit=700)))
    assert verify_consistency(700, old, head.size, head.root, log.consistency_proof(700))
    assert ledger.entry(1999).facts().call == 'c-1999"\t\\N\n'
    assert ledger.entry(1999).details()["args"] == {"text": "\0\\N\t"}


def test_a_ledger_goes_on_where_it_ended(url):
    with PostgresLedger(url, signer=KEY) as first:
        append(first, *a_whole_call())
    with PostgresLedger(url, signer=KEY) as second:
        assert append(second, *a_whole_call("c-2")) == [2, 3]
        assert second.origin == first.origin
    assert PostgresLog(url).verify([KEY.verifying]).signed == 4


def test_closing_signs_what_is_left_and_disconnects(url):
    ledger = PostgresLedger(url, signer=KEY)
    append(ledger, *a_whole_call())
    ledger.close()
    ledger.close()
    assert PostgresLog(url).verify([KEY.verifying]).signed == 2
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert sql(url, ours) == [(1,)]
    with pytest.raises(LogError, match="is closed"):
        ledger.append(record())


def test_a_ledger_that_nobody_holds_any_longer_is_closed(url):
    append(PostgresLedger(url, signer=KEY), *a_whole_call())
    assert PostgresLog(url).verify([KEY.verifying]).signed == 2


def test_a_process_without_a_key_appends_and_another_signs(url):
    with PostgresLedger(url) as agent, PostgresLedger(url, signer=KEY) as notary:
        append(agent, *a_whole_call())
        with pytest.raises(LogError, match="no signing key here: pass signer="):
            agent.checkpoint()
        with pytest.raises(LogError, match="pass the verifying keys you trust"):
            agent.verify()
        assert open_checkpoint(notary.checkpoint(), [KEY.verifying]).size == 2
        assert agent.verify([KEY.verifying]).signed == 2
    assert len(list(notary.checkpoints())) == 1


def test_a_key_may_lie_in_a_file(url, tmp_path):
    path = tmp_path / "audit.key"
    path.write_text(KEY.secret_text() + "\n")
    with PostgresLedger(url, signer=path, origin="example.com/log") as ledger:
        append(ledger, *a_whole_call())
        assert "example.com/log" in ledger.checkpoint()
        assert ledger.verify().signed == 2
    path.write_text("PRIVATE+KEY+nonsense")
    with pytest.raises(LogError, match=r"audit\.key: "):
        PostgresLedger(url, signer=str(path))
    with pytest.raises(FileNotFoundError):
        PostgresLedger(url, signer=tmp_path / "nowhere.key")


def test_checkpoints_appear_by_themselves(url, monkeypatch):
    monkeypatch.setattr("remit.ledgers.sqlite_worker.SIGN_EVERY", 0.0)
    with PostgresLedger(url, signer=KEY) as ledger:
        # The second record is written after the thread came by the checkpoint that was due.
        append(ledger, record())
        append(ledger, record())
        append(ledger, record())
        assert ledger.verify().signed >= 1


def test_a_checkpoint_is_signed_once_for_the_same_records(ledger):
    append(ledger, record())
    assert ledger.checkpoint() == ledger.checkpoint()
    append(ledger, record())
    ledger.checkpoint()
    assert len(list(ledger.checkpoints())) == 2


def test_readers_see_one_moment_and_do_not_hold_up_the_writer(ledger):
    append(ledger, *[record(call=f"c-{n}") for n in range(1200)])
    reading = ledger.select()
    first = next(reading)
    assert append(ledger, record(call="later")) == [1200]
    assert [one.index for one in (first, *reading)] == list(range(1200))
    assert ledger.size() == 1201


def test_a_reader_that_stops_in_the_middle_leaves_no_connection(url, ledger):
    append(ledger, *[record(call=f"c-{n}") for n in range(1200)])
    reading = ledger.select()
    next(reading)
    reading.close()
    idle = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    assert sql(url, idle) == [(0,)]


def test_it_can_be_read_inside_somebody_elses_event_loop(ledger):
    async def run():
        index = await asyncio.wrap_future(ledger.append(record()))
        return index, ledger.size(), [one.index for one in ledger.select()]

    assert asyncio.run(run()) == (0, 1, [0])


# What it refuses.


def test_reading_a_database_without_a_ledger_makes_none(url):
    with pytest.raises(LogError, match="holds no ledger"):
        PostgresLog(url)
    assert sql(url, "SELECT to_regnamespace('remit')") == [(None,)]


def test_a_schema_of_another_program_is_refused_and_left_alone(url):
    sql(url, "CREATE SCHEMA remit", "CREATE TABLE remit.holiday (name text)")
    for kind in (PostgresLedger, PostgresLog):
        with pytest.raises(LogError, match="not that of a ledger"):
            kind(url)
    tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'remit'::regnamespace"
    assert sql(url, tables) == [("holiday",)]


def test_a_ledger_of_a_newer_remit_is_refused(url, ledger):
    sql(url, f"UPDATE remit.format SET version = {FORMAT + 1}")
    for kind in (PostgresLedger, PostgresLog):
        with pytest.raises(LogError, match=f"format {FORMAT + 1}, this Remit reads {FORMAT}"):
            kind(url)
    with pytest.raises(LogError, match=rf"format {FORMAT + 1}, not .* of format {FORMAT}"):
        append(ledger, record())


def test_a_ledger_is_not_taken_for_another(url, ledger):
    with pytest.raises(LogError, match="holds the ledger remit/ledger"):
        PostgresLedger(url, origin="example.com/another")
    sql(url, "UPDATE remit.tree SET origin = 'example.com/another'")
    with pytest.raises(LogError, match=r"holds the ledger example.com/another"):
        append(ledger, record())


def test_a_database_that_cannot_hold_every_text_is_refused(server):
    latin = server.new_database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(LogError, match="its encoding is LATIN1, and records need UTF8"):
        PostgresLedger(latin)
    assert sql(latin, "SELECT to_regnamespace('remit')") == [(None,)]


@pytest.mark.parametrize("origin", ["", "two\nlines"])
def test_an_origin_that_no_checkpoint_can_name_makes_no_ledger(url, origin):
    with pytest.raises(LogError, match="origin"):
        PostgresLedger(url, origin=origin)
    assert sql(url, "SELECT to_regnamespace('remit')") == [(None,)]


def test_no_message_says_the_password():
    for dsn in ("host=db password=hunter2", "mysql://me:hunter2@db/audit"):
        with pytest.raises(ValueError, match="begins with postgresql://") as caught:
            PostgresLog(dsn)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ConnectionError, match=r"postgresql://127.0.0.1/audit cannot") as refused:
        PostgresLog("postgresql://me:hunter2@127.0.0.1:1/audit?password=hunter2")
    assert "hunter2" not in str(refused.value)


def test_a_writer_needs_no_right_to_change_or_delete_what_is_kept(server, url):
    with PostgresLedger(url, signer=KEY) as owner:
        append(owner, record(call="by the owner"))
    sql(
        url,
        "CREATE ROLE agent LOGIN",
        "GRANT USAGE ON SCHEMA remit TO agent",
        "GRANT SELECT ON ALL TABLES IN SCHEMA remit TO agent",
        "GRANT INSERT ON remit.record, remit.payload, remit.node, remit.checkpoint TO agent",
        "GRANT UPDATE ON remit.tree TO agent",
    )
    with PostgresLedger(url.replace("postgres:@", "agent:@"), signer=KEY) as agent:
        assert append(agent, *[record() for _ in range(600)]) == list(range(1, 601))
        assert agent.verify().intact
    sql(
        url,
        "CREATE ROLE auditor LOGIN",
        "GRANT USAGE ON SCHEMA remit TO auditor",
        "GRANT SELECT ON ALL TABLES IN SCHEMA remit TO auditor",
    )
    auditor = PostgresLog(url.replace("postgres:@", "auditor:@"))
    assert auditor.verify([KEY.verifying]).signed == 601
    assert len(list(auditor.select(Filter(rule="small-refund")))) == 601


def test_only_a_trusted_key_vouches(ledger):
    append(ledger, *a_whole_call())
    ledger.checkpoint()
    stranger = SigningKey.from_seed("stranger", b"s" * 32).verifying
    verification = ledger.verify([stranger])
    assert [one.kind for one in verification.findings if one.breaks] == [FindingKind.UNTRUSTED]


def test_the_index_is_used_for_what_is_asked_most(url, ledger):
    append(
        ledger,
        *[
            record(call=f"c-{n % 300}", session=f"s-{n % 300}", subject=f"agent:{n % 300}")
            for n in range(3000)
        ],
    )
    sql(url, "ANALYZE remit.record")
    for wanted in (Filter(call="c-7"), Filter(session="s-7"), Filter(subject="agent:7")):
        where, values = postgres_query.where(wanted)
        for number, value in enumerate(values, 1):
            where = where.replace(f"${number}", f"'{value}'")
        plan = str(sql(url, f"EXPLAIN {_STORED} {where}"))
        assert "record_call" in plan or "record_session" in plan or "record_subject" in plan
