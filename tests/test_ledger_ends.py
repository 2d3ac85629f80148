"""Nobody waits for the end of a call, and nobody acts while one cannot be written."""

import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from ledger_contract import a_whole_call, append, record

import remit
from remit.audit.record import Kind
from remit.call import begin
from remit.errors import LogError
from remit.ledgers import sqlite_schema, sqlite_worker, sqlite_writer
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.ports import Ports, finish
from remit.waiting import wait_here

HERE = Path(__file__).parent
POLICY = """
remit: 1
name: anything
rules:
  - {id: yes, action: "*", effect: allow}
"""
NO_ENDS = """
CREATE TRIGGER no_ends BEFORE INSERT ON record
WHEN json_extract(NEW.leaf, '$.kind') IN ('returned', 'raised')
BEGIN SELECT RAISE(ABORT, 'no more ends'); END
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.db"


@pytest.fixture
def ledger(path):
    with SqliteLedger(path, patience=30) as made:
        yield made


def guarded(ledger):
    guard = remit.Guard(remit.Policy.parse(POLICY), ledger=ledger)

    @guard.protect
    def act(work):
        return work

    def run(work=1):
        with remit.acting_as("agent:a"):
            return act(work)

    return run


def begun(ledger):
    request = remit.Request(remit.Subject("agent", "a"), remit.Action("refund"))
    ports = Ports(remit.Policy.parse(POLICY), ledger, wait_here)
    return finish(begin(request, ports))


def sql(path, statement):
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        connection.execute(statement)


def kinds(log):
    return [one.facts().kind for one in log.select()]


def test_a_call_returns_before_its_end_is_on_disk_and_the_end_gets_there(ledger, path):
    call = begun(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        finish(call.returned("done"))
        assert kinds(ledger) == [Kind.STARTED]
        other.execute("ROLLBACK")
    ledger.checkpoint()
    assert kinds(ledger) == [Kind.STARTED, Kind.RETURNED]


def test_an_end_that_nothing_follows_is_written_by_itself(ledger):
    assert ledger.append(record(Kind.RETURNED)).result(60) == 0


def test_a_call_costs_one_statement_because_its_end_travels_with_the_next(path, monkeypatch):
    statements = []
    real = sqlite_schema.connect

    def watched(*args):
        connection = real(*args)
        connection.set_trace_callback(
            lambda statement: statements.append(statement) if "INTO record" in statement else None
        )
        return connection

    monkeypatch.setattr(sqlite_schema, "connect", watched)
    monkeypatch.setattr(sqlite_writer, "ENDS_WITHIN", 3600.0)
    monkeypatch.setattr(sqlite_worker, "SIGN_EVERY", 3600.0)
    with SqliteLedger(path) as ledger:
        run = guarded(ledger)
        statements.clear()
        for _ in range(20):
            run()
        assert len(statements) == 20
    assert kinds(SqliteLog(path)) == [Kind.STARTED, Kind.RETURNED] * 20


def test_what_is_durable_has_all_before_it_durable_too(ledger):
    ends = [ledger.append(record(Kind.RETURNED, f"c-{n}")) for n in range(50)]
    assert append(ledger, record(call="last")) == [50]
    assert all(end.done() for end in ends)


def test_an_end_that_cannot_be_written_is_reported_and_stops_the_ledger(ledger, path, caplog):
    run = guarded(ledger)
    run()
    other = begun(ledger)
    sql(path, NO_ENDS)
    with caplog.at_level(logging.ERROR, "remit.ledger"):
        failed = ledger.append(record(Kind.RETURNED, "c-1")).exception(60)
    assert isinstance(failed, sqlite3.IntegrityError)
    assert "could not write how 1 calls ended" in caplog.text
    with pytest.raises(remit.Unavailable, match="no more ends"):
        run(pytest.fail)
    with pytest.raises(remit.Unrecorded, match="do not run it again"):
        finish(other.returned())
    sql(path, "DROP TRIGGER no_ends")


def test_a_ledger_that_can_write_again_writes_what_it_owes_first(ledger, path, caplog):
    sql(path, NO_ENDS)
    assert ledger.append(record(Kind.RETURNED, "c-1")).exception(60)
    sql(path, "DROP TRIGGER no_ends")
    with caplog.at_level(logging.WARNING, "remit.ledger"):
        assert append(ledger, record(call="c-2")) == [1]
    assert append(ledger, record(Kind.RETURNED, "c-2")) == [2]
    assert [one.facts().call for one in ledger.select()] == ["c-1", "c-2", "c-2"]
    assert "on record after all" in caplog.text
    assert ledger.verify().intact


def test_what_is_owed_is_written_though_nobody_asks(ledger, path, monkeypatch):
    monkeypatch.setattr(sqlite_worker, "RETRY_EVERY", 0.01)
    sql(path, NO_ENDS)
    assert ledger.append(record(Kind.RETURNED, "c-1")).exception(60)
    sql(path, "DROP TRIGGER no_ends")
    deadline = threading.Event()
    while ledger.size() == 0:
        deadline.wait(0.01)
    assert kinds(ledger) == [Kind.RETURNED]


def test_a_record_that_is_waited_for_and_fails_is_gone_and_no_debt(ledger, path):
    no_refunds = NO_ENDS.replace("'returned', 'raised'", "'started'")
    sql(path, no_refunds)
    assert ledger.append(record()).exception(60)
    assert ledger.append(record(Kind.RETURNED)).result(60) == 0


def test_a_ledger_closed_in_debt_says_what_is_missing(path):
    ledger = SqliteLedger(path)
    append(ledger, record())
    sql(path, NO_ENDS)
    assert ledger.append(record(Kind.RETURNED)).exception(60)
    with pytest.raises(LogError, match="how 1 calls ended is not on record: no more ends"):
        ledger.close()
    assert [one.kind.value for one in SqliteLog(path).verify().findings] == ["unended"]


def test_the_end_of_a_call_that_a_closed_ledger_cannot_take_is_unrecorded(path):
    ledger = SqliteLedger(path)
    call = begun(ledger)
    ledger.close()
    with pytest.raises(remit.Unrecorded):
        finish(call.returned())


def test_a_full_queue_takes_nothing(ledger, path, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MOST_WAITING", 5)
    call = begun(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for n in range(5):
            ledger.append(record(Kind.RETURNED, f"c-{n}"))
        with pytest.raises(remit.Unavailable, match="5 is the limit"):
            guarded(ledger)(pytest.fail)
        with pytest.raises(remit.Unrecorded):
            finish(call.returned())
        other.execute("ROLLBACK")
    ledger.checkpoint()
    guarded(ledger)()
    with pytest.raises(LogError, match="cannot take 6 more"):
        ledger.append_all(record(call=f"d-{n}") for n in range(6))


def test_many_records_are_kept_together_or_not_at_all(ledger, path):
    append(ledger, record())
    assert ledger.append_all(record(call=f"d-{n}") for n in range(5000)).result(60) == 1
    assert ledger.size() == 5001
    sql(path, NO_ENDS)
    calls = [one for n in range(10) for one in a_whole_call(f"e-{n}")]
    assert isinstance(ledger.append_all(calls).exception(60), sqlite3.IntegrityError)
    assert ledger.size() == 5001
    sql(path, "DROP TRIGGER no_ends")
    with pytest.raises(ValueError, match="no records to keep"):
        ledger.append_all([])
    assert ledger.verify().intact


def test_a_mistake_in_the_thread_that_writes_is_told_to_everybody_and_stops_the_ledger(
    ledger, monkeypatch, caplog
):
    append(ledger, record())

    def mistake(self):
        raise ZeroDivisionError

    monkeypatch.setattr(sqlite_worker.Worker, "_next_batch", mistake)
    with pytest.raises(LogError, match="has stopped: ZeroDivisionError"):
        append(ledger, record(call="c-2"), record(call="c-3"))
    with pytest.raises(LogError, match="has stopped"):
        ledger.append(record(call="c-4"))
    assert "has stopped" in caplog.text
    ledger.close()


PRELUDE = f"""
import os, sys, threading
sys.path.insert(0, {str(HERE)!r})
from ledger_contract import append, record, a_whole_call
import remit
from remit.audit.record import Kind
from remit.ledgers.sqlite import SqliteLedger
"""


def child(code, *args):
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
    )


def ends_well(process):
    process.communicate(timeout=60)
    return process.returncode == 0


def test_a_process_that_ends_has_written_its_ends(path):
    code = """
        ledger = SqliteLedger(sys.argv[1])
        ledger.append(record())
        ledger.append(record(Kind.RETURNED))
    """
    assert ends_well(child(code, path))
    verification = SqliteLog(path).verify()
    assert (verification.size, verification.signed, verification.findings) == (2, 2, ())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_ends_under_way_when_a_process_forks_are_written_once(path):
    code = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        ledger = SqliteLedger(sys.argv[1])
        for n in range(10):
            ledger.append(record(call=f"c-{n}"))
            ledger.append(record(Kind.RETURNED, f"c-{n}"))
            if os.fork() == 0:
                ledger.append(record(Kind.RETURNED, f"child-{n}"))
                ledger.close()
                os._exit(0)
            os.wait()
    """
    assert ends_well(child(code, path))
    calls = [one.facts().call for one in SqliteLog(path).select()]
    assert sorted(calls) == sorted(
        [f"c-{n}" for n in range(10)] * 2 + [f"child-{n}" for n in range(10)]
    )
    assert SqliteLog(path).verify().findings == ()


def test_a_killed_process_loses_no_more_than_ends_behind_its_last_acknowledged_record(path):
    code = """
        policy = remit.Policy.parse('''
        remit: 1
        name: crash
        rules:
          - {id: yes, action: act, effect: allow}
          - {id: maybe, action: act, when: args.n % 3 == 0, effect: ask, approvers: ["role:m"]}
          - {id: no, action: act, when: args.n % 5 == 0, effect: deny}
        ''')
        maria = remit.Subject("user", "maria", {"roles": ["m"]})
        real = remit.FixedApprover(approve=True, approver=maria)

        def say(*words):
            os.write(1, (" ".join(map(str, words)) + "\\n").encode())

        class Approver:
            def ask(self, question):
                say("asked", question.request.action.properties["name"])
                return real.ask(question)

        ledger = SqliteLedger(sys.argv[1])
        guard = remit.Guard(policy, ledger=ledger, approver=Approver())

        @guard.protect
        def act(name, n):
            if n % 3 == 0:
                say("answered", name)
            say("started", name)
            if n % 2:
                raise ValueError(name)

        def work(thread):
            n = 0
            while True:
                n += 1
                name = f"{os.getpid()}-{thread}/{n}"
                try:
                    with remit.acting_as("agent:a"):
                        act(name, n)
                except ValueError:
                    pass
                except remit.Denied:
                    say("refused", name)

        for thread in range(3):
            threading.Thread(target=work, args=(thread,), daemon=True).start()
        threading.Event().wait()
    """
    said = set()
    for _ in range(10):
        process = child(code, path)
        first = process.stdout.readline()
        threading.Event().wait(random.random() / 5)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
        # What was cut off in the middle was not yet said.
        whole = first + rest[: rest.rfind("\n") + 1]
        said |= {tuple(line.split()) for line in whole.splitlines()}
    log = SqliteLog(path)
    names, kept = {}, set()
    for stored in log.select():
        leaf = stored.facts()
        args = (stored.details() or {}).get("args", {})
        names[leaf.call] = args.get("name", names.get(leaf.call))
        kept.add((leaf.kind.value, names[leaf.call]))
    assert {kind for kind, _ in said} == {"asked", "answered", "started", "refused"}
    assert said <= kept
    assert log.verify().intact
    ended = {name for kind, name in kept if kind in {"returned", "raised"}}
    last = defaultdict(int)
    for _, name in said:
        thread, _, n = name.partition("/")
        last[thread] = max(last[thread], int(n))
    owed = {
        name
        for kind, name in said
        if kind == "started" and int(name.partition("/")[2]) < last[name.partition("/")[0]]
    }
    assert owed <= ended
    assert len(ended) > len(last)
