"""The ledger in a file: what it survives, what it refuses, and who may use it at once."""

import asyncio
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from ledger_contract import a_whole_call, append, record

from remit.audit.checkpoint import open_checkpoint
from remit.audit.findings import FindingKind
from remit.audit.note import SigningKey, VerifyingKey
from remit.audit.record import Kind
from remit.audit.tree import consistency_proof, inclusion_proof, verify_inclusion
from remit.errors import LogError
from remit.ledgers import keys, sqlite_blocks, sqlite_schema, sqlite_store
from remit.ledgers.query import Filter
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
from remit.ledgers.sqlite_schema import FORMAT

HERE = Path(__file__).parent
PRELUDE = f"""
import sys, os
sys.path.insert(0, {str(HERE)!r})
from ledger_contract import append, record, a_whole_call
from remit.ledgers.sqlite import SqliteLedger
from remit.ledgers.sqlite_log import SqliteLog
"""


def child(code, *args, **options):
    """Another process, running *code* with the ledger within reach."""
    program = PRELUDE + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def output(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert not err
    return out


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.db"


@pytest.fixture
def ledger(path):
    with SqliteLedger(path) as made:
        yield made


@pytest.fixture
def shared():
    """A place that a process may see which is neither root nor us."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "audit.db"


def test_a_future_is_answered_when_any_other_process_can_read_the_record(ledger, path):
    future = ledger.append(record())
    assert isinstance(future, Future)
    assert future.result(30) == 0
    assert "c-1" in output(child("print(SqliteLog(sys.argv[1]).entry(0).facts().call)", path))


def test_a_loop_can_wait_for_a_record_without_standing_still(ledger):
    async def run():
        futures = [asyncio.wrap_future(ledger.append(record())) for _ in range(20)]
        return await asyncio.gather(*futures)

    assert asyncio.run(run()) == list(range(20))


def test_a_record_about_to_be_written_cannot_be_taken_back(ledger):
    future = ledger.append(record())
    assert not future.cancel()
    assert future.result(30) == 0


def test_a_ledger_goes_on_where_it_ended(path):
    with SqliteLedger(path) as first:
        append(first, *a_whole_call())
    with SqliteLedger(path) as second:
        assert append(second, *a_whole_call("c-2")) == [2, 3]
        assert second.origin == first.origin
        verification = second.verify()
    assert verification.intact
    assert SqliteLog(path).verify().signed == 4


def test_closing_signs_what_is_left_and_leaves_one_file(path):
    ledger = SqliteLedger(path)
    append(ledger, *a_whole_call())
    ledger.close()
    ledger.close()
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "audit.db",
        "audit.db.key",
        "audit.db.pub",
    ]
    assert SqliteLog(path).verify().signed == 2


def test_nothing_is_appended_to_a_closed_ledger(path):
    ledger = SqliteLedger(path)
    ledger.close()
    with pytest.raises(LogError, match="is closed"):
        ledger.append(record())


def test_a_ledger_that_nobody_holds_any_longer_is_closed(path):
    append(SqliteLedger(path), *a_whole_call())
    assert SqliteLog(path).verify().signed == 2
    assert not path.with_name("audit.db-wal").exists() or SqliteLog(path).size() == 2


def test_a_program_that_ends_without_closing_leaves_a_signed_ledger(path):
    code = """
        ledger = SqliteLedger(sys.argv[1])
        futures = [ledger.append(record()) for _ in range(50)]
    """
    output(child(code, path))
    verification = SqliteLog(path).verify()
    assert (verification.size, verification.signed) == (50, 50)


def test_a_checkpoint_is_signed_once_for_the_same_records(ledger):
    append(ledger, record())
    assert ledger.checkpoint() == ledger.checkpoint()
    append(ledger, record())
    ledger.checkpoint()
    assert len(list(ledger.checkpoints())) == 2


def test_checkpoints_appear_by_themselves(path, monkeypatch):
    monkeypatch.setattr("remit.ledgers.sqlite_worker.SIGN_EVERY", 0.0)
    with SqliteLedger(path) as ledger:
        append(ledger, record())
        # The next record is written after the thread came by the checkpoint that was due.
        append(ledger, record())
        append(ledger, record())
        assert ledger.verify().signed >= 1


def test_a_signer_of_ones_own_leaves_no_key_beside_the_file(path):
    mine = SigningKey.from_seed("mine", b"m" * 32)
    with SqliteLedger(path, signer=mine, origin="example.com/log") as ledger:
        append(ledger, record())
        head = open_checkpoint(ledger.checkpoint(), [mine.verifying])
        assert ledger.verify().intact
        assert ledger.verify([mine.verifying]).signed == 1
    assert head.origin == "example.com/log"
    assert not keys.signing_path(path).exists()


@pytest.mark.parametrize("name", ["a b", "a?b=c#d%41", "ä+ö", "audit"])
def test_a_ledger_may_have_any_name(tmp_path, name):
    with SqliteLedger(tmp_path / name, origin=f"the log {name}") as ledger:
        append(ledger, *a_whole_call())
    assert {one.name for one in tmp_path.iterdir()} == {name, f"{name}.key", f"{name}.pub"}
    assert SqliteLog(tmp_path / name).verify().signed == 2


@pytest.mark.parametrize("origin", ["", "two\nlines"])
def test_an_origin_that_no_checkpoint_can_name_makes_no_ledger(path, origin):
    with pytest.raises(LogError, match="origin"):
        SqliteLedger(path, origin=origin)
    assert not path.exists()


def test_a_ledger_stays_where_it_is_when_the_program_goes_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with SqliteLedger("audit.db") as ledger:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert append(ledger, record()) == [0]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_only_the_owner_can_read_the_ledger_and_its_key(ledger, path):
    append(ledger, record())
    for name in ("audit.db", "audit.db-wal", "audit.db.key"):
        assert stat.S_IMODE(path.with_name(name).stat().st_mode) == 0o600


def test_the_public_key_is_that_of_the_secret(ledger, path):
    secret = SigningKey.parse(keys.signing_path(path).read_text())
    assert VerifyingKey.parse(keys.verifying_path(path).read_text()) == secret.verifying
    assert secret.name == ledger.origin


def test_a_ledger_whose_secret_was_taken_away_is_not_given_a_new_one(ledger, path):
    ledger.close()
    keys.signing_path(path).unlink()
    with pytest.raises(LogError, match=r"audit\.db\.pub has lost its audit\.db\.key"):
        SqliteLedger(path)
    assert SqliteLog(path).verify().intact


def test_readers_see_one_moment_and_do_not_hold_up_the_writer(ledger):
    append(ledger, *[record(call=f"c-{n}") for n in range(10)])
    reading = ledger.select()
    first = next(reading)
    assert append(ledger, record(call="later")) == [10]
    assert [one.index for one in (first, *reading)] == list(range(10))
    assert ledger.size() == 11


def test_reading_a_ledger_that_is_not_there_makes_none(path):
    with pytest.raises(FileNotFoundError, match="there is no ledger"):
        SqliteLog(path)
    assert not path.exists()


def test_a_finished_ledger_can_be_read_from_a_place_where_nothing_can_be_written(shared):
    path = shared
    with SqliteLedger(path) as ledger:
        append(ledger, *a_whole_call())
    before = path.read_bytes()
    code = """
        import urllib.parse
        from remit.audit.note import SigningKey
        # Whoever one becomes below may not be able to read where Remit is installed.
        key = SigningKey.from_seed("x", bytes(32))
        assert key.verifying.verifies(b"x", key.sign(b"x"))
        os.chmod(sys.argv[1], 0o444), os.chmod(os.path.dirname(sys.argv[1]), 0o555)
        os.setuid(65534) if os.getuid() == 0 else None
        print(SqliteLog(sys.argv[1]).verify().intact)
    """
    assert "True" in output(child(code, path))
    assert path.read_bytes() == before
    assert not path.with_name("audit.db-wal").exists()


# What the ledger refuses.


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder.*nowhere"):
        SqliteLedger(tmp_path / "nowhere" / "audit.db")


def test_a_file_of_another_kind_is_refused_and_left_alone(path):
    path.write_bytes(b"minutes of the last meeting\n" * 100)
    for kind in (SqliteLedger, SqliteLog):
        with pytest.raises(LogError, match="is not a ledger"):
            kind(path)
    assert path.read_bytes() == b"minutes of the last meeting\n" * 100


def test_the_database_of_another_program_is_refused_and_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE holiday (name)")
    before = path.read_bytes()
    for kind in (SqliteLedger, SqliteLog):
        with pytest.raises(LogError, match="some other SQLite database"):
            kind(path)
    assert path.read_bytes() == before


def test_a_ledger_of_a_newer_remit_is_refused(ledger, path):
    ledger.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    for kind in (SqliteLedger, SqliteLog):
        with pytest.raises(LogError, match=f"format {FORMAT + 1}, this Remit reads {FORMAT}"):
            kind(path)


def test_a_ledger_is_not_taken_for_another(ledger, path):
    with pytest.raises(LogError, match="is the ledger remit/audit-"):
        SqliteLedger(path, origin="example.com/another")


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path):
    with pytest.raises(IsADirectoryError):
        SqliteLedger(tmp_path)


def test_a_ledger_somebody_else_holds_is_waited_for_and_then_given_up(path):
    with SqliteLedger(path, patience=0.05) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            futures = [ledger.append(record()) for _ in range(3)]
            for future in futures:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    future.result(30)
            other.execute("ROLLBACK")
        assert append(ledger, record()) == [0]
        assert ledger.size() == 1


def test_a_ledger_that_was_moved_away_takes_no_more_records(ledger, path):
    append(ledger, record())
    path.rename(path.with_name("moved.db"))
    with pytest.raises(OSError, match="No such file"):
        append(ledger, record())
    path.with_name("moved.db").rename(path)
    assert append(ledger, record()) == [1]


def test_a_file_that_was_put_in_its_place_is_refused(path):
    ledger = SqliteLedger(path)
    append(ledger, record())
    path.rename(path.with_name("moved.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE holiday (name)")
    with pytest.raises(LogError, match="some other SQLite database"):
        append(ledger, record())
    with pytest.raises(LogError, match="some other SQLite database"):
        ledger.close()


def test_behind_a_gap_nothing_is_written(path):
    with SqliteLedger(path) as ledger:
        append(ledger, record(), record(), record())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM record WHERE seq = 1")
    with SqliteLedger(path) as ledger, pytest.raises(LogError, match="lost a part of its tree"):
        append(ledger, record())


def test_an_index_that_is_taken_stops_the_whole_batch(ledger, path):
    append(ledger, record())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER taken BEFORE INSERT ON record WHEN new.seq >= 2 "
            "BEGIN SELECT RAISE(ABORT, 'taken'); END"
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        # Holding the lock makes one batch of what is handed over meanwhile.
        other.execute("BEGIN IMMEDIATE")
        futures = [ledger.append(record()) for _ in range(3)]
        other.execute("ROLLBACK")
    answers = [future.exception(30) for future in futures]
    failed = [one for one in answers if one is not None]
    assert failed
    assert all(isinstance(one, sqlite3.IntegrityError) for one in failed)
    assert ledger.size() == 1 + len(answers) - len(failed)
    assert ledger.verify().intact


def test_a_full_disk_fails_the_call_and_loses_nothing_that_was_acknowledged(path):
    code = """
        import resource, signal, sqlite3
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        ledger = SqliteLedger(sys.argv[1])
        append(ledger, *a_whole_call())
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        kept, error = 2, None
        while error is None:
            future = ledger.append(record(text="x" * 3000))
            error = future.exception(30)
            kept += error is None
        assert isinstance(error, sqlite3.OperationalError), error
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert append(ledger, record()) == [kept]
        print(kept + 1)
    """
    kept = int(output(child(code, path)))
    verification = SqliteLog(path).verify()
    assert verification.intact
    assert (verification.size, verification.signed) == (kept, kept)
    assert kept > 10


def test_a_ledger_that_may_only_be_read_fails_the_call(shared):
    SqliteLedger(shared).close()
    code = """
        import sqlite3
        ledger = SqliteLedger(sys.argv[1])
        os.chmod(sys.argv[1], 0o444), os.chmod(os.path.dirname(sys.argv[1]), 0o555)
        os.setuid(65534) if os.getuid() == 0 else None
        print(type(ledger.append(record()).exception(30)).__name__)
    """
    assert "OperationalError" in output(child(code, shared))


def test_a_key_that_cannot_be_read_loses_no_record_and_is_said_when_closing(path):
    ledger = SqliteLedger(path)
    keys.signing_path(path).write_text("PRIVATE+KEY+nonsense")
    assert append(ledger, record()) == [0]
    with pytest.raises(LogError, match=r"audit\.db\.key"):
        ledger.checkpoint()
    with pytest.raises(LogError, match=r"audit\.db\.key"):
        ledger.close()
    verification = SqliteLog(path).verify()
    assert verification.intact
    assert FindingKind.UNSIGNED in [one.kind for one in verification.findings]


# Several processes, forks and crashes.


def test_processes_that_begin_together_make_one_ledger_and_one_key(path):
    code = """
        sys.stdin.read()
        ledger = SqliteLedger(sys.argv[1])
        for n in range(20):
            append(ledger, *a_whole_call(f"{sys.argv[2]}-{n}"))
        ledger.close()
        print(ledger.origin, ledger.verifying_key())
    """
    processes = [child(code, path, n, stdin=subprocess.PIPE) for n in range(4)]
    assert len({output(process) for process in processes}) == 1
    verification = SqliteLog(path).verify()
    assert verification.findings == ()
    assert (verification.size, verification.signed) == (160, 160)
    calls = Counter(one.facts().call for one in SqliteLog(path).select())
    assert set(calls.values()) == {2}
    assert sorted(one.name for one in path.parent.iterdir() if "-" not in one.name) == [
        "audit.db",
        "audit.db.key",
        "audit.db.pub",
    ]


def test_every_acknowledged_record_survives_being_killed(path):
    code = """
        import threading
        ledger = SqliteLedger(sys.argv[1])

        def work(name):
            n = 0
            while True:
                call = f"{name}-{n}"
                index = ledger.append(record(call=call)).result()
                os.write(1, f"{index} {call}\\n".encode())
                n += 1

        for thread in range(4):
            threading.Thread(target=work, args=(f"{os.getpid()}-{thread}",), daemon=True).start()
        threading.Event().wait()
    """
    acknowledged = {}
    for lines in (1, 7, 40, 150):
        process = child(code, path)
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
        # What was cut off in the middle was not yet said.
        whole = "".join(said) + rest[: rest.rfind("\n") + 1]
        acknowledged |= dict(line.split() for line in whole.splitlines())
    log = SqliteLog(path)
    kept = {str(one.index): one.facts().call for one in log.select()}
    assert len(acknowledged) >= 198
    assert acknowledged.items() <= kept.items()
    verification = log.verify()
    assert verification.intact
    assert verification.size == len(kept)
    with SqliteLedger(path) as ledger:
        append(ledger, record())
    assert SqliteLog(path).verify().signed == len(kept) + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_writes_with_its_own_hands(path):
    code = """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        ledger = SqliteLedger(sys.argv[1])
        append(ledger, record(call="before"))
        child = os.fork()
        who = "parent" if child else "child"
        for n in range(20):
            append(ledger, record(call=f"{who}-{n}"))
        if child:
            assert os.waitpid(child, 0)[1] == 0
            append(ledger, record(call="after"))
    """
    output(child(code, path))
    calls = Counter(one.facts().call for one in SqliteLog(path).select())
    assert len(calls) == 42
    assert set(calls.values()) == {1}
    verification = SqliteLog(path).verify()
    assert verification.intact
    assert verification.signed == 42


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_may_fork_while_it_writes_and_end_before_its_children(path):
    code = """
        import threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        ledger = SqliteLedger(sys.argv[1])
        going = True

        def say(call):
            index = ledger.append(record(call=call)).result()
            os.write(1, f"{index} {call}\\n".encode())

        def work(name):
            n = 0
            while going:
                say(f"{name}-{n}")
                n += 1

        threads = [threading.Thread(target=work, args=(f"thread-{n}",)) for n in range(3)]
        for thread in threads:
            thread.start()
        release, hold = os.pipe()
        for n in range(6):
            if os.fork() == 0:
                os.close(hold)
                say(f"child-{n}-before")
                os.read(release, 1)  # until the parent is gone
                for m in range(30):
                    say(f"child-{n}-{m}")
                ledger.close()
                os._exit(0)
        going = False
        for thread in threads:
            thread.join()
        ledger.close()
    """
    said = output(child(code, path)).splitlines()
    acknowledged = dict(line.split() for line in said)
    assert len(acknowledged) == len(said)
    log = SqliteLog(path)
    kept = {str(one.index): one.facts().call for one in log.select()}
    assert acknowledged.items() == kept.items()
    assert sum(call.startswith("child") for call in kept.values()) == 6 * 31
    verification = log.verify()
    assert verification.intact
    assert verification.signed == len(kept)


def test_callers_that_come_together_share_a_transaction(path, monkeypatch):
    transactions = []
    real = sqlite_schema.connect

    def watched(*args):
        connection = real(*args)
        connection.set_trace_callback(
            lambda sql: transactions.append(sql) if sql == "COMMIT" else None
        )
        return connection

    monkeypatch.setattr(sqlite_schema, "connect", watched)
    with SqliteLedger(path) as ledger:
        transactions.clear()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            futures = [ledger.append(record()) for _ in range(200)]
            other.execute("ROLLBACK")
        assert [future.result(30) for future in futures] == list(range(200))
        assert 1 <= len(transactions) <= 3


def test_appending_from_many_threads_while_closing_answers_everybody(path):
    ledger = SqliteLedger(path)
    answered = []

    def work():
        try:
            while True:
                answered.append(ledger.append(record()).result(30))
        except LogError:
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(answered) < 20:
        pass
    ledger.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert sorted(answered) == list(range(len(answered)))
    verification = SqliteLog(path).verify()
    assert (verification.size, verification.signed) == (len(answered), len(answered))


def test_proofs_of_a_long_log_read_a_few_hundred_hashes(ledger):
    ledger.append_all(record(call=f"c-{n}") for n in range(3000)).result(60)
    first = open_checkpoint(ledger.checkpoint(), [ledger.verifying_key()])
    ledger.append_all(record(call=f"d-{n}") for n in range(2777)).result(60)
    head = open_checkpoint(ledger.checkpoint(), [ledger.verifying_key()])
    hashes = [one.hash for one in ledger.select()]
    for index in (0, 255, 256, 2999, 3000, 5632, 5776):
        proof = ledger.inclusion_proof(index)
        assert proof == inclusion_proof(hashes, index)
        assert verify_inclusion(hashes[index], index, head.size, proof, head.root)
        if index < first.size:
            earlier = ledger.inclusion_proof(index, first.size)
            assert verify_inclusion(hashes[index], index, first.size, earlier, first.root)
    for old in (1, 256, 300, 3000, 5777):
        assert ledger.consistency_proof(old) == consistency_proof(hashes, old)
    with closing(sqlite3.connect(ledger.path)) as connection:
        (inner,) = connection.execute("SELECT count(*) FROM node").fetchone()
    assert inner == 5777 // 256


def test_a_log_that_lost_a_part_of_its_tree_gives_no_proof(ledger):
    ledger.append_all(record(call=f"c-{n}") for n in range(600)).result(60)
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("DELETE FROM node WHERE seq = 1")
    with pytest.raises(LogError, match="lost a part of its tree"):
        ledger.inclusion_proof(3)
    ledger.checkpoint()
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("DELETE FROM record WHERE seq = 300")
    append(ledger, record())
    with pytest.raises(LogError, match="lost a part of its tree"):
        ledger.checkpoint()
    with pytest.raises(LogError, match="lost a part of its tree"):
        ledger.close()


def test_importing_the_ledger_imports_no_cryptography():
    code = """
        print([name for name in sys.modules if name.startswith("cryptography")])
    """
    assert output(child(code)).strip() == "[]"


def test_kinds_are_told_apart_in_listings(ledger):
    append(ledger, record(Kind.ASKED), record(Kind.ANSWERED), record())
    assert [one.index for one in ledger.select(Filter(kind=Kind.ANSWERED))] == [1]


def test_only_what_can_be_made_again_is_not_waited_for(path, monkeypatch):
    connections = []
    real = sqlite_schema.connect

    def watched(*args):
        connection, statements = real(*args), []
        connection.set_trace_callback(statements.append)
        connections.append(statements)
        return connection

    monkeypatch.setattr(sqlite_schema, "connect", watched)
    with SqliteLedger(path) as ledger:
        for _ in range(3):
            ledger.append_all(record(call=f"c-{n}") for n in range(300)).result(60)
            append(ledger, record())
    for statements in connections:
        waits = "PRAGMA synchronous = NORMAL" not in statements
        ours = (
            "INSERT INTO (log|record|node|checkpoint|approval)" if waits else "INTO (block|facet)"
        )
        written = [one for one in statements if re.search("INSERT|UPDATE|DELETE", one)]
        assert all(re.search(ours, statement) for statement in written)
    assert any("INTO facet" in statement for found in connections for statement in found)


def test_the_write_ahead_log_is_emptied_while_nobody_waits(path, monkeypatch):
    monkeypatch.setattr(sqlite_store, "FILL_EVERY", 256)
    with SqliteLedger(path) as ledger:
        ledger.append_all(record(call=f"c-{n}") for n in range(2000)).result(60)
        deadline = time.monotonic() + 30
        # Of the file itself, without the log beside it; no record has less than 300 bytes.
        while path.stat().st_size < 2000 * 300:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_caller_appends_while_the_ledger_is_looked_after(path, monkeypatch):
    tidying, appended = threading.Event(), threading.Event()
    real = sqlite_blocks.catch_up

    def slowly(connection):
        tidying.set()
        assert appended.wait(60)
        return real(connection)

    monkeypatch.setattr(sqlite_blocks, "catch_up", slowly)
    with SqliteLedger(path) as ledger:
        ledger.append_all(record(call=f"c-{n}") for n in range(300)).result(60)
        assert tidying.wait(60)
        ledger.append(record()).result()
        appended.set()
        assert ledger.size() == 301
